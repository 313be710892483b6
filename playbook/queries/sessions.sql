-- one row: one channel over the period: sessions, the persons in them, contacts (those at one time count once), sessions of
-- one contact, minutes, orders placed in them, and the sums of squares by person that an interval needs; a session is what one
-- person does in one channel by browser or device without a gap of more than 30 minutes, over midnight too (times are UTC); an
-- order is placed in it when it follows a contact within 30 minutes
with contact as (
    select person, channel, occurred_at, max(is_customer) as is_customer
    from linked_contacts
    where on_device and occurred_at >= cast($since as date) + interval 1 day
    group by person, channel, occurred_at
),
neighbour as (
    select
        person, channel, occurred_at, is_customer,
        lag(occurred_at) over (partition by person, channel order by occurred_at) as former_at,
        lead(occurred_at) over (partition by person, channel order by occurred_at) as following_at
    from contact
),
marked as (
    select
        person, channel, occurred_at, is_customer, former_at,
        former_at is null or former_at < occurred_at - interval 30 minute as is_first,
        following_at is null or following_at > occurred_at + interval 30 minute as is_last
    from neighbour
),
visitor as (
    select
        person, channel, count(*) as contacts, count(case when is_first then 1 end) as sessions,
        count(case when is_first and is_last then 1 end) as single,
        sum(case when is_first then 0.0 else epoch(occurred_at) - epoch(former_at) end) as seconds
    from marked
    group by person, channel
),
placed as (
    select m.person, m.channel, count(distinct o.order_id) as orders
    from marked m
    join orders o on o.customer_id = m.person
    where m.is_customer and o.revenue > 0 and o.ordered_at >= cast($since as date) + interval 1 day
        and o.ordered_at >= m.occurred_at and o.ordered_at <= m.occurred_at + interval 30 minute
    group by m.person, m.channel
)
select
    v.channel, count(*) as persons, cast(sum(v.sessions) as bigint) as sessions, cast(sum(v.contacts) as bigint) as contacts,
    cast(sum(v.single) as bigint) as single, sum(v.seconds) / 60.0 as minutes,
    cast(sum(coalesce(p.orders, 0)) as bigint) as orders, cast(sum(v.sessions * v.sessions) as bigint) as sessions_sq,
    cast(sum(v.sessions * coalesce(p.orders, 0)) as bigint) as sessions_orders,
    cast(sum(coalesce(p.orders, 0) * coalesce(p.orders, 0)) as bigint) as orders_sq
from visitor v
left join placed p on p.person = v.person and (p.channel = v.channel or (p.channel is null and v.channel is null))
group by v.channel
order by v.channel
