-- one row per event on the record of customer $customer, latest first
select happened_at, kind, what, channel, amount
from (
  select ordered_at as happened_at, case when revenue < 0 then 'refund' else 'order' end as kind, order_id as what, channel,
    cast(revenue as double) as amount, order_id as id
  from orders where customer_id = $customer
  union all
  select occurred_at, 'contact', case when outcome is null then touchpoint else concat(touchpoint, ', ', outcome) end, channel, null, interaction_id
  from interactions where customer_id = $customer
  union all
  select opened_at, 'service case', topic, channel, null, ticket_id
  from tickets where customer_id = $customer
  union all
  select m.assigned_at, concat('campaign, ', m.arm), k.name, k.channel, null, m.campaign_id
  from campaign_members m left join campaigns k on k.campaign_id = m.campaign_id where m.customer_id = $customer
  union all
  select min(answered_at), 'survey', concat(survey, ' ', wave), null, null, response_id
  from survey_answers where customer_id = $customer group by response_id, survey, wave
  union all
  select occurred_at, concat('points, ', kind), concat(cast(cast(points as bigint) as varchar), ' points'), null, null, order_id
  from loyalty_events where customer_id = $customer
) events
order by happened_at desc, kind, what, id
