-- one row: one touchpoint over the period (unknown where none is named), with contacts (one of one person, touchpoint, channel
-- and time counts once), persons reached and persons of the whole period, the stages it is recorded under, cost, and how often a
-- known customer came to service within seven days (again, or in another way); service means the channels by which cases come
-- in, service_contacts those of support by them
with contact as (
    select
        person, touchpoint, occurred_at, stage, channel, max(is_customer) as is_customer,
        case when person is null or touchpoint = 'unknown' then count(*) else 1 end as contacts,
        case when person is null or touchpoint = 'unknown' then sum(cost) else max(cost) end as cost
    from linked_contacts
    where occurred_at >= cast($since as date) + interval 1 day
    group by person, touchpoint, occurred_at, stage, channel
),
entrance as (
    select distinct channel from tickets
),
service as (
    select c.person, c.occurred_at, c.touchpoint
    from contact c
    join entrance e on e.channel = c.channel
    where c.stage = 'support' and c.is_customer
),
followed as (
    select c.touchpoint, c.person, c.occurred_at, max(case when s.touchpoint <> c.touchpoint then 1 else 0 end) as elsewhere
    from contact c
    join service s
        on s.person = c.person and s.occurred_at > c.occurred_at and s.occurred_at <= c.occurred_at + interval 7 day
    where c.stage in ('purchase', 'support') and c.occurred_at <= cast($as_of as date) - interval 6 day
    group by c.touchpoint, c.person, c.occurred_at
),
again as (
    select touchpoint, count(*) as to_service, sum(elsewhere) as to_other_service
    from followed
    group by touchpoint
),
visitor as (
    select
        touchpoint, person, sum(contacts) as volume, sum(cost) as cost, max(is_customer) as is_customer,
        count(case when is_customer and occurred_at <= cast($as_of as date) - interval 6 day then 1 end) as followable
    from contact
    group by touchpoint, person
),
counted as (
    select
        touchpoint, cast(sum(volume) as bigint) as volume, count(person) as reach,
        count(case when is_customer then 1 end) as customers, sum(cost) as cost, cast(sum(followable) as bigint) as followable
    from visitor
    group by touchpoint
),
stage as (
    select
        touchpoint, stage, row_number() over (partition by touchpoint order by sum(contacts) desc, stage) as place,
        count(*) over (partition by touchpoint) as stages
    from contact
    group by touchpoint, stage
),
by_service as (
    select c.touchpoint, sum(c.contacts) as contacts
    from contact c
    join entrance e on e.channel = c.channel
    where c.stage = 'support'
    group by c.touchpoint
),
everybody as (
    select count(distinct person) as persons from visitor
)
select
    c.touchpoint, t.stage, t.stages, c.volume, c.reach, e.persons, c.customers, c.cost,
    cast(coalesce(s.contacts, 0) as bigint) as service_contacts,
    case when t.stage in ('purchase', 'support') then c.followable else 0 end as followable,
    coalesce(a.to_service, 0) as to_service, cast(coalesce(a.to_other_service, 0) as bigint) as to_other_service
from counted c
join stage t on t.touchpoint = c.touchpoint and t.place = 1
cross join everybody e
left join by_service s on s.touchpoint = c.touchpoint
left join again a on a.touchpoint = c.touchpoint
order by c.touchpoint
