-- one row per member of the loyalty programme: points in all and in the year after $since, revenue and goods margin this
-- year and the year before
with moves as (
  select
    customer_id,
    min(occurred_at) as joined_at,
    sum(points) as balance,
    sum(case when kind = 'earn' then points else 0 end) as earned,
    sum(case when kind = 'redeem' then -points else 0 end) as redeemed,
    sum(case when kind = 'expire' then -points else 0 end) as expired,
    sum(case when kind = 'earn' and cast(occurred_at as date) > $since then points else 0 end) as earned_12m,
    sum(case when kind = 'redeem' and cast(occurred_at as date) > $since then -points else 0 end) as redeemed_12m,
    sum(case when kind = 'expire' and cast(occurred_at as date) > $since then -points else 0 end) as expired_12m,
    sum(case when kind = 'adjust' and cast(occurred_at as date) > $since then points else 0 end) as adjusted_12m
  from loyalty_events
  group by customer_id
),
bought as (
  select
    customer_id,
    sum(case when cast(ordered_at as date) > $since then revenue else 0 end) as revenue_12m,
    sum(case when cast(ordered_at as date) > $since then revenue - cost end) as margin_12m,
    sum(case when cast(ordered_at as date) <= $since
      and cast(ordered_at as date) > cast($since as date) - interval 365 day then revenue else 0 end) as revenue_year_before
  from orders
  where customer_id is not null
  group by customer_id
)
select m.*, coalesce(b.revenue_12m, 0) as revenue_12m, b.margin_12m, coalesce(b.revenue_year_before, 0) as revenue_year_before
from moves m
left join bought b on b.customer_id = m.customer_id
order by m.customer_id
