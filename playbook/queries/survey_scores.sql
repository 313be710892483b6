-- one row per numeric answer of the 12 months after $since, with its question
select
  a.response_id, a.customer_id, a.survey, a.wave, a.question_id, q.text as question, q.kind, q.construct, q.touchpoint, q.brand,
  a.value, q.scale_min, q.scale_max, coalesce(c.country, 'not known') as country
from survey_answers a
join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
left join customers c on c.customer_id = a.customer_id
where a.value is not null and cast(a.answered_at as date) > $since
order by a.response_id, a.question_id
