-- One row per customer, habit and way: how often a customer buys each way, whole record and 12 months. Counts of orders or of lines.
with bought as (
    select
        order_id,
        customer_id,
        channel,
        discount,
        case when cast(ordered_at as date) > $since then 1 else 0 end as lately
    from orders
    where revenue > 0 and customer_id is not null
),

totals as (
    select customer_id, count(*) as orders, sum(lately) as orders_12m
    from bought
    group by customer_id
),

priced as (
    select
        product_id,
        ntile(3) over (partition by category order by list_price, product_id) as third
    from products
    where list_price is not null and coalesce(kind, 'product') = 'product'
),

lines as (
    select b.customer_id, b.order_id, b.lately, l.product_id, p.kind, t.third
    from bought as b
    inner join order_lines as l on b.order_id = l.order_id
    inner join products as p on l.product_id = p.product_id
    left join priced as t on l.product_id = t.product_id
),

counts as (
    select
        t.customer_id,
        t.orders,
        coalesce(d.known, 0) as known,
        coalesce(d.cut, 0) as cut,
        coalesce(s.served, 0) as served,
        coalesce(r.returned, 0) as returned,
        coalesce(k.cases, 0) as cases,
        t.orders_12m,
        coalesce(d.known_12m, 0) as known_12m,
        coalesce(d.cut_12m, 0) as cut_12m,
        coalesce(s.served_12m, 0) as served_12m,
        least(coalesce(r.returned_12m, 0), t.orders_12m) as returned_12m,
        least(coalesce(k.cases_12m, 0), t.orders_12m) as cases_12m
    from totals as t
    left join (
        select
            customer_id,
            count(discount) as known,
            sum(case when discount > 0 then 1 else 0 end) as cut,
            sum(case when discount is not null then lately else 0 end) as known_12m,
            sum(case when discount > 0 then lately else 0 end) as cut_12m
        from bought
        group by customer_id
    ) as d on t.customer_id = d.customer_id
    left join (
        select
            customer_id,
            count(distinct order_id) as served,
            count(distinct case when lately = 1 then order_id end) as served_12m
        from lines
        where kind = 'service'
        group by customer_id
    ) as s on t.customer_id = s.customer_id
    left join (
        select
            customer_id,
            count(*) as returned,
            sum(case when cast(ordered_at as date) > $since then 1 else 0 end) as returned_12m
        from orders
        where revenue < 0 and customer_id is not null
        group by customer_id
    ) as r on t.customer_id = r.customer_id
    left join (
        select
            customer_id,
            count(*) as cases,
            sum(case when cast(opened_at as date) > $since then 1 else 0 end) as cases_12m
        from tickets
        where customer_id is not null
        group by customer_id
    ) as k on t.customer_id = k.customer_id
),

habits as (
    select
        customer_id,
        'channel' as habit,
        channel as way,
        cast(count(*) as double) as amount,
        cast(sum(lately) as double) as amount_12m
    from bought
    where channel is not null
    group by customer_id, channel
    union all
    select
        customer_id,
        'price level' as habit,
        case third when 1 then 'low' when 2 then 'middle' else 'high' end as way,
        cast(count(*) as double) as amount,
        cast(sum(lately) as double) as amount_12m
    from lines
    where third is not null
    group by customer_id, third
    union all
    select
        customer_id,
        'discount' as habit,
        'reduced' as way,
        cast(cut as double) as amount,
        cast(cut_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'discount' as habit,
        'full price' as way,
        cast(known - cut as double) as amount,
        cast(known_12m - cut_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'extra service' as habit,
        'bought' as way,
        cast(served as double) as amount,
        cast(served_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'extra service' as habit,
        'none' as way,
        cast(orders - served as double) as amount,
        cast(orders_12m - served_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'returns' as habit,
        'sent back' as way,
        cast(least(returned, orders) as double) as amount,
        cast(returned_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'returns' as habit,
        'kept' as way,
        cast(orders - least(returned, orders) as double) as amount,
        cast(orders_12m - returned_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'service case' as habit,
        'opened' as way,
        cast(least(cases, orders) as double) as amount,
        cast(cases_12m as double) as amount_12m
    from counts
    union all
    select
        customer_id,
        'service case' as habit,
        'none' as way,
        cast(orders - least(cases, orders) as double) as amount,
        cast(orders_12m - cases_12m as double) as amount_12m
    from counts
)

select customer_id, habit, way, amount, amount_12m
from habits
where amount > 0
order by customer_id, habit, way
