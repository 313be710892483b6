-- one row: one move between touchpoints of awareness and consideration on the way to the first order (start and
-- end included), for the journeys begun in the 12 months that ended $follow_days before the end of the period
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
        c.person, c.touchpoint, j.ordered_at,
        row_number() over (partition by c.person order by c.occurred_at, c.interaction_id) as place,
        lead(c.touchpoint) over (partition by c.person order by c.occurred_at, c.interaction_id) as following
    from contact c
    join journey j on j.person = c.person
    where c.occurred_at >= j.awareness_at
        and c.occurred_at <= coalesce(j.ordered_at, j.awareness_at + $follow_days * interval 1 day)
),
move as (
    select '(start)' as from_touchpoint, touchpoint as to_touchpoint from touch where place = 1
    union all
    select
        touchpoint as from_touchpoint,
        coalesce(following, case when ordered_at is null then '(no order)' else '(order)' end) as to_touchpoint
    from touch
)
select from_touchpoint, to_touchpoint, count(*) as moves
from move
group by from_touchpoint, to_touchpoint
order by from_touchpoint, to_touchpoint
