-- one row per customer and category bought in the year after $since: the last product and the price paid for it
with bought as (
  select
    o.customer_id, p.category, l.product_id, l.unit_price, o.ordered_at,
    row_number() over (
      partition by o.customer_id, p.category order by o.ordered_at desc, l.unit_price desc, l.product_id
    ) as place
  from orders o
  join order_lines l on l.order_id = o.order_id
  join products p on p.product_id = l.product_id
  where o.customer_id is not null and l.quantity > 0 and p.category is not null and cast(o.ordered_at as date) > $since
)
select customer_id, category, product_id, unit_price, ordered_at
from bought
where place = 1
order by customer_id, category
