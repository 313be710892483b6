-- one row: one stage of the journey over the period, with contacts, persons (visitors linked to customers where known) and cost
with link as (
    select visitor_id, min(customer_id) as customer_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
)
select
    i.stage, count(*) as contacts,
    count(distinct coalesce(i.customer_id, l.customer_id, 'visitor ' || i.visitor_id)) as persons,
    count(distinct coalesce(i.customer_id, l.customer_id)) as customers, sum(i.cost) as cost
from interactions i
left join link l on i.visitor_id = l.visitor_id
where i.occurred_at >= cast($since as date) + interval 1 day
group by i.stage
order by i.stage
