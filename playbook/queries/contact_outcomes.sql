-- one row: one outcome at one touchpoint (unknown where none is named) and channel over the period, with its contacts
with contact as (
    select stage, coalesce(nullif(trim(touchpoint), ''), 'unknown') as touchpoint, channel, outcome, occurred_at
    from interactions
)
select stage, touchpoint, channel, outcome, count(*) as contacts
from contact
where occurred_at >= cast($since as date) + interval 1 day
group by stage, touchpoint, channel, outcome
order by stage, touchpoint, channel, outcome
