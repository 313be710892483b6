-- one row: one customer and touchpoint over the period (visitors linked to customers where known), with contacts, those
-- with a known outcome and those that ended as a failure ($failures: outcomes between commas)
with link as (
    select visitor_id, min(customer_id) as customer_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
)
select
    coalesce(i.customer_id, l.customer_id) as customer_id, i.touchpoint, count(*) as contacts,
    sum(case when i.outcome is not null then 1 else 0 end) as told,
    sum(case when position(',' || i.outcome || ',' in ',' || $failures || ',') > 0 then 1 else 0 end) as failed
from interactions i
left join link l on i.visitor_id = l.visitor_id
where i.occurred_at >= cast($since as date) + interval 1 day and i.touchpoint is not null
    and coalesce(i.customer_id, l.customer_id) is not null
group by coalesce(i.customer_id, l.customer_id), i.touchpoint
order by customer_id, i.touchpoint
