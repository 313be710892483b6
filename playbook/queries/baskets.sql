-- one row per order and product in the year after $since
select distinct l.order_id, l.product_id
from order_lines l
join orders o on o.order_id = l.order_id
where l.product_id is not null and l.quantity > 0 and cast(o.ordered_at as date) > $since
order by l.order_id, l.product_id
