-- one row per respondent, question of one kind ($kind) and year (0 ends at $as_of, 1 a year before): the latest answer of that year
with windows as (
  select 0 as years_ago, cast($since as date) as after_day, cast($as_of as date) as last_day
  union all
  select 1, cast(cast($since as date) - interval '1' year as date), cast($since as date)
),

answered as (
  select
    w.years_ago,
    coalesce(a.customer_id, 'anonymous ' || a.response_id) as respondent,
    coalesce(q.construct, q.text, q.question_id) as item,
    a.value,
    row_number() over (
      partition by w.years_ago, coalesce(a.customer_id, 'anonymous ' || a.response_id), a.survey, a.question_id
      order by a.answered_at desc, a.response_id desc
    ) as place
  from windows as w
  inner join survey_answers as a
    on cast(a.answered_at as date) > w.after_day and cast(a.answered_at as date) <= w.last_day
  inner join survey_questions as q on a.survey = q.survey and a.question_id = q.question_id
  where q.kind = $kind and q.brand is null and a.value is not null
)

select years_ago, respondent, item, value
from answered
where place = 1
order by years_ago, item, respondent
