-- One row per customer known by the day until: purchase history in weeks up to then, and what was bought later.
-- Purchases of one day are one; refunds are none. The clock starts at the first purchase, which is then not counted;
-- for customers won before the record of orders begins it starts with the record, and all their purchases count.
with days as (
    select customer_id, cast(ordered_at as date) as day, sum(revenue) as spend
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id, cast(ordered_at as date)
),

buyers as (
    select
        customer_id,
        min(day) as first_day,
        max(case when day <= $until then day end) as last_day,
        count(case when day <= $until then day end) as purchases,
        sum(case when day <= $until then spend end) as spend,
        min_by(spend, day) as first_spend,
        count(case when day > $until then day end) as later_purchases,
        sum(case when day > $until then spend end) as later_spend
    from days
    group by customer_id
),

record as (
    select min(first_day) - interval 1 day as opened
    from buyers
),

starts as (
    select
        c.customer_id,
        coalesce(c.acquired_at <= r.opened, false) as won_before_record,
        case when coalesce(c.acquired_at <= r.opened, false) then cast(r.opened as date) else b.first_day end as clock,
        case when coalesce(c.acquired_at <= r.opened, false) then b.purchases else b.purchases - 1 end as frequency,
        case when coalesce(c.acquired_at <= r.opened, false) then b.spend else b.spend - b.first_spend end as spend,
        case when b.first_day <= $until then b.first_day end as first_day,
        b.last_day,
        b.later_purchases,
        b.later_spend
    from customers as c
    cross join record as r
    left join buyers as b on c.customer_id = b.customer_id
)

select
    customer_id,
    won_before_record,
    cast(coalesce(frequency, 0) as double) as frequency,
    coalesce(date_diff('day', clock, last_day) / 7.0, 0) as recency,
    date_diff('day', clock, $until) / 7.0 as age,
    case when frequency > 0 then cast(spend as double) / frequency else 0 end as monetary,
    date_diff('day', clock, first_day) / 7.0 as weeks_to_first,
    cast(coalesce(later_purchases, 0) as double) as later_purchases,
    cast(coalesce(later_spend, 0) as double) as later_spend
from starts
where clock <= $until
order by customer_id
