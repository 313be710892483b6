-- One row per customer: who the customer is, and how much and where bought in the year to as_of
-- (revenue after refunds, ordered before refunds)
with bought as (
    select
        customer_id,
        count(*) filter (where revenue > 0) as orders_12m,
        sum(revenue) as revenue_12m,
        sum(case when revenue > 0 then revenue else 0 end) as ordered_12m
    from orders
    where ordered_at >= cast($since as date) + interval 1 day and customer_id is not null
    group by customer_id
),
by_channel as (
    select
        customer_id,
        channel,
        row_number() over (partition by customer_id order by count(*) desc, channel) as place
    from orders
    where ordered_at >= cast($since as date) + interval 1 day
        and customer_id is not null and channel is not null and revenue > 0
    group by customer_id, channel
)
select
    c.customer_id,
    date_diff('day', c.birth_date, cast($as_of as date)) / 365.25 as age,
    c.gender,
    c.country,
    c.area_type,
    c.household,
    case when c.company is not null then 'business' else 'private' end as customer_type,
    c.acquisition_channel,
    c.market_segment,
    h.channel as main_channel,
    coalesce(b.orders_12m, 0) as orders_12m,
    cast(coalesce(b.revenue_12m, 0) as double) as revenue_12m,
    cast(coalesce(b.ordered_12m, 0) as double) as ordered_12m
from customers c
left join bought b on b.customer_id = c.customer_id
left join by_channel h on h.customer_id = c.customer_id and h.place = 1
where not coalesce(c.is_deceased_or_closed, false)
order by c.customer_id
