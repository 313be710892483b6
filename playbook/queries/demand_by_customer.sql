-- One row per customer and group of products in the year to as_of; the 14 largest groups, the rest as one.
-- A group is a category, a subscription plan, or a product where the client has no categories.
with sold as (
    select
        o.customer_id,
        case
            when (select count(category) from products) > 0 then coalesce(p.category, 'no category')
            else coalesce(p.name, l.product_id, 'no product')
        end as product_group,
        coalesce(p.kind, 'product') as kind,
        l.quantity as quantity,
        l.quantity * cast(l.unit_price as double) as revenue,
        l.quantity * cast(l.unit_price - l.unit_cost as double) as margin
    from order_lines l
    join orders o on o.order_id = l.order_id
    left join products p on p.product_id = l.product_id
    where o.ordered_at >= cast($since as date) + interval 1 day and o.customer_id is not null
),
spells as (
    select
        customer_id,
        plan,
        cast(monthly_fee as double) as monthly_fee,
        date_diff(
            'day',
            greatest(cast(started_at as date), cast($since as date) + 1),
            least(coalesce(cast(ended_at as date), cast($as_of as date) + 1), cast($as_of as date) + 1)
        ) / 30.4375 as months
    from subscriptions
),
subscribed as (
    select
        customer_id,
        coalesce(plan, 'subscription') as product_group,
        'service' as kind,
        months as quantity,
        months * monthly_fee as revenue,
        cast(null as double) as margin
    from spells
    where months > 0
),
everything as (
    select * from sold
    union all
    select * from subscribed
),
places as (
    select product_group, row_number() over (order by sum(revenue) desc, product_group) as place
    from everything
    group by product_group
)
select
    e.customer_id,
    case when g.place <= 14 then e.product_group else 'all others' end as product_group,
    case when g.place <= 14 then min(e.kind) else 'mixed' end as kind,
    sum(e.quantity) as quantity,
    sum(e.revenue) as revenue,
    sum(e.margin) as margin
from everything e
join places g on g.product_group = e.product_group
group by e.customer_id, case when g.place <= 14 then e.product_group else 'all others' end, g.place <= 14
order by 1, 2
