-- one row: one answer on satisfaction (csat) or effort (ces) with a touchpoint, on a scale from 0 to 1, in the three years before the end of the period
select
    a.response_id, a.customer_id, a.wave, a.answered_at, q.touchpoint, q.kind, a.value,
    q.scale_min, q.scale_max, (a.value - q.scale_min) / nullif(q.scale_max - q.scale_min, 0) as score
from survey_answers a
join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
where q.kind in ('csat', 'ces') and q.touchpoint is not null and a.value is not null
    and a.answered_at >= cast($as_of as date) - interval 1095 day
order by a.response_id, q.touchpoint, q.kind, q.question_id
