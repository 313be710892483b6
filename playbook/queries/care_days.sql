-- one row per customer: month and day of birth and of the first order (null where unknown)
with first_orders as (
  select customer_id, min(ordered_at) as at from orders where revenue > 0 and customer_id is not null group by customer_id
)
select
  c.customer_id,
  extract(month from c.birth_date) as birth_month,
  extract(day from c.birth_date) as birth_day,
  extract(month from f.at) as first_order_month,
  extract(day from f.at) as first_order_day
from customers c
left join first_orders f on f.customer_id = c.customer_id
order by c.customer_id
