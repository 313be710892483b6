-- one row per customer and channel that must not be used; customer_id is none where a suppression names an unknown key
with named as (
  select s.customer_id, s.channel, s.since from suppressions s where s.customer_id is not null
  union all
  select k.customer_id, s.channel, s.since
  from suppressions s
  left join customer_keys k
    on k.system_id = s.system_id and (s.system is null or lower(k.system) = lower(s.system))
  where s.system_id is not null
)
select customer_id, lower(trim(channel)) as channel, min(since) as since, count(*) as suppressions
from named
group by customer_id, lower(trim(channel))
order by customer_id, channel
