-- one row per department, capability and year of the employee survey (years_ago 0 = the 12 months up to as_of)
select
  case when cast(answered_at as date) > cast($since as date) then 0 else 1 end as years_ago,
  department,
  capability,
  count(*) as answers,
  avg(score) as score,
  stddev_samp(score) as deviation
from employee_survey
where cast(answered_at as date) > cast(cast($since as date) - interval '1' year as date)
group by 1, department, capability
order by 1, department, capability
