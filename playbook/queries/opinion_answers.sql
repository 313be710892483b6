-- one row per answer to a question about our brand of one of the kinds asked for ($kinds, such as 'csat,ces'), with what is known of the customer
select
  a.response_id, a.customer_id, a.survey, a.wave, a.answered_at, a.question_id, q.text as question, q.kind, q.touchpoint,
  a.value, q.scale_min, q.scale_max,
  coalesce(c.country, 'not known') as country,
  case
    when c.customer_id is null or c.birth_date is null then 'not known'
    when date_diff('day', c.birth_date, cast(a.answered_at as date)) < 12784 then 'under 35'
    when date_diff('day', c.birth_date, cast(a.answered_at as date)) < 18262 then '35 to 49'
    when date_diff('day', c.birth_date, cast(a.answered_at as date)) < 23741 then '50 to 64'
    else '65 and over'
  end as age_band,
  case
    when c.customer_id is null then 'not known'
    when c.company is null then 'private'
    else 'business'
  end as customer_type,
  coalesce(c.market_segment, 'not known') as market_segment
from survey_answers a
join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
left join customers c on c.customer_id = a.customer_id
where position(',' || q.kind || ',' in ',' || $kinds || ',') > 0 and q.brand is null and a.value is not null
order by a.response_id, a.question_id
