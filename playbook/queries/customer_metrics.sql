-- one row per customer with an order or a contact in the 12 months after $since: everything that is counted about them
with bought as (
  select
    customer_id,
    count(case when revenue > 0 then 1 end) as orders,
    cast(sum(revenue) as double) as revenue,
    cast(max(revenue) as double) as largest_order,
    cast(sum(revenue - cost) as double) as gross_margin,
    cast(sum(discount) as double) as discount,
    count(case when discount > 0 then 1 end) as orders_with_discount,
    count(case when campaign_id is not null then 1 end) as orders_from_campaigns,
    count(case when revenue < 0 then 1 end) as refunds,
    cast(sum(case when revenue < 0 then -revenue else 0 end) as double) as refunded_value,
    count(distinct channel) as sales_channels,
    count(distinct case when revenue > 0 then extract(month from ordered_at) end) as months_with_orders,
    max(date_diff('day', cast(ordered_at as date), $as_of)) as days_since_first_order,
    min(date_diff('day', cast(ordered_at as date), $as_of)) as days_since_last_order
  from orders
  where customer_id is not null and cast(ordered_at as date) > $since
  group by customer_id
),
items as (
  select
    o.customer_id, count(*) as order_lines, cast(sum(l.quantity) as double) as units, count(distinct l.product_id) as products,
    count(distinct p.category) as categories, cast(avg(l.unit_price) as double) as price_per_unit
  from orders o
  join order_lines l on l.order_id = o.order_id
  left join products p on p.product_id = l.product_id
  where o.customer_id is not null and o.revenue > 0 and cast(o.ordered_at as date) > $since
  group by o.customer_id
),
contacts as (
  select
    customer_id, count(*) as contacts, count(distinct touchpoint) as touchpoints, count(distinct channel) as contact_channels,
    count(distinct cast(occurred_at as date)) as days_in_contact, cast(sum(duration_s) as double) as contact_seconds,
    cast(sum(cost) as double) as contact_cost, min(date_diff('day', cast(occurred_at as date), $as_of)) as days_since_last_contact
  from interactions
  where customer_id is not null and cast(occurred_at as date) > $since
  group by customer_id
),
cases as (
  select
    customer_id, count(*) as cases, count(case when reopened then 1 end) as cases_reopened, count(distinct topic) as case_topics,
    avg(csat) as case_satisfaction, avg((epoch(first_response_at) - epoch(opened_at)) / 3600.0) as hours_to_answer,
    avg((epoch(resolved_at) - epoch(opened_at)) / 3600.0) as hours_to_solution
  from tickets
  where customer_id is not null and cast(opened_at as date) > $since
  group by customer_id
),
messages as (
  select
    customer_id, count(*) as messages, count(case when opened then 1 end) as messages_opened,
    count(case when clicked then 1 end) as messages_clicked
  from campaign_members
  where arm = 'treated' and cast(assigned_at as date) > $since
  group by customer_id
),
points as (
  select
    customer_id, cast(sum(case when kind = 'earn' then points else 0 end) as double) as points_earned,
    cast(sum(case when kind = 'redeem' then abs(points) else 0 end) as double) as points_redeemed
  from loyalty_events
  where cast(occurred_at as date) > $since
  group by customer_id
),
asked as (
  select
    a.customer_id, avg(case when q.kind = 'nps' then a.value end) as recommendation, avg(case when q.kind = 'csat' then a.value end) as satisfaction,
    avg(case when q.kind = 'ces' then a.value end) as ease
  from survey_answers a
  join survey_questions q on q.survey = a.survey and q.question_id = a.question_id
  where a.customer_id is not null and q.kind in ('nps', 'csat', 'ces') and q.brand is null and cast(a.answered_at as date) > $since
  group by a.customer_id
)
select
  c.customer_id, c.country, b.orders, b.revenue, b.gross_margin,
  case when b.orders > 0 then b.revenue / b.orders end as average_order_value, b.largest_order,
  b.discount, b.orders_with_discount, b.orders_from_campaigns, b.refunds, b.refunded_value, b.sales_channels, b.months_with_orders,
  b.days_since_first_order, b.days_since_last_order,
  i.order_lines, i.units, i.products, i.categories, i.price_per_unit, case when b.orders > 0 then i.units / b.orders end as units_per_order,
  t.contacts, t.touchpoints, t.contact_channels, t.days_in_contact, t.contact_seconds, t.contact_cost, t.days_since_last_contact,
  case when b.customer_id is not null or t.customer_id is not null then coalesce(s.cases, 0) end as cases,
  s.cases_reopened, s.case_topics, s.case_satisfaction, s.hours_to_answer, s.hours_to_solution,
  m.messages, m.messages_opened, m.messages_clicked, p.points_earned, p.points_redeemed, a.recommendation, a.satisfaction, a.ease
from customers c
left join bought b on b.customer_id = c.customer_id
left join items i on i.customer_id = c.customer_id
left join contacts t on t.customer_id = c.customer_id
left join cases s on s.customer_id = c.customer_id
left join messages m on m.customer_id = c.customer_id
left join points p on p.customer_id = c.customer_id
left join asked a on a.customer_id = c.customer_id
where b.customer_id is not null or t.customer_id is not null or s.customer_id is not null
order by c.customer_id
