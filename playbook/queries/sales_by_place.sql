-- one row per kind of place, place and whole calendar month with an order or a new customer up to as_of: net revenue and margin of known customers, and customers won so far
with priced as (
  select
    customer_id,
    cast(date_trunc('month', ordered_at) as date) as month,
    revenue,
    coalesce(revenue - cost, cast(revenue * cast($margin_rate as double) as decimal(18, 2))) as margin
  from orders
  where customer_id is not null
),

first_orders as (
  select customer_id, min(month) as month from priced group by customer_id
),

won as (
  select
    c.customer_id,
    coalesce(cast(date_trunc('month', c.acquired_at) as date), f.month) as month,
    c.country,
    c.region,
    c.area_type,
    case when c.company is null then 'private' else 'business' end as customer_type,
    c.market_segment,
    c.acquisition_channel
  from customers as c
  left join first_orders as f on c.customer_id = f.customer_id
),

places as (
  select 'country' as kind, country as place, customer_id, month from won where country is not null
  union all
  select 'region', region, customer_id, month from won where region is not null
  union all
  select 'area_type', area_type, customer_id, month from won where area_type is not null
  union all
  select 'customer_type', customer_type, customer_id, month from won
  union all
  select 'market_segment', market_segment, customer_id, month from won where market_segment is not null
  union all
  select 'acquisition_channel', acquisition_channel, customer_id, month from won where acquisition_channel is not null
),

sold as (
  select p.kind, p.place, s.month, cast(sum(s.revenue) as double) as revenue, cast(sum(s.margin) as double) as margin
  from places as p
  inner join priced as s on p.customer_id = s.customer_id
  group by p.kind, p.place, s.month
),

joined as (
  select kind, place, month, count(*) as new_customers
  from places
  where month is not null
  group by kind, place, month
),

both_sides as (
  select
    coalesce(s.kind, j.kind) as kind,
    coalesce(s.place, j.place) as place,
    coalesce(s.month, j.month) as month,
    coalesce(s.revenue, 0) as revenue,
    s.margin,
    coalesce(j.new_customers, 0) as new_customers
  from sold as s
  full outer join joined as j on s.kind = j.kind and s.place = j.place and s.month = j.month
)

select
  kind,
  place,
  month,
  revenue,
  margin,
  new_customers,
  sum(new_customers) over (partition by kind, place order by month rows between unbounded preceding and current row) as customers
from both_sides
where cast(month + interval '1' month as date) <= cast(cast($as_of as date) + interval '1' day as date)
order by kind, place, month
