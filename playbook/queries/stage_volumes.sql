-- one row: one stage of the journey over the period, with contacts (a contact of one person, touchpoint and time counts
-- once), how many rows said so again, persons (visitors linked to customers where known) and cost
with contact as (
    select stage, person, max(cost) as cost, count(*) as recorded, max(is_customer) as is_customer,
        max(is_nobody) as is_nobody
    from linked_contacts
    where occurred_at >= cast($since as date) + interval 1 day
    group by stage, person, touchpoint, occurred_at
),
visitor as (
    select stage, person, count(*) as contacts, sum(cost) as cost, sum(recorded) as recorded, max(is_customer) as is_customer,
        max(is_nobody) as is_nobody
    from contact
    group by stage, person
)
select
    stage, cast(sum(contacts) as bigint) as contacts, count(case when not is_nobody then 1 end) as persons, count(case when is_customer then 1 end) as customers,
    sum(cost) as cost, cast(sum(recorded) - sum(contacts) as bigint) as repeated
from visitor
group by stage
order by stage
