-- one row per 12-month window: years_ago 0 ends at as_of, 1 a year before, 2 two years before
with windows as (
  select 0 as years_ago, cast($since as date) as after_day, cast($as_of as date) as last_day
  union all
  select 1, cast(cast($since as date) - interval '1' year as date), cast($since as date)
  union all
  select
    2,
    cast(cast($since as date) - interval '2' year as date),
    cast(cast($since as date) - interval '1' year as date)
),

priced as (
  select
    order_id,
    customer_id,
    cast(ordered_at as date) as day,
    revenue,
    coalesce(revenue - cost, cast(revenue * cast($margin_rate as double) as decimal(18, 2))) as margin
  from orders
),

units as (
  select
    w.years_ago,
    p.customer_id,
    case when p.customer_id is null then p.order_id end as guest_order,
    sum(case when p.revenue > 0 then 1 else 0 end) as orders,
    sum(p.revenue) as revenue,
    sum(p.margin) as margin,
    sum(case when p.margin is not null then p.revenue end) as priced_revenue
  from windows as w
  inner join priced as p on p.day > w.after_day and p.day <= w.last_day
  group by w.years_ago, p.customer_id, case when p.customer_id is null then p.order_id end
),

totals as (
  select
    years_ago,
    sum(case when customer_id is not null and orders > 0 then 1 else 0 end) as active_customers,
    sum(case when customer_id is not null and orders > 1 then 1 else 0 end) as repeat_customers,
    sum(case when customer_id is not null then orders else 0 end) as orders,
    sum(case when customer_id is null then orders else 0 end) as guest_orders,
    sum(revenue) as revenue,
    sum(case when customer_id is not null then revenue end) as customer_revenue,
    sum(margin) as margin,
    sum(priced_revenue) as priced_revenue,
    sum(cast(revenue as double) * cast(revenue as double)) as revenue_squared,
    sum(cast(margin as double) * cast(margin as double)) as margin_squared,
    sum(case when customer_id is not null then orders * orders else 0 end) as orders_squared,
    sum(case when customer_id is not null then cast(revenue as double) * cast(revenue as double) end)
      as customer_revenue_squared,
    sum(case when customer_id is not null then orders * cast(revenue as double) end) as orders_times_revenue
  from units
  group by years_ago
),

kept as (
  select
    earlier.years_ago - 1 as years_ago,
    count(*) as previous_customers,
    sum(case when later.orders > 0 then 1 else 0 end) as retained_customers
  from units as earlier
  left join units as later
    on later.customer_id = earlier.customer_id and later.years_ago = earlier.years_ago - 1
  where earlier.customer_id is not null and earlier.orders > 0 and earlier.years_ago > 0
  group by earlier.years_ago
),

won as (
  select
    c.customer_id,
    coalesce(cast(c.acquired_at as date), min(p.day)) as won_day,
    case when c.acquired_at is null then 0 else 1 end as told
  from customers as c
  left join priced as p on c.customer_id = p.customer_id
  group by c.customer_id, c.acquired_at
),

new_ones as (
  select w.years_ago, count(*) as new_customers, avg(cast(won.told as double)) as share_acquired_known
  from windows as w
  inner join won on won.won_day > w.after_day and won.won_day <= w.last_day
  group by w.years_ago
),

history as (select min(day) as first_order from priced),

earliest as (select min(cast(acquired_at as date)) as first_won from customers)

select
  w.years_ago,
  w.after_day,
  w.last_day,
  h.first_order,
  coalesce(n.new_customers, 0) as new_customers,
  case when e.first_won < h.first_order then n.share_acquired_known else 0.0 end as share_acquired_known,
  k.previous_customers,
  k.retained_customers,
  t.active_customers,
  t.repeat_customers,
  t.orders,
  t.guest_orders,
  t.revenue,
  t.customer_revenue,
  t.margin,
  t.priced_revenue,
  t.revenue_squared,
  t.margin_squared,
  t.orders_squared,
  t.customer_revenue_squared,
  t.orders_times_revenue
from windows as w
inner join totals as t on w.years_ago = t.years_ago
cross join history as h
cross join earliest as e
left join new_ones as n on w.years_ago = n.years_ago
left join kept as k on w.years_ago = k.years_ago
order by w.years_ago
