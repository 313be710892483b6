-- One row per customer with a purchase by the day until: history in weeks up to then, and what was bought later.
-- Purchases of one day are one; refunds are none.
with days as (
    select customer_id, cast(ordered_at as date) as day, sum(revenue) as spend
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id, cast(ordered_at as date)
),

starts as (
    select customer_id, min(day) as first_day
    from days
    group by customer_id
)

select
    d.customer_id,
    cast(sum(case when d.day <= $until then 1 else 0 end) - 1 as double) as frequency,
    date_diff('day', min(s.first_day), max(case when d.day <= $until then d.day end)) / 7.0 as recency,
    date_diff('day', min(s.first_day), $until) / 7.0 as age,
    coalesce(
        avg(case when d.day <= $until and d.day > s.first_day then cast(d.spend as double) end), 0
    ) as monetary,
    cast(sum(case when d.day > $until then 1 else 0 end) as double) as later_purchases,
    sum(case when d.day > $until then cast(d.spend as double) else 0 end) as later_spend
from days as d
inner join starts as s on d.customer_id = s.customer_id
where s.first_day <= $until
group by d.customer_id
order by d.customer_id
