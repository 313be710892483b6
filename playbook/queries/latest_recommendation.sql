-- one row per customer who answered how likely they recommend: their last answer (0 to 10) and when
with answered as (
  select
    a.customer_id, a.value, a.answered_at,
    row_number() over (partition by a.customer_id order by a.answered_at desc, a.response_id desc) as place
  from survey_answers a
  join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
  where q.kind = 'nps' and a.customer_id is not null and a.value is not null
)
select customer_id, value as recommend, answered_at
from answered
where place = 1
order by customer_id
