-- One row per respondent and question of one kind ($kind): the latest answer in the year to as_of
with answered as (
    select
        coalesce(a.customer_id, 'anonymous ' || a.response_id) as respondent,
        a.customer_id,
        a.survey,
        a.question_id,
        q.construct as item,
        q.brand,
        a.value,
        q.scale_min,
        q.scale_max,
        row_number() over (
            partition by coalesce(a.customer_id, 'anonymous ' || a.response_id), a.survey, a.question_id
            order by a.answered_at desc, a.response_id desc
        ) as place
    from survey_answers a
    join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
    where q.kind = $kind and a.value is not null
        and a.answered_at >= cast($since as date) + interval 1 day
)
select respondent, customer_id, survey, question_id, item, brand, value, scale_min, scale_max
from answered
where place = 1
order by respondent, survey, question_id
