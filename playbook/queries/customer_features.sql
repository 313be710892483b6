-- One row per customer: what is known of the person, what was bought, and what serving cost, whole record and 12 months.
with purchases as (
    select
        customer_id,
        count(*) as orders,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at,
        sum(revenue) as revenue,
        sum(coalesce(discount, 0)) as discount,
        sum(case when cast(ordered_at as date) > $since then 1 else 0 end) as orders_12m,
        sum(case when cast(ordered_at as date) > $since - interval 365 day
                  and cast(ordered_at as date) <= $since then 1 else 0 end) as orders_before
    from orders
    where revenue > 0 and customer_id is not null
    group by customer_id
),

money as (
    select
        customer_id,
        sum(case when revenue < 0 then 1 else 0 end) as refunds,
        sum(revenue) as revenue_12m,
        sum(revenue - cost) as margin_12m,
        sum(case when cost is not null then abs(revenue) else 0 end) as revenue_with_cost_12m,
        sum(abs(revenue)) as turnover_12m
    from orders
    where customer_id is not null and cast(ordered_at as date) > $since
    group by customer_id
),

lines as (
    select
        o.customer_id,
        sum(l.quantity) as units,
        sum(case when cast(o.ordered_at as date) > $since then l.quantity else 0 end) as units_12m
    from orders as o
    inner join order_lines as l on o.order_id = l.order_id
    where o.revenue > 0 and o.customer_id is not null
    group by o.customer_id
),

service as (
    select
        customer_id,
        count(*) as tickets,
        sum(case when cast(opened_at as date) > $since then 1 else 0 end) as tickets_12m
    from tickets
    where customer_id is not null
    group by customer_id
),

contacts as (
    select customer_id, count(*) as interactions_12m, sum(cost) as interaction_cost_12m
    from interactions
    where customer_id is not null and cast(occurred_at as date) > $since
    group by customer_id
),

mailed as (
    select m.customer_id, sum(c.unit_cost) as campaign_cost_12m
    from campaign_members as m
    inner join campaigns as c on m.campaign_id = c.campaign_id
    where m.arm = 'treated' and cast(m.assigned_at as date) > $since
    group by m.customer_id
),

contracts as (
    select customer_id, count(*) as running_contracts
    from subscriptions
    where ended_at is null
    group by customer_id
)

select
    c.customer_id,
    date_diff('day', cast(c.acquired_at as date), $as_of) as tenure_days,
    floor(date_diff('day', c.birth_date, $as_of) / 365.25) as age,
    c.gender,
    c.income,
    c.education,
    c.household,
    c.country,
    c.region,
    c.area_type,
    c.latitude,
    c.longitude,
    case when c.company is not null then 'business' else 'private' end as customer_type,
    c.industry,
    c.acquisition_channel,
    c.market_segment,
    case
        when coalesce(c.consent_email, c.consent_sms, c.consent_phone, c.consent_social) is not null
            then coalesce(c.consent_email, false) or coalesce(c.consent_sms, false)
            or coalesce(c.consent_phone, false) or coalesce(c.consent_social, false)
    end as may_be_contacted,
    coalesce(c.is_deceased_or_closed, false) as is_closed,
    coalesce(p.orders, 0) as orders,
    date_diff('day', cast(p.first_order_at as date), $as_of) as days_since_first_order,
    date_diff('day', cast(p.last_order_at as date), $as_of) as recency_days,
    coalesce(p.revenue, 0) as purchases_value,
    coalesce(p.discount, 0) as discount,
    coalesce(p.orders_12m, 0) as orders_12m,
    coalesce(p.orders_before, 0) as orders_before,
    coalesce(m.refunds, 0) as refunds_12m,
    coalesce(m.revenue_12m, 0) as revenue_12m,
    m.margin_12m,
    coalesce(m.revenue_with_cost_12m, 0) as revenue_with_cost_12m,
    coalesce(m.turnover_12m, 0) as turnover_12m,
    l.units,
    l.units_12m,
    coalesce(s.tickets, 0) as tickets,
    coalesce(s.tickets_12m, 0) as tickets_12m,
    coalesce(k.interactions_12m, 0) as interactions_12m,
    coalesce(k.interaction_cost_12m, 0) as interaction_cost_12m,
    coalesce(g.campaign_cost_12m, 0) as campaign_cost_12m,
    coalesce(r.running_contracts, 0) as running_contracts
from customers as c
left join purchases as p on c.customer_id = p.customer_id
left join money as m on c.customer_id = m.customer_id
left join lines as l on c.customer_id = l.customer_id
left join service as s on c.customer_id = s.customer_id
left join contacts as k on c.customer_id = k.customer_id
left join mailed as g on c.customer_id = g.customer_id
left join contracts as r on c.customer_id = r.customer_id
order by c.customer_id
