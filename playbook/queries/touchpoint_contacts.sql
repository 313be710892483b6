-- one row: one touchpoint over the period (unknown where none is named), with contacts, persons reached and persons of the
-- whole period, the stages it is recorded under, cost, and how often a known customer came to service within seven days
-- (again, or in another way); service means the channels by which cases come in, service_contacts those of support by them
with link as (
    select visitor_id, min(customer_id) as customer_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
),
contact as (
    select
        i.interaction_id, i.occurred_at, coalesce(nullif(trim(i.touchpoint), ''), 'unknown') as touchpoint, i.stage, i.channel, i.customer_id, i.cost,
        coalesce(i.customer_id, l.customer_id, 'visitor ' || i.visitor_id) as person
    from interactions i
    left join link l on i.visitor_id = l.visitor_id
    where i.occurred_at >= cast($since as date) + interval 1 day
),
entrance as (
    select distinct channel from tickets
),
service as (
    select c.customer_id, c.occurred_at, c.touchpoint
    from contact c
    join entrance e on e.channel = c.channel
    where c.stage = 'support' and c.customer_id is not null
),
followed as (
    select
        c.interaction_id, max(case when s.touchpoint <> c.touchpoint then 1 else 0 end) as elsewhere
    from contact c
    join service s
        on s.customer_id = c.customer_id and s.occurred_at > c.occurred_at and s.occurred_at <= c.occurred_at + interval 7 day
    where c.stage in ('purchase', 'support')
    group by c.interaction_id
),
stage as (
    select
        touchpoint, stage, row_number() over (partition by touchpoint order by count(*) desc, stage) as place,
        count(*) over (partition by touchpoint) as stages
    from contact
    group by touchpoint, stage
),
everybody as (
    select count(distinct person) as persons from contact
)
select
    c.touchpoint, t.stage, t.stages, count(*) as volume, count(distinct c.person) as reach, e.persons,
    count(distinct c.customer_id) as customers, sum(c.cost) as cost,
    sum(case when c.stage = 'support' and d.channel is not null then 1 else 0 end) as service_contacts,
    sum(case when t.stage in ('purchase', 'support') and c.customer_id is not null
        and c.occurred_at <= cast($as_of as date) - interval 6 day then 1 else 0 end) as followable,
    sum(case when f.interaction_id is not null
        and c.occurred_at <= cast($as_of as date) - interval 6 day then 1 else 0 end) as to_service,
    sum(case when f.elsewhere = 1
        and c.occurred_at <= cast($as_of as date) - interval 6 day then 1 else 0 end) as to_other_service
from contact c
join stage t on t.touchpoint = c.touchpoint and t.place = 1
cross join everybody e
left join entrance d on d.channel = c.channel
left join followed f on f.interaction_id = c.interaction_id
group by c.touchpoint, t.stage, t.stages, e.persons
order by c.touchpoint
