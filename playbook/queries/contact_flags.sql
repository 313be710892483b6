-- one row per customer: what is needed to contact them; a consent is true only when no linked record says otherwise
with records as (
  select
    k.customer_id,
    sum(case when not r.consent_email then 1 else 0 end) as no_email,
    sum(case when not r.consent_sms then 1 else 0 end) as no_sms,
    sum(case when not r.consent_phone then 1 else 0 end) as no_phone,
    sum(case when not r.consent_social then 1 else 0 end) as no_social,
    sum(case when r.is_deceased_or_closed then 1 else 0 end) as gone
  from customer_keys k
  join customer_records r on r.system = k.system and r.system_id = k.system_id
  group by k.customer_id
)
select
  c.customer_id,
  coalesce(c.is_deceased_or_closed, false) or coalesce(r.gone, 0) > 0 as is_gone,
  c.email is not null as has_email,
  c.phone is not null as has_phone,
  c.postcode is not null or c.city is not null as has_address,
  case when coalesce(r.no_email, 0) > 0 then false else c.consent_email end as consent_email,
  case when coalesce(r.no_sms, 0) > 0 then false else c.consent_sms end as consent_sms,
  case when coalesce(r.no_phone, 0) > 0 then false else c.consent_phone end as consent_phone,
  case when coalesce(r.no_social, 0) > 0 then false else c.consent_social end as consent_social
from customers c
left join records r on r.customer_id = c.customer_id
order by c.customer_id
