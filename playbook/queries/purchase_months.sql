-- One row per calendar month of the record: purchases, those of one customer and day being one (as in purchase_histories).
with days as (
    select distinct customer_id, cast(ordered_at as date) as day
    from orders
    where revenue > 0 and customer_id is not null
)

select cast(date_trunc('month', day) as date) as month, count(*) as purchases
from days
group by cast(date_trunc('month', day) as date)
order by month
