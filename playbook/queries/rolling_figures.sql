-- one row per month with orders: customers, orders and revenue of the 12 months that end with it, and how many of the customers of the 12 months before came back
with customer_months as (
  select
    customer_id,
    cast(date_trunc('month', ordered_at) as date) as month,
    sum(case when revenue > 0 then 1 else 0 end) as orders,
    sum(revenue) as revenue
  from orders
  where customer_id is not null
  group by customer_id, cast(date_trunc('month', ordered_at) as date)
),

months as (
  select distinct month
  from customer_months
  where cast(month + interval '1' month as date) <= cast(cast($as_of as date) + interval '1' day as date)
),

spans as (
  select
    m.month,
    c.customer_id,
    sum(case when c.month > cast(m.month - interval '12' month as date) then c.orders else 0 end) as orders,
    sum(case when c.month <= cast(m.month - interval '12' month as date) then c.orders else 0 end) as orders_before,
    sum(case when c.month > cast(m.month - interval '12' month as date) then c.revenue end) as revenue
  from months as m
  inner join customer_months as c
    on c.month <= m.month and c.month > cast(m.month - interval '24' month as date)
  group by m.month, c.customer_id
)

select
  month,
  sum(case when orders > 0 then 1 else 0 end) as active_customers,
  sum(case when orders > 1 then 1 else 0 end) as repeat_customers,
  sum(orders) as orders,
  sum(revenue) as revenue,
  sum(case when orders_before > 0 then 1 else 0 end) as previous_customers,
  sum(case when orders_before > 0 and orders > 0 then 1 else 0 end) as retained_customers
from spans
group by month
order by month
