-- one row: one questionnaire in which a customer said how likely a recommendation is, with who answered and the orders before and after
with answer as (
    select a.response_id, a.customer_id, a.wave, a.answered_at, avg(a.value) as nps
    from survey_answers a
    join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
    where q.kind = 'nps' and a.value is not null and a.customer_id is not null
    group by a.response_id, a.customer_id, a.wave, a.answered_at
),
bought as (
    select
        a.response_id, min(o.ordered_at) as first_order_at,
        sum(case when o.ordered_at <= a.answered_at and o.ordered_at > a.answered_at - interval 365 day then 1 else 0 end)
            as orders_before,
        sum(case when o.ordered_at > a.answered_at and o.ordered_at <= a.answered_at + interval 180 day then 1 else 0 end)
            as orders_after
    from answer a
    join orders o on o.customer_id = a.customer_id and o.revenue > 0
    group by a.response_id
)
select
    a.response_id, a.customer_id, a.wave, a.answered_at, a.nps, c.country,
    (epoch(a.answered_at) - epoch(cast(c.birth_date as timestamp))) / 31557600.0 as age,
    (epoch(a.answered_at) - epoch(coalesce(c.acquired_at, b.first_order_at))) / 86400.0 as tenure_days,
    coalesce(b.orders_before, 0) as orders_before, coalesce(b.orders_after, 0) as orders_after,
    a.answered_at <= cast($as_of as date) - interval 179 day as is_followed
from answer a
left join customers c on c.customer_id = a.customer_id
left join bought b on b.response_id = a.response_id
order by a.response_id
