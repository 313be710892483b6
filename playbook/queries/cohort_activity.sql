-- one row per quarter in which customers were won and later quarter: customers won, those of them who ordered, and customers won before the first quarter on record
with bounds as (
  select cast(date_trunc('quarter', min(ordered_at)) as date) as first_quarter from orders
),
won as (
  select
    o.customer_id,
    min(extract(year from o.ordered_at) * 4 + extract(quarter from o.ordered_at) - 1) as first_order,
    min(extract(year from c.acquired_at) * 4 + extract(quarter from c.acquired_at) - 1) as acquired
  from orders o
  join customers c on c.customer_id = o.customer_id
  where o.revenue > 0
  group by o.customer_id
),
cohorts as (
  select customer_id, least(first_order, coalesce(acquired, first_order)) as cohort from won
),
sizes as (
  select cohort, count(*) as customers from cohorts group by cohort
),
won_before as (
  select count(*) as customers
  from cohorts k
  cross join bounds b
  where k.cohort < extract(year from b.first_quarter) * 4 + extract(quarter from b.first_quarter) - 1
),
active as (
  select
    k.cohort, extract(year from o.ordered_at) * 4 + extract(quarter from o.ordered_at) - 1 as quarter,
    count(distinct o.customer_id) as active
  from orders o
  join cohorts k on k.customer_id = o.customer_id
  where o.revenue > 0
  group by k.cohort, extract(year from o.ordered_at) * 4 + extract(quarter from o.ordered_at) - 1
)
select
  cast(a.cohort as bigint) as cohort, cast(a.quarter as bigint) as quarter,
  cast(a.quarter - a.cohort as bigint) as age, s.customers, a.active, w.customers as won_before
from active a
join sizes s on s.cohort = a.cohort
cross join bounds b
cross join won_before w
where a.cohort >= extract(year from b.first_quarter) * 4 + extract(quarter from b.first_quarter) - 1
order by cohort, quarter
