-- One row per observed move between brands in the last 12 months, with the customer's revenue with us in the year
-- before the move and since it.
with moves as (
    select customer_id, moved_at, from_brand, to_brand, reason
    from switching
    where cast(moved_at as date) > $since
),

spend as (
    select
        m.customer_id,
        m.moved_at,
        m.from_brand,
        m.to_brand,
        sum(case when o.ordered_at <= m.moved_at
                  and o.ordered_at > m.moved_at - interval 365 day then o.revenue else 0 end) as revenue_before,
        sum(case when o.ordered_at > m.moved_at then o.revenue else 0 end) as revenue_since
    from moves as m
    inner join orders as o on m.customer_id = o.customer_id
    group by m.customer_id, m.moved_at, m.from_brand, m.to_brand
)

select
    m.customer_id,
    m.moved_at,
    m.from_brand,
    m.to_brand,
    m.reason,
    coalesce(s.revenue_before, 0) as revenue_before,
    coalesce(s.revenue_since, 0) as revenue_since
from moves as m
left join spend as s
    on m.customer_id = s.customer_id
    and m.moved_at = s.moved_at
    and m.from_brand = s.from_brand
    and m.to_brand = s.to_brand
order by m.moved_at, m.customer_id, m.from_brand, m.to_brand
