-- one row: one person (a customer, or a visitor never seen as one) whose first contact was of the awareness stage and
-- who had not ordered before; visitors are linked to customers by contacts that carry both numbers, devices that several
-- customers share are left out; an order counts as having considered; loyalty is a contact of that stage or another
-- order on a later day
with later as (
    select
        e.person,
        min(case when c.stage = 'consideration' and c.occurred_at >= e.awareness_at then c.occurred_at end) as consideration_at,
        min(case when c.stage = 'support' and c.occurred_at > e.ordered_at then c.occurred_at end) as support_at,
        min(case when c.stage = 'loyalty' and cast(c.occurred_at as date) > cast(e.ordered_at as date) then c.occurred_at end)
            as loyalty_at
    from first_contacts e
    join linked_contacts c on c.person = e.person
    where c.stage in ('consideration', 'support', 'loyalty')
    group by e.person
),
again as (
    select e.person, min(o.ordered_at) as ordered_at
    from first_contacts e
    join orders o on o.customer_id = e.person
    where e.is_customer and o.revenue > 0 and cast(o.ordered_at as date) > cast(e.ordered_at as date)
    group by e.person
)
select
    e.person, case when e.is_customer then e.person end as customer_id, e.touchpoint as entry_touchpoint, e.channel as entry_channel, e.awareness_at,
    case when l.consideration_at is null or e.ordered_at < l.consideration_at then e.ordered_at else l.consideration_at end
        as consideration_at,
    e.ordered_at, l.support_at,
    case when l.loyalty_at is null or a.ordered_at < l.loyalty_at then a.ordered_at else l.loyalty_at end as loyalty_at
from first_contacts e
left join later l on l.person = e.person
left join again a on a.person = e.person
order by e.person
