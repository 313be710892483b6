-- one row per day with an order: orders, revenue net of refunds, and buying customers
select
  cast(ordered_at as date) as day,
  count(case when revenue > 0 then 1 end) as orders,
  cast(sum(revenue) as double) as revenue,
  count(distinct case when revenue > 0 then customer_id end) as customers
from orders
group by cast(ordered_at as date)
order by day
