-- one row per open answer, in the words of the one who answered
select a.response_id, a.customer_id, a.survey, a.wave, a.question_id, q.text as question, a.answered_at, a.text
from survey_answers a
join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
where q.kind = 'open' and a.text is not null
order by a.response_id, a.question_id
