-- one row: one person (a customer, or a visitor never seen as one) whose first contact was of the awareness stage and who had
-- not ordered before: that contact, and the first order; devices that several customers share are left out; of contacts at one
-- time the first by name of touchpoint counts
with first_time as (
    select person, min(occurred_at) as awareness_at
    from linked_contacts
    where stage = 'awareness' and person is not null and not is_shared
    group by person
),
first_contact as (
    select
        c.person, c.is_customer, f.awareness_at, min(c.touchpoint) as touchpoint,
        min_by(coalesce(c.channel, ''), c.touchpoint) as channel
    from first_time f
    join linked_contacts c on c.person = f.person and c.occurred_at = f.awareness_at
    where c.stage = 'awareness'
    group by c.person, c.is_customer, f.awareness_at
),
purchase as (
    select customer_id, min(ordered_at) as ordered_at
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id
)
select f.person, f.is_customer, f.touchpoint, nullif(f.channel, '') as channel, f.awareness_at, p.ordered_at
from first_contact f
left join purchase p on p.customer_id = f.person and f.is_customer
where p.ordered_at is null or p.ordered_at >= f.awareness_at
