-- one row: one contact with the person behind it (a customer's number, or ~ and a visitor's; none without either); a visitor
-- number seen with one customer is that customer; one seen with several (a shared device) is nobody's, its contacts without a
-- customer number stay apart (is_shared), whoever logs in next; the touchpoint is unknown where none is named
with link as (
    select visitor_id, min(customer_id) as customer_id, max(customer_id) as last_customer_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
),
resolved as (
    select
        coalesce(i.customer_id, case when l.customer_id = l.last_customer_id then l.customer_id end) as customer_id,
        l.customer_id is not null as is_linked, i.visitor_id, i.occurred_at,
        coalesce(nullif(trim(i.touchpoint), ''), 'unknown') as touchpoint, i.channel, i.stage, i.cost
    from interactions i
    left join link l on l.visitor_id = case when i.customer_id is null then i.visitor_id end
)
select
    coalesce(customer_id, '~' || visitor_id) as person, customer_id is not null as is_customer,
    customer_id is null and is_linked as is_shared, visitor_id is not null as on_device,
    occurred_at, touchpoint, channel, stage, cost
from resolved
