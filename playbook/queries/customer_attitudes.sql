-- One row per customer, kind of question and construct: mean answer in the customer's latest wave, with its scale.
with answered as (
    select
        a.customer_id,
        q.kind,
        coalesce(q.construct, q.question_id) as construct,
        a.wave,
        avg(a.value) as value,
        max(a.answered_at) as answered_at,
        min(q.scale_min) as scale_min,
        max(q.scale_max) as scale_max
    from survey_answers as a
    inner join survey_questions as q
        on a.survey = q.survey and a.question_id = q.question_id
    where a.customer_id is not null
        and a.value is not null
        and q.kind in ('nps', 'wallet', 'psychographic', 'importance')
    group by a.customer_id, q.kind, coalesce(q.construct, q.question_id), a.wave
),

ranked as (
    select
        *,
        row_number() over (
            partition by customer_id, kind, construct order by answered_at desc, wave desc
        ) as place
    from answered
)

select customer_id, kind, construct, value, answered_at, scale_min, scale_max
from ranked
where place = 1
order by customer_id, kind, construct
