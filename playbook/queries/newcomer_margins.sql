-- one row per customer won since $start and at least $days days ago: channel, and margin of the first $days days
with first_orders as (
  select customer_id, min(ordered_at) as first_order_at from orders where customer_id is not null group by customer_id
),

won as (
  select
    c.customer_id,
    c.acquisition_channel as channel,
    cast(coalesce(c.acquired_at, f.first_order_at) as date) as won_on,
    case when c.acquired_at is null then cast($days as bigint) else 0 end as unseen
  from customers as c
  left join first_orders as f on c.customer_id = f.customer_id
),

earned as (
  select
    w.customer_id,
    sum(coalesce(o.revenue - o.cost, cast(o.revenue * cast($margin_rate as double) as decimal(18, 2)))) as margin
  from won as w
  inner join orders as o on w.customer_id = o.customer_id
  where date_diff('day', w.won_on, cast(o.ordered_at as date)) between 0 and cast($days as bigint)
  group by w.customer_id
)

select
  w.customer_id,
  w.channel,
  w.won_on,
  cast(coalesce(e.margin, 0) as double) as margin
from won as w
left join earned as e on w.customer_id = e.customer_id
where w.won_on >= cast($start as date) and date_diff('day', w.won_on, cast($as_of as date)) >= cast($days as bigint)
  and w.channel is not null
  -- without a day of acquisition, a first order soon after the record begins may be an old customer's
  and date_diff('day', cast($start as date), w.won_on) >= w.unseen
order by w.customer_id
