-- One row per customer known by the day until: purchase history in weeks up to then, and what was bought later.
-- Purchases of one day are one; refunds are none. The clock starts at the first purchase, which is then not counted;
-- for customers won before the record of orders begins it starts with the record, and all their purchases count.
-- contacts counts what customers did themselves (visits, newsletters opened, purchases; not service and delivery) in the 26
-- weeks up to until; weeks_of_contacts is how far back such contacts of anyone go.
with days as (
    select customer_id, cast(ordered_at as date) as day, sum(revenue) as spend
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id, cast(ordered_at as date)
),

record as (
    select min(day) - interval 1 day as opened
    from days
),

starts as (
    select
        c.customer_id,
        coalesce(c.acquired_at <= r.opened, false) as won_before_record,
        min(d.day) as first_day,
        case when coalesce(c.acquired_at <= r.opened, false) then cast(r.opened as date) else min(d.day) end as clock
    from customers as c
    cross join record as r
    left join days as d on c.customer_id = d.customer_id
    group by c.customer_id, c.acquired_at, r.opened
),

histories as (
    select
        s.customer_id,
        s.won_before_record,
        cast(sum(case when d.day > s.clock and d.day <= $until then 1 else 0 end) as double) as frequency,
        coalesce(
            date_diff('day', min(s.clock), max(case when d.day > s.clock and d.day <= $until then d.day end)) / 7.0, 0
        ) as recency,
        date_diff('day', min(s.clock), $until) / 7.0 as age,
        coalesce(
            avg(case when d.day > s.clock and d.day <= $until then cast(d.spend as double) end), 0
        ) as monetary,
        date_diff('day', min(s.clock), min(case when d.day <= $until then d.day end)) / 7.0 as weeks_to_first,
        cast(sum(case when d.day > $until then 1 else 0 end) as double) as later_purchases,
        sum(case when d.day > $until then cast(d.spend as double) else 0 end) as later_spend
    from starts as s
    left join days as d on s.customer_id = d.customer_id
    where s.clock <= $until
    group by s.customer_id, s.won_before_record
),

signs as (
    select
        customer_id,
        sum(case when date_diff('day', cast(occurred_at as date), $until) < 182 then 1 else 0 end) as contacts,
        date_diff('day', max(cast(occurred_at as date)), $until) / 7.0 as weeks_since_contact
    from interactions
    where customer_id is not null and coalesce(stage, '') <> 'support' and cast(occurred_at as date) <= $until
    group by customer_id
),

reach as (
    select date_diff('day', min(cast(occurred_at as date)), $until) / 7.0 as weeks
    from interactions
    where customer_id is not null and coalesce(stage, '') <> 'support'
)

select
    h.*,
    cast(coalesce(k.contacts, 0) as double) as contacts,
    k.weeks_since_contact,
    w.weeks as weeks_of_contacts
from histories as h
left join signs as k on h.customer_id = k.customer_id
cross join reach as w
order by h.customer_id
