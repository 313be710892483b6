-- one row: the first and the last day with an order by a known customer, and their number
select
  cast(min(ordered_at) as date) as first_day,
  cast(max(ordered_at) as date) as last_day,
  count(distinct customer_id) as customers
from orders
where customer_id is not null
