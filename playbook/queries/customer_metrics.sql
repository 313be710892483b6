-- one row per customer with an order or a contact in the 12 months after $since: everything that is counted about them
with bought as (
  select
    customer_id,
    count(case when revenue > 0 then 1 end) as orders,
    cast(sum(revenue) as double) as revenue,
    cast(sum(revenue - cost) as double) as gross_margin,
    cast(sum(discount) as double) as discount,
    count(case when revenue < 0 then 1 end) as refunds,
    count(distinct channel) as sales_channels,
    max(date_diff('day', cast(ordered_at as date), $as_of)) as days_since_first_order,
    min(date_diff('day', cast(ordered_at as date), $as_of)) as days_since_last_order
  from orders
  where customer_id is not null and cast(ordered_at as date) > $since
  group by customer_id
),
items as (
  select
    o.customer_id, cast(sum(l.quantity) as double) as units, count(distinct l.product_id) as products,
    count(distinct p.category) as categories
  from orders o
  join order_lines l on l.order_id = o.order_id
  left join products p on p.product_id = l.product_id
  where o.customer_id is not null and o.revenue > 0 and cast(o.ordered_at as date) > $since
  group by o.customer_id
),
contacts as (
  select
    customer_id, count(*) as contacts, count(distinct touchpoint) as touchpoints,
    count(distinct cast(occurred_at as date)) as days_in_contact
  from interactions
  where customer_id is not null and cast(occurred_at as date) > $since
  group by customer_id
),
cases as (
  select customer_id, count(*) as cases, avg(csat) as case_satisfaction
  from tickets
  where customer_id is not null and cast(opened_at as date) > $since
  group by customer_id
),
points as (
  select customer_id, cast(sum(case when kind = 'earn' then points else 0 end) as double) as points_earned
  from loyalty_events
  where cast(occurred_at as date) > $since
  group by customer_id
)
select
  c.customer_id, c.country, b.orders, b.revenue, b.gross_margin,
  case when b.orders > 0 then b.revenue / b.orders end as average_order_value,
  b.discount, b.refunds, b.sales_channels, b.days_since_first_order, b.days_since_last_order,
  i.units, i.products, i.categories, t.contacts, t.touchpoints, t.days_in_contact,
  case when b.customer_id is not null or t.customer_id is not null then coalesce(s.cases, 0) end as cases,
  s.case_satisfaction, p.points_earned
from customers c
left join bought b on b.customer_id = c.customer_id
left join items i on i.customer_id = c.customer_id
left join contacts t on t.customer_id = c.customer_id
left join cases s on s.customer_id = c.customer_id
left join points p on p.customer_id = c.customer_id
where b.customer_id is not null or t.customer_id is not null or s.customer_id is not null
order by c.customer_id
