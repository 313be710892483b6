-- one row per group of customers won since the first order on record and a full year before as_of: customers, and those who ordered again within a year of being won
with bounds as (
  select cast(min(ordered_at) as date) as first_day from orders where revenue > 0
),
won as (
  select
    c.customer_id, cast(c.acquired_at as date) as won_on,
    coalesce(c.country, 'not known') as country,
    coalesce(c.region, 'not known') as region,
    coalesce(c.acquisition_channel, 'not known') as acquisition_channel,
    coalesce(c.market_segment, 'not known') as market_segment,
    case when c.company is null then 'private or not known' else 'business' end as customer_type
  from customers c
  cross join bounds b
  where cast(c.acquired_at as date) >= b.first_day and cast(c.acquired_at as date) + interval 365 day <= cast($as_of as date)
),
stayed as (
  select distinct w.customer_id
  from won w
  join orders o on o.customer_id = w.customer_id
  where o.revenue > 0 and cast(o.ordered_at as date) > w.won_on and cast(o.ordered_at as date) <= w.won_on + interval 365 day
)
select
  w.country, w.region, w.acquisition_channel, w.market_segment, w.customer_type,
  count(*) as customers, count(s.customer_id) as kept
from won w
left join stayed s on s.customer_id = w.customer_id
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
