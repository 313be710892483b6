-- one row per channel and stage of the journey: contacts, customers and cost in the year after $since, and the year before
select
  coalesce(channel, 'not recorded') as channel,
  stage,
  sum(case when cast(occurred_at as date) > $since then 1 else 0 end) as contacts,
  sum(case when cast(occurred_at as date) <= $since then 1 else 0 end) as contacts_year_before,
  sum(case when cast(occurred_at as date) > $since and customer_id is not null then 1 else 0 end) as linked,
  count(distinct case when cast(occurred_at as date) > $since then customer_id end) as customers,
  cast(sum(case when cast(occurred_at as date) > $since then cost end) as double) as cost,
  max(occurred_at) as last_contact_at
from interactions
where cast(occurred_at as date) > cast($since as date) - interval 365 day
group by coalesce(channel, 'not recorded'), stage
order by channel, stage
