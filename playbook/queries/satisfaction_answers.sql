-- one row per 12-month window, kind (nps, csat overall) and answer on the scale: customers who gave it, each with the latest answer of the window
with windows as (
  select 0 as years_ago, cast($since as date) as after_day, cast($as_of as date) as last_day
  union all
  select 1, cast(cast($since as date) - interval '1' year as date), cast($since as date)
),

scored as (
  select
    w.years_ago,
    q.kind,
    q.scale_max,
    a.value,
    row_number() over (
      partition by w.years_ago, q.kind, coalesce(a.customer_id, a.response_id)
      order by a.answered_at desc, a.response_id desc, a.question_id
    ) as place
  from windows as w
  inner join survey_answers as a
    on cast(a.answered_at as date) > w.after_day and cast(a.answered_at as date) <= w.last_day
  inner join survey_questions as q on a.survey = q.survey and a.question_id = q.question_id
  where q.kind in ('nps', 'csat') and q.touchpoint is null and q.brand is null and a.value is not null
)

select years_ago, kind, value, max(scale_max) as scale_max, count(*) as answers
from scored
where place = 1
group by years_ago, kind, value
order by years_ago, kind, value
