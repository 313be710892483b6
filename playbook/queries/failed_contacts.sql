-- one row: one contact of a known customer at a purchase or support touchpoint whose outcome counts as a failure ($failures: outcomes between commas)
select interaction_id, customer_id, occurred_at, stage, touchpoint, outcome
from interactions
where customer_id is not null and stage in ('purchase', 'support') and outcome is not null
    and position(',' || outcome || ',' in ',' || $failures || ',') > 0
order by interaction_id
