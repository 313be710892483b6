-- one row: one customer's rating of a service case, answer on recommendation or mean answer on satisfaction, followed for 365 days from
-- 30 days after it: what was known before (recency, orders and revenue of the 365 days before) and orders and revenue since
with answer as (
    select 'case satisfaction' as kind, t.ticket_id as answer_id, t.customer_id, t.opened_at as answered_at, cast(t.csat as double) as score, t.topic
    from tickets t
    where t.customer_id is not null and t.csat is not null
    union all
    select
        case when q.kind = 'nps' then 'recommendation' else 'survey satisfaction' end as kind, a.response_id as answer_id, a.customer_id,
        min(a.answered_at) as answered_at, avg(a.value) as score, cast(null as varchar) as topic
    from survey_answers a
    join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
    where q.kind in ('nps', 'csat') and a.value is not null and a.customer_id is not null
    group by case when q.kind = 'nps' then 'recommendation' else 'survey satisfaction' end, a.response_id, a.customer_id
),
followed as (
    select *, cast(answered_at as date) as day
    from answer
    where cast(cast(answered_at as date) + 395 * interval 1 day as date) <= cast($as_of as date)
),
around as (
    select
        f.kind, f.answer_id,
        sum(case when o.revenue > 0 and o.ordered_at < f.answered_at then 1 else 0 end) as orders_before,
        sum(case when o.ordered_at < f.answered_at then o.revenue else 0 end) as revenue_before,
        max(case when o.revenue > 0 and o.ordered_at < f.answered_at then o.ordered_at end) as order_before_at,
        sum(case when o.revenue > 0 and cast(o.ordered_at as date) > f.day + interval 30 day then 1 else 0 end) as orders_after,
        sum(case when cast(o.ordered_at as date) > f.day + interval 30 day then o.revenue else 0 end) as revenue_after
    from followed f
    join orders o
        on o.customer_id = f.customer_id and cast(o.ordered_at as date) > f.day - interval 365 day
        and cast(o.ordered_at as date) <= f.day + interval 395 day
    group by f.kind, f.answer_id
)
select
    f.kind, f.answer_id, f.customer_id, f.answered_at, cast(date_trunc('month', f.answered_at) as date) as month, f.score, f.topic,
    c.country, c.area_type,
    (epoch(f.answered_at) - epoch(cast(c.birth_date as timestamp))) / 31557600.0 as age,
    (epoch(f.answered_at) - epoch(c.acquired_at)) / 86400.0 as tenure_days,
    (epoch(f.answered_at) - epoch(a.order_before_at)) / 86400.0 as days_since_order,
    coalesce(a.orders_before, 0) as orders_before, coalesce(cast(a.revenue_before as double), 0) as revenue_before,
    coalesce(a.orders_after, 0) as orders_after, coalesce(cast(a.revenue_after as double), 0) as revenue_after
from followed f
left join around a on a.kind = f.kind and a.answer_id = f.answer_id
left join customers c on c.customer_id = f.customer_id
order by f.kind, f.answered_at, f.answer_id
