-- one row per customer who recommended us in the year after $since: people referred, and those of them who bought
select referrer_id as customer_id, count(*) as referrals, sum(case when converted then 1 else 0 end) as converted
from referrals
where cast(referred_at as date) > $since
group by referrer_id
order by referrer_id
