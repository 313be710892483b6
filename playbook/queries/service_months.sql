-- one row: one month, with cases opened and resolved in it, when the first of them came, and the cases open at its end
-- (or at the end of the period)
with opened as (
    select cast(date_trunc('month', opened_at) as date) as month, count(*) as opened, min(opened_at) as first_opened
    from tickets
    group by cast(date_trunc('month', opened_at) as date)
),
resolved as (
    select cast(date_trunc('month', resolved_at) as date) as month, count(*) as resolved
    from tickets
    where resolved_at is not null
    group by cast(date_trunc('month', resolved_at) as date)
),
span as (
    select unnest(generate_series(min(month), max(month), interval 1 month)) as month
    from (select month from opened union select month from resolved) months
)
select
    cast(s.month as date) as month, coalesce(o.opened, 0) as opened, coalesce(r.resolved, 0) as resolved,
    sum(coalesce(o.opened, 0) - coalesce(r.resolved, 0)) over (order by s.month) as backlog,
    o.first_opened
from span s
left join opened o on o.month = cast(s.month as date)
left join resolved r on r.month = cast(s.month as date)
order by s.month
