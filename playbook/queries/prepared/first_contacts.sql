-- one row: one person (a customer, or a visitor never seen as one) whose first contact was of the awareness stage and who had
-- not ordered before: that contact, and the first order; devices that several customers share are left out; of contacts at one
-- time the first by name of touchpoint counts; who had one such contact only need not be looked up again
with seen as (
    select
        person, max(is_customer) as is_customer, min(occurred_at) as awareness_at, count(*) as contacts,
        min(touchpoint) as touchpoint, min(channel) as channel
    from linked_contacts
    where stage = 'awareness' and person is not null and not is_shared
    group by person
),
several as (
    select c.person, min(c.touchpoint) as touchpoint, min_by(coalesce(c.channel, ''), c.touchpoint) as channel
    from seen s
    join linked_contacts c on c.person = s.person and c.occurred_at = s.awareness_at
    where s.contacts > 1 and c.stage = 'awareness'
    group by c.person
),
first_contact as (
    select person, is_customer, awareness_at, touchpoint, channel
    from seen
    where contacts = 1
    union all
    select s.person, s.is_customer, s.awareness_at, m.touchpoint, nullif(m.channel, '') as channel
    from seen s
    join several m on m.person = s.person
),
purchase as (
    select customer_id, min(ordered_at) as ordered_at
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id
)
select f.person, f.is_customer, f.touchpoint, f.channel, f.awareness_at, p.ordered_at
from first_contact f
left join purchase p on p.customer_id = f.person and f.is_customer
where p.ordered_at is null or p.ordered_at >= f.awareness_at
