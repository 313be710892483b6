-- one row per service case still open
select ticket_id, customer_id, coalesce(priority, 'normal') as priority, topic, opened_at, first_response_at is not null as answered
from tickets
where resolved_at is null
order by ticket_id
