-- one row per market segment: customers of ours in it, and those who ordered after $since
select
  c.market_segment, count(distinct c.customer_id) as customers, count(distinct o.customer_id) as buying_customers
from customers c
left join orders o on o.customer_id = c.customer_id and o.revenue > 0 and cast(o.ordered_at as date) > $since
where c.market_segment is not null
group by c.market_segment
order by c.market_segment
