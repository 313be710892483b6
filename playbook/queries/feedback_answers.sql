-- one row per answer: recommendation (nps), overall satisfaction (csat), and satisfaction with a service case (case) by quarter
with surveyed as (
  select a.response_id, a.customer_id, a.wave, a.answered_at, q.kind, a.value, q.scale_max
  from survey_answers as a
  inner join survey_questions as q on a.survey = q.survey and a.question_id = q.question_id
  where q.kind in ('nps', 'csat') and q.touchpoint is null and q.brand is null and a.value is not null
),

cases as (
  select
    ticket_id as response_id,
    customer_id,
    cast(extract(year from resolved_at) as varchar) || ' Q' || cast(extract(quarter from resolved_at) as varchar) as wave,
    resolved_at as answered_at,
    'case' as kind,
    csat as value,
    cast(5 as double) as scale_max
  from tickets
  where csat is not null and resolved_at is not null
)

select * from surveyed
union all
select * from cases
order by kind, response_id, answered_at
