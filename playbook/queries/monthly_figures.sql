-- one row per calendar month with an order or a new customer up to as_of; money net of refunds, guests included
with sales as (
  select
    cast(date_trunc('month', ordered_at) as date) as month,
    min(cast(ordered_at as date)) as first_day,
    count(distinct case when revenue > 0 then customer_id end) as active_customers,
    sum(case when revenue > 0 and customer_id is not null then 1 else 0 end) as orders,
    sum(case when revenue > 0 and customer_id is null then 1 else 0 end) as guest_orders,
    sum(revenue) as revenue,
    sum(coalesce(revenue - cost, cast(revenue * cast($margin_rate as double) as decimal(18, 2)))) as margin,
    sum(
      case when cost is not null or cast($margin_rate as double) is not null then revenue end
    ) as priced_revenue
  from orders
  group by cast(date_trunc('month', ordered_at) as date)
),

first_orders as (
  select customer_id, min(cast(ordered_at as date)) as first_order
  from orders
  where customer_id is not null
  group by customer_id
),

earliest as (
  select c.first_won, o.first_order
  from (select min(cast(acquired_at as date)) as first_won from customers) as c
  cross join (select min(cast(ordered_at as date)) as first_order from orders) as o
),

won as (
  select
    cast(date_trunc('month', coalesce(cast(c.acquired_at as date), f.first_order)) as date) as month,
    count(*) as new_customers,
    avg(case when c.acquired_at is null then 0.0 else 1.0 end) as share_acquired_known
  from customers as c
  left join first_orders as f on c.customer_id = f.customer_id
  where coalesce(cast(c.acquired_at as date), f.first_order) is not null
  group by 1
)

select
  s.month,
  s.first_day,
  cast(s.month + interval '1' month as date) > cast(cast($as_of as date) + interval '1' day as date) as is_partial,
  s.active_customers,
  s.orders,
  s.guest_orders,
  coalesce(w.new_customers, 0) as new_customers,
  case when e.first_won < e.first_order then w.share_acquired_known else 0.0 end as share_acquired_known,
  s.revenue,
  s.margin,
  s.priced_revenue
from sales as s
cross join earliest as e
left join won as w on s.month = w.month
order by s.month
