-- one row per wave, kind (nps, csat overall) and answer on the scale: answers given
select
  a.survey,
  a.wave,
  q.kind,
  a.value,
  max(q.scale_max) as scale_max,
  min(a.answered_at) as first_answer,
  count(*) as answers
from survey_answers as a
inner join survey_questions as q on a.survey = q.survey and a.question_id = q.question_id
where q.kind in ('nps', 'csat') and q.touchpoint is null and q.brand is null and a.value is not null
group by a.survey, a.wave, q.kind, a.value
order by a.survey, a.wave, q.kind, a.value
