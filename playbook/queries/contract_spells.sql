-- One row per contract known: months renewed so far, or the month in which it ended.
select
    subscription_id,
    customer_id,
    plan,
    cast(monthly_fee as double) as monthly_fee,
    cast(started_at as date) as started_on,
    date_diff('day', cast(started_at as date), cast(coalesce(ended_at, $as_of) as date)) as days,
    case when ended_at is not null then 1 else 0 end as lost
from subscriptions
order by subscription_id
