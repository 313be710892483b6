-- one row per window ($start to $cut, $cut to as_of) and group of orders: orders and revenue net of refunds
select
  case when cast(o.ordered_at as date) > $cut then 'after' else 'before' end as window_name,
  coalesce(o.channel, 'not known') as channel,
  coalesce(c.country, 'not known') as country,
  coalesce(c.acquisition_channel, 'not known') as acquisition_channel,
  coalesce(c.market_segment, 'not known') as market_segment,
  case when c.customer_id is null then 'guest' when c.company is null then 'private or not known' else 'business' end as customer_type,
  case when c.customer_id is null then 'guest' when cast(c.acquired_at as date) > case when cast(o.ordered_at as date) > $cut then $cut else $start end then 'new customer' else 'existing customer' end as tenure,
  count(case when o.revenue > 0 then 1 end) as orders,
  cast(sum(o.revenue) as double) as revenue,
  cast(sum(case when o.revenue > 0 then o.revenue else 0 end) as double) as order_revenue,
  sum(cast(o.revenue as double) * cast(o.revenue as double)) as squares
from orders o
left join customers c on c.customer_id = o.customer_id
where cast(o.ordered_at as date) > $start
group by 1, 2, 3, 4, 5, 6, 7
order by 1, 2, 3, 4, 5, 6, 7
