-- one row per customer in a campaign of the 12 months after $since: what was bought in the $days days from the assignment and before it
with members as (
  select
    m.campaign_id,
    m.customer_id,
    m.arm,
    m.assignment_probability,
    m.stratum,
    m.assigned_at,
    least(cast($days as bigint), date_diff('day', cast(m.assigned_at as date), cast($as_of as date))) as window_days
  from campaign_members as m
  where cast(m.assigned_at as date) > cast($since as date)
),

priced as (
  select
    customer_id,
    ordered_at,
    revenue,
    coalesce(revenue - cost, cast(revenue * cast($margin_rate as double) as decimal(18, 2))) as margin
  from orders
  where customer_id is not null
),

bought as (
  select
    m.campaign_id,
    m.customer_id,
    sum(case when p.ordered_at >= m.assigned_at then p.margin end) as margin_after,
    sum(case when p.ordered_at < m.assigned_at
              and date_diff('day', cast(p.ordered_at as date), cast(m.assigned_at as date)) <= m.window_days
             then p.margin end) as margin_before,
    sum(case when p.ordered_at < m.assigned_at then p.revenue end) as revenue_year_before,
    max(case when p.ordered_at >= m.assigned_at and p.revenue > 0 then 1 else 0 end) as bought,
    sum(case when p.ordered_at >= m.assigned_at and p.revenue > 0 then 1 else 0 end) as orders_after,
    sum(case when p.ordered_at < m.assigned_at and p.revenue > 0 then 1 else 0 end) as orders_year_before
  from members as m
  inner join priced as p
    on p.customer_id = m.customer_id
    and date_diff('day', cast(m.assigned_at as date), cast(p.ordered_at as date)) between -365 and m.window_days
  group by m.campaign_id, m.customer_id
)

select
  m.campaign_id,
  m.customer_id,
  m.arm,
  m.assignment_probability,
  m.stratum,
  m.assigned_at,
  m.window_days,
  coalesce(b.margin_after, 0) as margin_after,
  coalesce(b.margin_before, 0) as margin_before,
  coalesce(b.revenue_year_before, 0) as revenue_year_before,
  coalesce(b.bought, 0) as bought,
  coalesce(b.orders_after, 0) as orders_after,
  coalesce(b.orders_year_before, 0) as orders_year_before
from members as m
left join bought as b on m.campaign_id = b.campaign_id and m.customer_id = b.customer_id
order by m.campaign_id, m.customer_id
