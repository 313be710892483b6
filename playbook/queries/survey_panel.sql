-- one row per invited customer and wave: whether they answered, and what was known of them on the day of the invitation
with answered as (
  select customer_id, survey, wave, min(response_id) as response_id, min(answered_at) as answered_at
  from survey_answers
  where customer_id is not null
  group by customer_id, survey, wave
),
bought as (
  select i.customer_id, i.survey, i.wave, count(*) as orders_12m, cast(sum(o.revenue) as double) as revenue_12m
  from survey_invitations i
  join orders o on o.customer_id = i.customer_id
  where o.revenue > 0 and o.ordered_at <= i.invited_at and o.ordered_at > i.invited_at - interval 365 day
  group by i.customer_id, i.survey, i.wave
),
helped as (
  select i.customer_id, i.survey, i.wave, count(*) as cases_12m, avg(t.csat) as case_csat
  from survey_invitations i
  join tickets t on t.customer_id = i.customer_id
  where t.opened_at <= i.invited_at and t.opened_at > i.invited_at - interval 365 day
  group by i.customer_id, i.survey, i.wave
)
select
  i.customer_id, i.survey, i.wave, i.invited_at, a.response_id, a.answered_at,
  a.response_id is not null as answered,
  coalesce(c.country, 'not known') as country,
  case
    when c.birth_date is null then 'not known'
    when date_diff('day', c.birth_date, cast(i.invited_at as date)) < 12784 then 'under 35'
    when date_diff('day', c.birth_date, cast(i.invited_at as date)) < 18262 then '35 to 49'
    when date_diff('day', c.birth_date, cast(i.invited_at as date)) < 23741 then '50 to 64'
    else '65 and over'
  end as age_band,
  case when c.company is null then 'private' else 'business' end as customer_type,
  case
    when coalesce(b.orders_12m, 0) = 0 then 'no order'
    when b.orders_12m = 1 then 'one order'
    else 'two or more orders'
  end as activity,
  coalesce(b.orders_12m, 0) as orders_12m,
  coalesce(b.revenue_12m, 0) as revenue_12m,
  coalesce(h.cases_12m, 0) as cases_12m,
  h.case_csat
from survey_invitations i
join customers c on c.customer_id = i.customer_id
left join answered a on a.customer_id = i.customer_id and a.survey = i.survey and a.wave = i.wave
left join bought b on b.customer_id = i.customer_id and b.survey = i.survey and b.wave = i.wave
left join helped h on h.customer_id = i.customer_id and h.survey = i.survey and h.wave = i.wave
order by i.survey, i.wave, i.customer_id
