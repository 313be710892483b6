-- one row: one outcome at one touchpoint and channel over the period, with its contacts
select stage, touchpoint, channel, outcome, count(*) as contacts
from interactions
where occurred_at >= cast($since as date) + interval 1 day
group by stage, touchpoint, channel, outcome
order by stage, touchpoint, channel, outcome
