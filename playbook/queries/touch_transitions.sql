-- one row: one move between touchpoints of awareness and consideration on the way to the first order (start and
-- end included), for the journeys begun in the 12 months that ended $follow_days before the end of the period; a
-- contact of one person, touchpoint and time counts once
with journey as (
    select
        person, awareness_at,
        case when ordered_at <= awareness_at + $follow_days * interval 1 day then ordered_at end as ordered_at
    from first_contacts
    where awareness_at >= cast($since as date) + interval 1 day - $follow_days * interval 1 day
        and awareness_at < cast($as_of as date) + interval 1 day - $follow_days * interval 1 day
),
met as (
    select c.person, c.touchpoint, c.occurred_at, max(j.ordered_at) as ordered_at
    from linked_contacts c
    join journey j on j.person = c.person
    where c.stage in ('awareness', 'consideration') and c.occurred_at >= j.awareness_at
        and c.occurred_at <= coalesce(j.ordered_at, j.awareness_at + $follow_days * interval 1 day)
    group by c.person, c.touchpoint, c.occurred_at
),
touch as (
    select
        touchpoint, ordered_at,
        lag(touchpoint) over (partition by person order by occurred_at, touchpoint) as former,
        lead(touchpoint) over (partition by person order by occurred_at, touchpoint) as following
    from met
),
move as (
    select '(start)' as from_touchpoint, touchpoint as to_touchpoint from touch where former is null
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
