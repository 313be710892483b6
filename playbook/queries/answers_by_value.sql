-- one row per question on a scale, wave and value: answers given, over all waves
select
  a.survey, a.wave, a.question_id, q.kind, q.scale_min, q.scale_max, a.value, count(*) as answers
from survey_answers a
join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
where a.value is not null and q.kind in ('nps', 'csat', 'ces', 'importance', 'rating', 'psychographic', 'brand', 'kano')
group by a.survey, a.wave, a.question_id, q.kind, q.scale_min, q.scale_max, a.value
order by a.survey, a.wave, a.question_id, a.value
