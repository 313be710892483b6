-- one row: one customer's first order of a calendar month, followed to the end: what was known before it, orders in the $days days
-- after it (when incidents are counted) and orders and revenue in the 365 days after those; earlier orders only as far as they are delivered
with bought as (
    select customer_id, ordered_at, revenue
    from orders
    where customer_id is not null
),
first_of_month as (
    select customer_id, cast(date_trunc('month', ordered_at) as date) as month, min(ordered_at) as ordered_at
    from bought
    where revenue > 0
    group by customer_id, cast(date_trunc('month', ordered_at) as date)
),
occasion as (
    select
        customer_id, month, ordered_at, cast(ordered_at as date) as day,
        cast(cast(ordered_at as date) + cast($days as integer) * interval 1 day as date) as met_until
    from first_of_month
    where cast(cast(ordered_at as date) + (cast($days as integer) + 365) * interval 1 day as date) <= cast($as_of as date)
),
around as (
    select
        o.customer_id, o.ordered_at,
        sum(case when b.revenue > 0 and b.ordered_at < o.ordered_at then 1 else 0 end) as orders_before,
        sum(case when b.ordered_at < o.ordered_at then b.revenue else 0 end) as revenue_before,
        max(case when b.revenue > 0 and b.ordered_at < o.ordered_at then b.ordered_at end) as order_before_at,
        max(case when b.ordered_at = o.ordered_at then b.revenue end) as revenue,
        sum(case when b.revenue > 0 and b.ordered_at > o.ordered_at and cast(b.ordered_at as date) <= o.met_until then 1 else 0 end) as orders_within,
        sum(case when b.revenue > 0 and cast(b.ordered_at as date) > o.met_until then 1 else 0 end) as orders_after,
        sum(case when cast(b.ordered_at as date) > o.met_until then b.revenue else 0 end) as revenue_after
    from occasion o
    join bought b
        on b.customer_id = o.customer_id and cast(b.ordered_at as date) > o.day - interval 365 day
        and cast(b.ordered_at as date) <= o.met_until + interval 365 day
    group by o.customer_id, o.ordered_at
),
sold as (
    select customer_id, ordered_at, min(channel) as channel
    from orders
    where customer_id is not null and revenue > 0
    group by customer_id, ordered_at
)
select
    o.customer_id, o.ordered_at, o.month, s.channel, c.country, c.area_type,
    (epoch(o.ordered_at) - epoch(cast(c.birth_date as timestamp))) / 31557600.0 as age,
    (epoch(o.ordered_at) - epoch(c.acquired_at)) / 86400.0 as tenure_days,
    (epoch(o.ordered_at) - epoch(a.order_before_at)) / 86400.0 as days_since_order,
    a.orders_before, cast(a.revenue_before as double) as revenue_before, cast(a.revenue as double) as revenue,
    a.orders_within, a.orders_after, cast(a.revenue_after as double) as revenue_after
from occasion o
join around a on a.customer_id = o.customer_id and a.ordered_at = o.ordered_at
left join sold s on s.customer_id = o.customer_id and s.ordered_at = o.ordered_at
left join customers c on c.customer_id = o.customer_id
order by o.ordered_at, o.customer_id
