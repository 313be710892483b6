-- One row per customer and topic of service cases opened in the year to as_of
select customer_id, topic, count(*) as cases
from tickets
where opened_at >= cast($since as date) + interval 1 day
    and customer_id is not null and topic is not null
group by customer_id, topic
order by customer_id, topic
