-- one row: all contacts of the period, by how they are known: with a customer number, by a visitor number that one customer
-- used, by one that several share, by one that none used, or by none; and how many customers share a device
with shared as (
    select visitor_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
    having min(customer_id) <> max(customer_id)
),
contact as (
    select
        count(*) as contacts, count(case when is_customer then 1 end) as of_customers,
        count(case when is_shared then 1 end) as of_shared_devices,
        count(case when not is_customer and not is_shared and person is not null then 1 end) as of_visitors,
        count(case when person is null then 1 end) as of_nobody,
        count(case when touchpoint = 'unknown' then 1 end) as without_touchpoint,
        count(case when stage in ('awareness', 'consideration', 'purchase', 'support', 'loyalty') then 1 end) as in_stages
    from linked_contacts
    where occurred_at >= cast($since as date) + interval 1 day
)
select c.*, (select count(*) from shared) as shared_devices
from contact c
order by c.contacts
