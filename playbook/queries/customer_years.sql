-- one row: one customer who ordered in a year, with what they did in it and whether they ordered in the year after; years end 365
-- and 730 days before the end of the period, and only years the orders cover are there
with landmark as (
    select cast(cast($as_of as date) - interval 365 day as date) as landmark
    union all
    select cast(cast($as_of as date) - interval 730 day as date) as landmark
),
covered as (
    select l.landmark, l.landmark - interval 364 day as starts, l.landmark + interval 1 day as ends, l.landmark + interval 366 day as follows
    from landmark l
    join (select min(ordered_at) as first_order_at from orders) f on f.first_order_at < l.landmark - interval 334 day
),
before as (
    select
        o.customer_id, v.landmark, count(*) as orders, sum(o.revenue) as revenue,
        (epoch(v.ends) - epoch(max(o.ordered_at))) / 86400.0 as recency_days
    from orders o
    join covered v on o.ordered_at >= v.starts and o.ordered_at < v.ends
    where o.customer_id is not null and o.revenue > 0
    group by o.customer_id, v.landmark, v.ends
),
after as (
    select o.customer_id, v.landmark, count(*) as orders_after
    from orders o
    join covered v on o.ordered_at >= v.ends and o.ordered_at < v.follows
    where o.customer_id is not null and o.revenue > 0
    group by o.customer_id, v.landmark
),
contact as (
    select
        i.customer_id, v.landmark, sum(case when i.stage = 'purchase' then 1 else 0 end) as purchase_contacts,
        sum(case when i.stage = 'support' then 1 else 0 end) as support_contacts
    from interactions i
    join covered v on i.occurred_at >= v.starts and i.occurred_at < v.ends
    where i.customer_id is not null
    group by i.customer_id, v.landmark
)
select
    b.customer_id, b.landmark, b.orders, b.revenue, b.recency_days, c.country,
    (epoch(b.landmark) - epoch(c.acquired_at)) / 86400.0 as tenure_days,
    coalesce(n.purchase_contacts, 0) as purchase_contacts, coalesce(n.support_contacts, 0) as support_contacts,
    coalesce(a.orders_after, 0) as orders_after
from before b
left join customers c on c.customer_id = b.customer_id
left join after a on a.customer_id = b.customer_id and a.landmark = b.landmark
left join contact n on n.customer_id = b.customer_id and n.landmark = b.landmark
order by b.landmark, b.customer_id
