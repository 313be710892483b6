-- One row per customer known by the day until: purchase history in weeks up to then, and what was bought later.
-- Purchases of one day are one; refunds are none. The clock starts at the first purchase, which is then not counted;
-- for customers won before the record of orders begins it starts with the record, and all their purchases count.
-- contacts counts what customers did themselves (visits, newsletters opened, purchases; not service and delivery) in the 26
-- weeks up to until; weeks_of_contacts is how far back such contacts of anyone go.
-- Money is summed in doubles, which is faster than in decimals, and rounded to cents at the end, which makes it as exact.
with days as (
    select customer_id, cast(ordered_at as date) as day, sum(cast(revenue as double)) as spend
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
),

signs as (
    select
        customer_id,
        sum(case when date_diff('day', cast(occurred_at as date), $until) < 182 then 1 else 0 end) as contacts,
        max(cast(occurred_at as date)) as last_contact
    from interactions
    where customer_id is not null and coalesce(stage, '') <> 'support' and cast(occurred_at as date) <= $until
    group by customer_id
),

reach as (
    select min(cast(occurred_at as date)) as begun
    from interactions
    where customer_id is not null and coalesce(stage, '') <> 'support'
)

select
    s.customer_id,
    won_before_record,
    cast(coalesce(frequency, 0) as double) as frequency,
    coalesce(date_diff('day', clock, last_day) / 7.0, 0) as recency,
    date_diff('day', clock, $until) / 7.0 as age,
    case when frequency > 0 then round(spend, 2) / frequency else 0 end as monetary,
    date_diff('day', clock, first_day) / 7.0 as weeks_to_first,
    cast(coalesce(later_purchases, 0) as double) as later_purchases,
    coalesce(round(later_spend, 2), 0) as later_spend,
    cast(coalesce(k.contacts, 0) as double) as contacts,
    date_diff('day', k.last_contact, $until) / 7.0 as weeks_since_contact,
    date_diff('day', w.begun, $until) / 7.0 as weeks_of_contacts
from starts as s
cross join reach as w
left join signs as k on s.customer_id = k.customer_id
where clock <= $until
order by s.customer_id
