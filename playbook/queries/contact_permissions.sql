-- one row: one customer, and by which way a person may answer them: consent given and no suppression for the channel
with stopped as (
    select
        customer_id,
        max(case when channel in ('phone', 'all') then 1 else 0 end) as no_phone,
        max(case when channel in ('email', 'e-mail', 'all') then 1 else 0 end) as no_email,
        max(case when channel = 'all' then 1 else 0 end) as no_contact
    from suppressions
    where customer_id is not null
    group by customer_id
)
select
    c.customer_id,
    coalesce(c.consent_phone, false) and coalesce(s.no_phone, 0) = 0 as may_phone,
    coalesce(c.consent_email, false) and coalesce(s.no_email, 0) = 0 as may_email,
    coalesce(s.no_contact, 0) = 1 or coalesce(c.is_deceased_or_closed, false) as is_closed
from customers c
left join stopped s on s.customer_id = c.customer_id
order by c.customer_id
