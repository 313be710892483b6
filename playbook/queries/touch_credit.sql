-- one row: one touchpoint of awareness or consideration, with the journeys that met it and the first orders it began or
-- came last before, for the journeys begun in the 12 months that ended $follow_days before the end of the period
with link as (
    select visitor_id, min(customer_id) as customer_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
),
contact as (
    select
        coalesce(i.customer_id, l.customer_id, 'visitor ' || i.visitor_id) as person,
        i.interaction_id, i.occurred_at, i.touchpoint, i.stage
    from interactions i
    left join link l on i.visitor_id = l.visitor_id
    where i.stage in ('awareness', 'consideration') and (i.customer_id is not null or i.visitor_id is not null)
),
purchase as (
    select customer_id as person, min(ordered_at) as ordered_at
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id
),
entry as (
    select c.person, min(c.occurred_at) as awareness_at, min(p.ordered_at) as ordered_at
    from contact c
    left join purchase p on p.person = c.person
    where c.stage = 'awareness'
    group by c.person
),
journey as (
    select
        person, awareness_at,
        case when ordered_at <= awareness_at + $follow_days * interval 1 day then ordered_at end as ordered_at
    from entry
    where (ordered_at is null or ordered_at >= awareness_at)
        and awareness_at >= cast($since as date) + interval 1 day - $follow_days * interval 1 day
        and awareness_at < cast($as_of as date) + interval 1 day - $follow_days * interval 1 day
),
touch as (
    select
        c.person, c.touchpoint, c.stage, j.ordered_at,
        row_number() over (partition by c.person order by c.occurred_at, c.interaction_id) as place,
        row_number() over (partition by c.person order by c.occurred_at desc, c.interaction_id desc) as place_from_end
    from contact c
    join journey j on j.person = c.person
    where c.occurred_at >= j.awareness_at
        and c.occurred_at <= coalesce(j.ordered_at, j.awareness_at + $follow_days * interval 1 day)
)
select
    touchpoint, min(stage) as stage, count(distinct person) as journeys,
    count(distinct case when ordered_at is not null then person end) as orders,
    sum(case when place = 1 and ordered_at is not null then 1 else 0 end) as orders_first,
    sum(case when place_from_end = 1 and ordered_at is not null then 1 else 0 end) as orders_last
from touch
group by touchpoint
order by touchpoint
