-- one row: one person (a customer, or a visitor never seen as one) whose first contact was of the awareness stage and
-- who had not ordered before; visitors are linked to customers by contacts that carry both numbers; an order counts
-- as having considered; loyalty is a contact of that stage or another order on a later day
with link as (
    select visitor_id, min(customer_id) as customer_id
    from interactions
    where visitor_id is not null and customer_id is not null
    group by visitor_id
),
contact as (
    select
        coalesce(i.customer_id, l.customer_id, 'visitor ' || i.visitor_id) as person,
        coalesce(i.customer_id, l.customer_id) as customer_id,
        i.interaction_id, i.occurred_at, i.touchpoint, i.channel, i.stage
    from interactions i
    left join link l on i.visitor_id = l.visitor_id
    where i.customer_id is not null or i.visitor_id is not null
),
ranked as (
    select *, row_number() over (partition by person order by occurred_at, interaction_id) as place
    from contact
    where stage = 'awareness'
),
purchase as (
    select customer_id as person, ordered_at from orders where revenue > 0 and customer_id is not null
),
before as (
    select distinct r.person
    from ranked r
    join purchase p on p.person = r.person and p.ordered_at < r.occurred_at
    where r.place = 1
),
entry as (
    select r.person, r.customer_id, r.touchpoint, r.channel, r.occurred_at as awareness_at
    from ranked r
    left join before b on b.person = r.person
    where r.place = 1 and b.person is null
),
considered as (
    select e.person, min(c.occurred_at) as consideration_at
    from entry e
    join contact c on c.person = e.person and c.stage = 'consideration' and c.occurred_at >= e.awareness_at
    group by e.person
),
bought as (
    select e.person, min(p.ordered_at) as ordered_at
    from entry e
    join purchase p on p.person = e.person
    group by e.person
),
supported as (
    select b.person, min(c.occurred_at) as support_at
    from bought b
    join contact c on c.person = b.person and c.stage = 'support' and c.occurred_at > b.ordered_at
    group by b.person
),
sign as (
    select person, occurred_at as seen_at from contact where stage = 'loyalty'
    union all
    select person, ordered_at as seen_at from purchase
),
stayed as (
    select b.person, min(s.seen_at) as loyalty_at
    from bought b
    join sign s on s.person = b.person and cast(s.seen_at as date) > cast(b.ordered_at as date)
    group by b.person
)
select
    e.person, e.customer_id, e.touchpoint as entry_touchpoint, e.channel as entry_channel, e.awareness_at,
    case when c.consideration_at is null or b.ordered_at < c.consideration_at then b.ordered_at else c.consideration_at end
        as consideration_at,
    b.ordered_at, s.support_at, y.loyalty_at
from entry e
left join considered c on c.person = e.person
left join bought b on b.person = e.person
left join supported s on s.person = e.person
left join stayed y on y.person = e.person
order by e.person
