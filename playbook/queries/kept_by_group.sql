-- one row per base year (a year ending at $since or a year earlier) and group of customers who ordered in it: customers, and those who ordered again in the year after
with years as (
  select 'after' as window_name, $since - interval 1 year as base_start, $since - interval 0 year as base_end, $since + interval 1 year as kept_end
  union all
  select 'before' as window_name, $since - interval 2 year as base_start, $since - interval 1 year as base_end, $since - interval 0 year as kept_end
),
base as (
  select y.window_name, o.customer_id, min(y.base_end) as base_end, min(y.kept_end) as kept_end
  from years y
  join orders o on cast(o.ordered_at as date) > cast(y.base_start as date) and cast(o.ordered_at as date) <= cast(y.base_end as date)
  where o.revenue > 0 and o.customer_id is not null
  group by y.window_name, o.customer_id
),
kept as (
  select distinct b.window_name, b.customer_id
  from base b
  join orders o on o.customer_id = b.customer_id
  where o.revenue > 0 and cast(o.ordered_at as date) > cast(b.base_end as date) and cast(o.ordered_at as date) <= cast(b.kept_end as date)
)
select
  b.window_name,
  coalesce(c.country, 'not known') as country,
  coalesce(c.acquisition_channel, 'not known') as acquisition_channel,
  coalesce(c.market_segment, 'not known') as market_segment,
  case when c.company is null then 'private or not known' else 'business' end as customer_type,
  case when c.acquired_at is null then 'not known' when cast(c.acquired_at as date) > cast(b.base_end - interval 1 year as date) then 'won in the base year' else 'won earlier' end as tenure,
  count(*) as customers,
  count(k.customer_id) as kept
from base b
join customers c on c.customer_id = b.customer_id
left join kept k on k.customer_id = b.customer_id and k.window_name = b.window_name
group by 1, 2, 3, 4, 5, 6
order by 1, 2, 3, 4, 5, 6
