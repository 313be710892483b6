-- one row: one way through touchpoints of awareness and consideration to the first order or to none, contacts in a row at one
-- touchpoint taken as one: the first five of the way, the last, how many there were, and the journeys that took it; for the
-- journeys begun in the 12 months that ended $follow_days before the end of the period
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
        person, touchpoint, occurred_at, ordered_at,
        lag(touchpoint) over (partition by person order by occurred_at, touchpoint) as former
    from met
),
step as (
    select
        person, touchpoint, ordered_at,
        row_number() over (partition by person order by occurred_at, touchpoint) as place,
        count(*) over (partition by person) as steps
    from touch
    where former is null or former <> touchpoint
),
way as (
    select
        person, max(ordered_at) is not null as is_order, max(steps) as steps,
        max(case when place = 1 then touchpoint end) as first_touchpoint,
        max(case when place = 2 then touchpoint end) as second_touchpoint,
        max(case when place = 3 then touchpoint end) as third_touchpoint,
        max(case when place = 4 then touchpoint end) as fourth_touchpoint,
        max(case when place = 5 then touchpoint end) as fifth_touchpoint,
        max(case when place = steps then touchpoint end) as last_touchpoint
    from step
    group by person
)
select
    first_touchpoint, second_touchpoint, third_touchpoint, fourth_touchpoint, fifth_touchpoint, last_touchpoint, steps,
    count(*) as journeys, count(case when is_order then 1 end) as orders
from way
group by
    first_touchpoint, second_touchpoint, third_touchpoint, fourth_touchpoint, fifth_touchpoint, last_touchpoint, steps
order by
    journeys desc, steps, first_touchpoint, second_touchpoint, third_touchpoint, fourth_touchpoint, fifth_touchpoint,
    last_touchpoint
