-- One row per customer and year before as_of (0 the last 12 months, 1 the 12 before, and so on) in which something was
-- bought, refunded, asked or sent: the money of that year, as in customer_features.
with events as (
    select
        customer_id, cast(ordered_at as date) as day, revenue, abs(revenue) as turnover,
        case when cost is not null then abs(revenue) else 0 end as with_cost,
        coalesce(revenue - cost, 0) as margin, case when revenue > 0 then 1 else 0 end as orders,
        0 as tickets, 0 as contact_cost, 0 as campaign_cost
    from orders
    where customer_id is not null
    union all
    select customer_id, cast(opened_at as date), 0, 0, 0, 0, 0, 1, 0, 0
    from tickets
    where customer_id is not null
    union all
    select customer_id, cast(occurred_at as date), 0, 0, 0, 0, 0, 0, cost, 0
    from interactions
    where customer_id is not null and cost is not null
    union all
    select m.customer_id, cast(m.assigned_at as date), 0, 0, 0, 0, 0, 0, 0, c.unit_cost
    from campaign_members as m
    inner join campaigns as c on m.campaign_id = c.campaign_id
    where m.arm = 'treated'
),

dated as (
    select *, cast(floor(date_diff('day', day, $as_of) / 365.0) as bigint) as year
    from events
)

select
    customer_id,
    year,
    cast(sum(revenue) as double) as revenue,
    cast(sum(turnover) as double) as turnover,
    cast(sum(with_cost) as double) as revenue_with_cost,
    cast(sum(margin) as double) as margin,
    sum(orders) as orders,
    sum(tickets) as tickets,
    cast(sum(contact_cost) as double) as contact_cost,
    cast(sum(campaign_cost) as double) as campaign_cost,
    min(case when orders > 0 then date_diff('day', day, $as_of) end) as days_since_order
from dated
group by customer_id, year
order by customer_id, year
