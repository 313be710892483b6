-- one row per customer known at the end of $cutoff: what was known of the days after $lookback_from up to $cutoff, and
-- whether the customer ordered after $cutoff up to $outcome_to
with span as (
  select
    cast($lookback_from as date) as start_day, cast($cutoff as date) as end_day,
    cast($outcome_to as date) as outcome_day, cast($as_of as date) as last_day
),
bought as (
  select
    o.customer_id,
    date_diff('day', cast(max(case when o.revenue > 0 then o.ordered_at end) as date), max(s.end_day)) as recency_days,
    sum(case when o.revenue > 0 then 1 else 0 end) as orders,
    sum(case when o.revenue < 0 then 1 else 0 end) as refunds,
    cast(sum(o.revenue) as double) as revenue,
    cast(max(o.revenue) as double) as largest_order,
    count(distinct o.channel) as sales_channels,
    count(distinct cast(date_trunc('quarter', o.ordered_at) as date)) as active_quarters,
    sum(case when o.revenue > 0 and cast(o.ordered_at as date) > s.end_day - interval 91 day then 1 else 0 end) as orders_last_quarter
  from orders o
  cross join span s
  where cast(o.ordered_at as date) > s.start_day and cast(o.ordered_at as date) <= s.end_day and o.customer_id is not null
  group by o.customer_id
),
kinds as (
  select o.customer_id, count(distinct p.category) as categories
  from orders o
  join order_lines l on l.order_id = o.order_id
  join products p on p.product_id = l.product_id
  cross join span s
  where cast(o.ordered_at as date) > s.start_day and cast(o.ordered_at as date) <= s.end_day and l.quantity > 0
    and o.customer_id is not null
  group by o.customer_id
),
cases as (
  select t.customer_id, count(*) as tickets
  from tickets t
  cross join span s
  where cast(t.opened_at as date) > s.start_day and cast(t.opened_at as date) <= s.end_day and t.customer_id is not null
  group by t.customer_id
),
contacts as (
  select
    i.customer_id,
    count(*) as contacts,
    sum(case when i.stage in ('awareness', 'consideration') then 1 else 0 end) as visits,
    sum(case when i.stage = 'loyalty' then 1 else 0 end) as loyalty_contacts,
    date_diff('day', cast(max(i.occurred_at) as date), max(s.end_day)) as contact_recency_days
  from interactions i
  cross join span s
  where cast(i.occurred_at as date) > s.start_day and cast(i.occurred_at as date) <= s.end_day and i.customer_id is not null
  group by i.customer_id
),
contracts as (
  select u.customer_id, count(*) as contracts
  from subscriptions u
  cross join span s
  where cast(u.started_at as date) <= s.end_day and (u.ended_at is null or cast(u.ended_at as date) > s.end_day)
  group by u.customer_id
),
next_orders as (
  select distinct o.customer_id
  from orders o
  cross join span s
  where cast(o.ordered_at as date) > s.end_day and cast(o.ordered_at as date) <= s.outcome_day and o.revenue > 0
),
first_orders as (
  select customer_id, min(ordered_at) as first_order_at from orders where customer_id is not null group by customer_id
),
last_orders as (
  select o.customer_id, max(o.ordered_at) as last_order_at
  from orders o
  cross join span s
  where cast(o.ordered_at as date) <= s.end_day and o.revenue > 0 and o.customer_id is not null
  group by o.customer_id
)
select
  c.customer_id,
  date_diff('day', cast(coalesce(c.acquired_at, f.first_order_at) as date), s.end_day) as tenure_days,
  c.acquisition_channel,
  c.country,
  case when c.company is not null then 1 else 0 end as is_company,
  date_diff('day', cast(z.last_order_at as date), s.end_day) as days_since_order,
  b.recency_days,
  coalesce(b.orders, 0) as orders,
  coalesce(b.refunds, 0) as refunds,
  coalesce(b.revenue, 0) as revenue,
  b.largest_order,
  coalesce(b.sales_channels, 0) as sales_channels,
  coalesce(b.active_quarters, 0) as active_quarters,
  coalesce(b.orders_last_quarter, 0) as orders_last_quarter,
  coalesce(k.categories, 0) as categories,
  coalesce(t.tickets, 0) as tickets,
  coalesce(i.contacts, 0) as contacts,
  coalesce(i.visits, 0) as visits,
  coalesce(i.loyalty_contacts, 0) as loyalty_contacts,
  i.contact_recency_days,
  coalesce(u.contracts, 0) as contracts,
  case when s.outcome_day <= s.last_day then case when n.customer_id is null then 1 else 0 end end as churned
from customers c
cross join span s
left join first_orders f on f.customer_id = c.customer_id
left join last_orders z on z.customer_id = c.customer_id
left join bought b on b.customer_id = c.customer_id
left join kinds k on k.customer_id = c.customer_id
left join cases t on t.customer_id = c.customer_id
left join contacts i on i.customer_id = c.customer_id
left join contracts u on u.customer_id = c.customer_id
left join next_orders n on n.customer_id = c.customer_id
where cast(coalesce(c.acquired_at, f.first_order_at) as date) <= s.end_day
order by c.customer_id
