-- one row per 12-month window (years_ago 0 ends at as_of, 1 a year before) and branch: existing and new customers, guests
with windows as (
  select 0 as years_ago, cast($since as date) as after_day, cast($as_of as date) as last_day
  union all
  select 1, cast(cast($since as date) - interval '1' year as date), cast($since as date)
),

first_orders as (
  select customer_id, min(cast(ordered_at as date)) as first_order
  from orders
  where customer_id is not null
  group by customer_id
),

won as (
  select
    f.customer_id,
    coalesce(cast(c.acquired_at as date), f.first_order) as won_day,
    case when c.acquired_at is null then 0 else 1 end as told
  from first_orders as f
  left join customers as c on f.customer_id = c.customer_id
),

history as (select min(cast(ordered_at as date)) as first_order from orders),

-- days of winning that begin with the orders were read off the orders and tell nothing
tellings as (
  select
    case
      when (select min(cast(acquired_at as date)) from customers) < (select first_order from history)
        then avg(cast(told as double))
      else 0.0
    end as share_acquired_known
  from won
),

branched as (
  select
    w.years_ago,
    w.after_day,
    case
      when o.customer_id is null then 'guests'
      when won.won_day > w.after_day then 'new customers'
      else 'existing customers'
    end as branch,
    o.customer_id,
    o.revenue,
    coalesce(o.revenue - o.cost, cast(o.revenue * cast($margin_rate as double) as decimal(18, 2))) as margin
  from windows as w
  inner join orders as o
    on cast(o.ordered_at as date) > w.after_day and cast(o.ordered_at as date) <= w.last_day
  left join won on o.customer_id = won.customer_id
)

select
  b.years_ago,
  b.after_day,
  h.first_order,
  t.share_acquired_known,
  b.branch,
  count(distinct case when b.revenue > 0 then b.customer_id end) as customers,
  sum(case when b.revenue > 0 then 1 else 0 end) as orders,
  sum(b.revenue) as revenue,
  sum(b.margin) as margin,
  sum(case when b.margin is not null then b.revenue end) as priced_revenue
from branched as b
cross join history as h
cross join tellings as t
group by b.years_ago, b.after_day, h.first_order, t.share_acquired_known, b.branch
order by b.years_ago, b.branch
