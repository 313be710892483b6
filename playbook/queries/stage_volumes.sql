-- one row: one stage of the journey over the period, with contacts (a contact of one person, touchpoint and time counts
-- once), how many rows said so again, persons (visitors linked to customers where known) and cost
with contact as (
    select
        stage, person, max(is_customer) as is_customer, count(*) as recorded,
        case when person is null or touchpoint = 'unknown' then count(*) else 1 end as contacts,
        case when person is null or touchpoint = 'unknown' then sum(cost) else max(cost) end as cost
    from linked_contacts
    where occurred_at >= cast($since as date) + interval 1 day
    group by stage, person, touchpoint, occurred_at
),
visitor as (
    select
        stage, person, max(is_customer) as is_customer, sum(recorded) as recorded, sum(contacts) as contacts, sum(cost) as cost
    from contact
    group by stage, person
)
select
    stage, cast(sum(contacts) as bigint) as contacts, count(person) as persons, count(case when is_customer then 1 end) as customers,
    sum(cost) as cost, cast(sum(recorded) - sum(contacts) as bigint) as repeated
from visitor
group by stage
order by stage
