-- one row: one service case, with hours to first response and resolution, and whether the customer came again within
-- seven days by any service channel (more than an hour after opening the case), or by another one
with entrance as (
    select distinct channel from tickets
),
service as (
    select i.customer_id, i.occurred_at, i.channel
    from interactions i
    join entrance e on e.channel = i.channel
    where i.stage = 'support' and i.customer_id is not null
),
again as (
    select
        t.ticket_id, count(*) as further_contacts,
        max(case when s.channel <> t.channel then 1 else 0 end) as elsewhere
    from tickets t
    join service s
        on s.customer_id = t.customer_id and s.occurred_at > t.opened_at + interval 1 hour
        and s.occurred_at <= t.opened_at + interval 7 day
    group by t.ticket_id
)
select
    t.ticket_id, t.customer_id, t.opened_at, t.resolved_at, t.channel, t.topic, t.priority, c.country,
    (epoch(t.first_response_at) - epoch(t.opened_at)) / 3600.0 as first_response_hours,
    (epoch(t.resolved_at) - epoch(t.opened_at)) / 3600.0 as resolution_hours,
    (epoch(cast($as_of as date) + interval 1 day) - epoch(t.opened_at)) / 3600.0 as age_hours,
    t.reopened, t.csat, coalesce(a.further_contacts, 0) as further_contacts, coalesce(a.elsewhere, 0) as elsewhere
from tickets t
left join customers c on c.customer_id = t.customer_id
left join again a on a.ticket_id = t.ticket_id
order by t.ticket_id
