-- one row: one customer who ordered in a year, with the orders in it and in the year after; years end 365 and 730 days before the end
-- of the period, and only years the orders cover are there
with landmark as (
    select cast(cast($as_of as date) - interval 365 day as date) as landmark
    union all
    select cast(cast($as_of as date) - interval 730 day as date) as landmark
),
covered as (
    select l.landmark, l.landmark - interval 364 day as starts, l.landmark + interval 1 day as ends, l.landmark + interval 366 day as follows
    from landmark l
    join (select min(ordered_at) as first_order_at from orders) f on f.first_order_at < l.landmark - interval 334 day
)
select
    o.customer_id, v.landmark, sum(case when o.ordered_at < v.ends then 1 else 0 end) as orders,
    sum(case when o.ordered_at >= v.ends then 1 else 0 end) as orders_after
from orders o
join covered v on o.ordered_at >= v.starts and o.ordered_at < v.follows
where o.customer_id is not null and o.revenue > 0
group by o.customer_id, v.landmark
having sum(case when o.ordered_at < v.ends then 1 else 0 end) > 0
order by v.landmark, o.customer_id
