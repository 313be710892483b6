-- one row per customer: campaign contacts in the 30 days to $as_of
select customer_id, count(*) as contacts
from campaign_members
where arm = 'treated' and cast(assigned_at as date) > cast($as_of as date) - interval 30 day
group by customer_id
order by customer_id
