-- one row per table with times and quarter: rows that became known in it
select 'customers' as table_name, cast(date_trunc('quarter', acquired_at) as date) as quarter, count(*) as row_count from customers where acquired_at is not null group by 1, 2
union all select 'orders', cast(date_trunc('quarter', ordered_at) as date), count(*) from orders group by 1, 2
union all select 'interactions', cast(date_trunc('quarter', occurred_at) as date), count(*) from interactions group by 1, 2
union all select 'tickets', cast(date_trunc('quarter', opened_at) as date), count(*) from tickets group by 1, 2
union all select 'survey_answers', cast(date_trunc('quarter', answered_at) as date), count(*) from survey_answers group by 1, 2
union all select 'reviews', cast(date_trunc('quarter', created_at) as date), count(*) from reviews group by 1, 2
union all select 'switching', cast(date_trunc('quarter', moved_at) as date), count(*) from switching group by 1, 2
union all select 'campaign_members', cast(date_trunc('quarter', assigned_at) as date), count(*) from campaign_members group by 1, 2
union all select 'channel_spend', cast(date_trunc('quarter', month) as date), count(*) from channel_spend group by 1, 2
union all select 'opportunities', cast(date_trunc('quarter', created_at) as date), count(*) from opportunities group by 1, 2
union all select 'leads', cast(date_trunc('quarter', created_at) as date), count(*) from leads group by 1, 2
union all select 'loyalty_events', cast(date_trunc('quarter', occurred_at) as date), count(*) from loyalty_events group by 1, 2
union all select 'subscriptions', cast(date_trunc('quarter', started_at) as date), count(*) from subscriptions group by 1, 2
order by table_name, quarter
