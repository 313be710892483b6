-- one row: one customer who ordered in the 12 months to $landmark, with what they did in them and whether they ordered in the 12 months after
with before as (
    select
        customer_id, count(*) as orders, sum(revenue) as revenue,
        (epoch(cast($landmark as date) + interval 1 day) - epoch(max(ordered_at))) / 86400.0 as recency_days
    from orders
    where customer_id is not null and revenue > 0
        and ordered_at >= cast($landmark as date) - interval 364 day
        and ordered_at < cast($landmark as date) + interval 1 day
    group by customer_id
),
after as (
    select customer_id, count(*) as orders_after, sum(revenue) as revenue_after
    from orders
    where customer_id is not null and revenue > 0
        and ordered_at >= cast($landmark as date) + interval 1 day
        and ordered_at < cast($landmark as date) + interval 366 day
    group by customer_id
),
contact as (
    select
        customer_id, sum(case when stage = 'purchase' then 1 else 0 end) as purchase_contacts,
        sum(case when stage = 'support' then 1 else 0 end) as support_contacts
    from interactions
    where customer_id is not null
        and occurred_at >= cast($landmark as date) - interval 364 day
        and occurred_at < cast($landmark as date) + interval 1 day
    group by customer_id
)
select
    b.customer_id, b.orders, b.revenue, b.recency_days, c.country,
    (epoch(cast($landmark as date) + interval 1 day) - epoch(c.acquired_at)) / 86400.0 as tenure_days,
    coalesce(n.purchase_contacts, 0) as purchase_contacts, coalesce(n.support_contacts, 0) as support_contacts,
    coalesce(a.orders_after, 0) as orders_after, coalesce(a.revenue_after, 0) as revenue_after
from before b
left join customers c on c.customer_id = b.customer_id
left join after a on a.customer_id = b.customer_id
left join contact n on n.customer_id = b.customer_id
order by b.customer_id
