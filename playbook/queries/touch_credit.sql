-- one row: one touchpoint of awareness or consideration, with the journeys that met it, the first orders it began or came
-- last before, the journeys whose last touchpoint of its stage it was, those without an order that it ended, and those that
-- came back to it more than 30 minutes later; for the journeys begun in the 12 months that ended $follow_days before the end of the period
with journey as (
    select
        person, awareness_at,
        case when ordered_at <= awareness_at + $follow_days * interval 1 day then ordered_at end as ordered_at
    from first_contacts
    where awareness_at >= cast($since as date) + interval 1 day - $follow_days * interval 1 day
        and awareness_at < cast($as_of as date) + interval 1 day - $follow_days * interval 1 day
),
met as (
    select
        c.person, c.touchpoint, min(c.stage) as stage, max(j.ordered_at) as ordered_at,
        min(c.occurred_at) as first_at, max(c.occurred_at) as last_at
    from linked_contacts c
    join journey j on j.person = c.person
    where c.stage in ('awareness', 'consideration') and c.occurred_at >= j.awareness_at
        and c.occurred_at <= coalesce(j.ordered_at, j.awareness_at + $follow_days * interval 1 day)
    group by c.person, c.touchpoint
),
touch as (
    select
        touchpoint, stage, ordered_at is not null as is_order, last_at > first_at + interval 30 minute as is_back,
        row_number() over (partition by person order by first_at, touchpoint) as place,
        row_number() over (partition by person order by last_at desc, touchpoint desc) as place_from_end,
        row_number() over (partition by person, stage order by last_at desc, touchpoint desc) as place_in_stage
    from met
)
select
    touchpoint, min(stage) as stage, count(*) as journeys, count(case when is_order then 1 end) as orders,
    count(case when place = 1 and is_order then 1 end) as orders_first,
    count(case when place_from_end = 1 and is_order then 1 end) as orders_last,
    count(case when place_in_stage = 1 then 1 end) as last_of_stage,
    count(case when place_from_end = 1 and not is_order then 1 end) as lost_last,
    count(case when is_back then 1 end) as came_back,
    count(case when is_back and is_order then 1 end) as came_back_orders
from touch
group by touchpoint
order by touchpoint
