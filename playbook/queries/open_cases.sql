-- one row per service case still open at $as_of: its age in hours
select
  ticket_id, customer_id, coalesce(priority, 'normal') as priority, topic, opened_at,
  cast(date_diff('hour', opened_at, cast($as_of as timestamp) + interval 24 hour) as double) as hours_open,
  first_response_at is not null as answered
from tickets
where resolved_at is null
order by ticket_id
