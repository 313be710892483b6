-- one row per year (0 ends at $as_of, 1 a year before), touchpoint after the purchase, kind of area and outcome: contacts of known customers
with windows as (
  select 0 as years_ago, cast($since as date) as after_day, cast($as_of as date) as last_day
  union all
  select 1, cast(cast($since as date) - interval '1' year as date), cast($since as date)
)

select
  w.years_ago,
  i.touchpoint,
  coalesce(c.area_type, 'not known') as area_type,
  i.outcome,
  count(*) as contacts
from windows as w
inner join interactions as i
  on cast(i.occurred_at as date) > w.after_day and cast(i.occurred_at as date) <= w.last_day
inner join customers as c on i.customer_id = c.customer_id
where i.stage = 'support' and i.outcome is not null and i.touchpoint is not null
group by w.years_ago, i.touchpoint, coalesce(c.area_type, 'not known'), i.outcome
order by w.years_ago, i.touchpoint, area_type, i.outcome
