-- one row: one customer's first order of a calendar month and one support touchpoint that ever failed ($failures: outcomes between
-- commas): whether the customer met it in the $days days after, so that failures are compared with what went well there
with failing as (
    select touchpoint
    from interactions
    where customer_id is not null and stage = 'support' and outcome is not null
        and position(',' || outcome || ',' in ',' || $failures || ',') > 0
    group by touchpoint
),
occasion as (
    select customer_id, min(ordered_at) as ordered_at
    from orders
    where customer_id is not null and revenue > 0
    group by customer_id, cast(date_trunc('month', ordered_at) as date)
)
select o.customer_id, o.ordered_at, i.touchpoint, count(*) as contacts
from occasion o
join interactions i
    on i.customer_id = o.customer_id and i.occurred_at > o.ordered_at
    and cast(i.occurred_at as date) <= cast(o.ordered_at as date) + cast($days as integer) * interval 1 day
join failing f on f.touchpoint = i.touchpoint
where i.stage = 'support'
group by o.customer_id, o.ordered_at, i.touchpoint
order by o.ordered_at, o.customer_id, i.touchpoint
