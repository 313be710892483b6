-- One row per customer, dimension (channel or category) and name: orders by channel, spend by category, whole record.
with by_channel as (
    select customer_id, 'channel' as dimension, channel as name, cast(count(*) as double) as amount
    from orders
    where revenue > 0 and customer_id is not null and channel is not null
    group by customer_id, channel
),

by_category as (
    select
        o.customer_id,
        'category' as dimension,
        p.category as name,
        sum(cast(l.quantity as double) * cast(l.unit_price as double)) as amount
    from orders as o
    inner join order_lines as l on o.order_id = l.order_id
    inner join products as p on l.product_id = p.product_id
    where o.revenue > 0 and o.customer_id is not null and p.category is not null
    group by o.customer_id, p.category
)

select customer_id, dimension, name, amount from by_channel
union all
select customer_id, dimension, name, amount from by_category where amount > 0
order by customer_id, dimension, name
