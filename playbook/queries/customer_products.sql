-- one row per customer and product bought after $bought_after and up to $bought_to
select distinct o.customer_id, l.product_id
from orders o
join order_lines l on l.order_id = o.order_id
where o.customer_id is not null and l.product_id is not null and l.quantity > 0
  and cast(o.ordered_at as date) > cast($bought_after as date) and cast(o.ordered_at as date) <= cast($bought_to as date)
order by o.customer_id, l.product_id
