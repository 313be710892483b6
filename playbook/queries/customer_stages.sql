-- one row: one customer who had ordered before the period, with the contacts of each stage and the orders in the period
with known as (
    select customer_id
    from orders
    where customer_id is not null and revenue > 0
    group by customer_id
    having min(ordered_at) < cast($since as date) + interval 1 day
),
contact as (
    select
        person as customer_id,
        sum(case when stage = 'consideration' then 1 else 0 end) as consideration,
        sum(case when stage = 'support' then 1 else 0 end) as support,
        sum(case when stage = 'loyalty' then 1 else 0 end) as loyalty
    from linked_contacts
    where is_customer and occurred_at >= cast($since as date) + interval 1 day
    group by person
),
bought as (
    select customer_id, count(*) as orders
    from orders
    where revenue > 0 and ordered_at >= cast($since as date) + interval 1 day
    group by customer_id
)
select
    k.customer_id, coalesce(c.consideration, 0) as consideration, coalesce(b.orders, 0) as orders,
    coalesce(c.support, 0) as support, coalesce(c.loyalty, 0) as loyalty
from known k
left join contact c on c.customer_id = k.customer_id
left join bought b on b.customer_id = k.customer_id
order by k.customer_id
