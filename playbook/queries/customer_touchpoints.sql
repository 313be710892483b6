-- one row: one customer and touchpoint over the period (visitors linked to customers where known), with contacts, those under
-- the customer's number with a known outcome, and those of them that ended as a failure ($failures: outcomes between commas)
with seen as (
    select person as customer_id, touchpoint, count(*) as contacts
    from linked_contacts
    where is_customer and occurred_at >= cast($since as date) + interval 1 day
    group by person, touchpoint
),
ended as (
    select
        customer_id, coalesce(nullif(trim(touchpoint), ''), 'unknown') as touchpoint, count(*) as told,
        sum(case when position(',' || outcome || ',' in ',' || $failures || ',') > 0 then 1 else 0 end) as failed
    from interactions
    where customer_id is not null and outcome is not null and occurred_at >= cast($since as date) + interval 1 day
    group by customer_id, coalesce(nullif(trim(touchpoint), ''), 'unknown')
)
select
    s.customer_id, s.touchpoint, s.contacts, cast(coalesce(e.told, 0) as bigint) as told,
    cast(coalesce(e.failed, 0) as bigint) as failed
from seen s
left join ended e on e.customer_id = s.customer_id and e.touchpoint = s.touchpoint
order by s.customer_id, s.touchpoint
