-- one row per customer won a year ago or earlier whose whole first year lies in the order history: whether
-- referred, and revenue and goods margin of the first year
with referred as (
  select distinct referred_id as customer_id from referrals where converted
),
history as (
  select cast(min(ordered_at) as date) as first_day from orders
)
select
  c.customer_id,
  extract(year from c.acquired_at) as won_in,
  case when r.customer_id is null then 0 else 1 end as referred,
  coalesce(sum(o.revenue), 0) as revenue_first_year,
  coalesce(sum(o.revenue - o.cost), 0) as margin_first_year,
  count(o.cost) as orders_with_cost
from customers c
cross join history h
left join referred r on r.customer_id = c.customer_id
left join orders o
  on o.customer_id = c.customer_id and cast(o.ordered_at as date) <= cast(c.acquired_at as date) + interval 365 day
where c.acquired_at is not null and cast(c.acquired_at as date) >= h.first_day and cast(c.acquired_at as date) <= $since
group by c.customer_id, extract(year from c.acquired_at), r.customer_id
order by c.customer_id
