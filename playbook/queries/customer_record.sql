-- one row per customer: what is on record, the events linked to it, and 1 where a hygiene check fails (null: not checkable)
with bought as (
  select
    customer_id,
    sum(case when revenue > 0 then 1 else 0 end) as orders,
    min(ordered_at) as first_order_at,
    max(ordered_at) as last_order_at,
    sum(case when cast(ordered_at as date) > $since then revenue else 0 end) as revenue_12m
  from orders
  where customer_id is not null
  group by customer_id
),
contacts as (
  select customer_id, count(*) as interactions, max(occurred_at) as last_interaction_at
  from interactions where customer_id is not null group by customer_id
),
cases as (
  select customer_id, count(*) as tickets, max(opened_at) as last_ticket_at
  from tickets where customer_id is not null group by customer_id
),
mailings as (
  select customer_id, count(*) as campaigns
  from campaign_members where arm = 'treated' group by customer_id
),
answered as (
  select customer_id, count(distinct response_id) as surveys
  from survey_answers where customer_id is not null group by customer_id
),
same_email as (
  select lower(trim(email)) as address from customers where email is not null group by lower(trim(email)) having count(*) > 1
),
same_phone as (
  select regexp_replace(phone, '[^0-9]', '', 'g') as digits
  from customers where phone is not null group by regexp_replace(phone, '[^0-9]', '', 'g') having count(*) > 1
),
same_name as (
  select lower(trim(name)) as person, postcode
  from customers where name is not null and postcode is not null group by lower(trim(name)), postcode having count(*) > 1
),
systems as (
  select
    k.customer_id,
    count(distinct k.system) as systems,
    max(case when r.consent_email then 1 else 0 end) + max(case when not r.consent_email then 1 else 0 end) as consent_answers,
    min(k.match_probability) as weakest_match
  from customer_keys k
  left join customer_records r on r.system = k.system and r.system_id = k.system_id
  group by k.customer_id
)
select
  c.customer_id,
  coalesce(c.acquired_at, b.first_order_at) as known_since,
  coalesce(s.systems, 0) as systems,
  coalesce(b.orders, 0) as orders,
  coalesce(i.interactions, 0) as interactions,
  coalesce(t.tickets, 0) as tickets,
  coalesce(m.campaigns, 0) as campaigns,
  coalesce(a.surveys, 0) as surveys,
  b.last_order_at,
  coalesce(greatest(b.last_order_at, i.last_interaction_at, t.last_ticket_at), b.last_order_at) as last_event_at,
  coalesce(b.revenue_12m, 0) as revenue_12m,
  case when c.email is null and c.phone is null then 1 else 0 end as no_email_or_phone,
  case when c.postcode is null and c.city is null then 1 else 0 end as no_address,
  case when c.consent_email is null and c.consent_sms is null and c.consent_phone is null and c.consent_social is null
    then 1 else 0 end as no_consent_answer,
  case when c.consent_email or c.consent_sms or c.consent_phone or c.consent_social then
    case when c.consent_updated_at is null or cast(c.consent_updated_at as date) <= cast($as_of as date) - interval 1096 day
      then 1 else 0 end end as consent_older_than_3_years,
  case when c.email is not null then case when e.address is null then 0 else 1 end end as shared_email,
  case when c.phone is not null then case when p.digits is null then 0 else 1 end end as shared_phone,
  case when c.name is not null and c.postcode is not null then case when n.person is null then 0 else 1 end end
    as same_name_and_postcode,
  case when (c.consent_email and c.email is null) or ((c.consent_sms or c.consent_phone) and c.phone is null)
    then 1 else 0 end as consent_without_contact,
  case when s.customer_id is not null then case when s.consent_answers > 1 then 1 else 0 end end
    as systems_disagree_on_consent,
  case when b.first_order_at is not null and c.acquired_at is not null then
    case when cast(b.first_order_at as date) < cast(c.acquired_at as date) then 1 else 0 end end as ordered_before_won,
  case when c.birth_date is not null then
    case when cast(c.birth_date as date) > cast($as_of as date) - interval 5844 day
      or cast(c.birth_date as date) < cast($as_of as date) - interval 40177 day then 1 else 0 end end as impossible_age
from customers c
left join bought b on b.customer_id = c.customer_id
left join contacts i on i.customer_id = c.customer_id
left join cases t on t.customer_id = c.customer_id
left join mailings m on m.customer_id = c.customer_id
left join answered a on a.customer_id = c.customer_id
left join systems s on s.customer_id = c.customer_id
left join same_email e on e.address = lower(trim(c.email))
left join same_phone p on p.digits = regexp_replace(c.phone, '[^0-9]', '', 'g')
left join same_name n on n.person = lower(trim(c.name)) and n.postcode = c.postcode
order by c.customer_id
