-- one row per customer, year (0 ends at $as_of, 1 a year before) and dimension: the channel and the category most spent on
with windows as (
  select 0 as years_ago, cast($since as date) as after_day, cast($as_of as date) as last_day
  union all
  select 1, cast(cast($since as date) - interval '1' year as date), cast($since as date)
),

spent as (
  select w.years_ago, o.customer_id, 'channel' as dimension, o.channel as name, cast(sum(o.revenue) as double) as amount
  from windows as w
  inner join orders as o on cast(o.ordered_at as date) > w.after_day and cast(o.ordered_at as date) <= w.last_day
  where o.revenue > 0 and o.customer_id is not null and o.channel is not null
  group by w.years_ago, o.customer_id, o.channel
  union all
  select
    w.years_ago,
    o.customer_id,
    'category' as dimension,
    p.category as name,
    sum(cast(l.quantity as double) * cast(l.unit_price as double)) as amount
  from windows as w
  inner join orders as o on cast(o.ordered_at as date) > w.after_day and cast(o.ordered_at as date) <= w.last_day
  inner join order_lines as l on o.order_id = l.order_id
  inner join products as p on l.product_id = p.product_id
  where o.revenue > 0 and o.customer_id is not null and p.category is not null
  group by w.years_ago, o.customer_id, p.category
),

ranked as (
  select
    years_ago,
    customer_id,
    dimension,
    name,
    row_number() over (partition by years_ago, customer_id, dimension order by amount desc, name) as place
  from spent
)

select customer_id, years_ago, dimension, name
from ranked
where place = 1
order by customer_id, years_ago, dimension
