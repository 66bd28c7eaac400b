-- Who bears each row of spend, in the reporting currency: one row per spend row and bearing account, or one without an
-- account where none matches. The amounts of a spend row's shares add up to the row.

create or replace table spend_row as
select row_number() over () as spend_id, s.* exclude (amount, currency), s.amount * x.rate as amount, p.period_end, p.cutoff
from spend s
join fx_rates x on x.currency = s.currency and x.day = s.month
join period p on p.grain = 'month' and p.period_start = s.month;

create or replace table spend_of_targets as
select distinct s.spend_id, g.account_id
from spend_row s
join campaign_targets g on g.campaign_id = s.campaign_id and g.targeted_on < s.cutoff
where s.account_id is null;

create or replace table spend_of_scope as
select s.spend_id, a.account_id
from spend_row s
join account_period a
  on a.grain = 'month' and a.period_start = s.month
 and a.program = s.program
 and (s.region is null or a.region = s.region)
 and (s.bu is null or a.bu = s.bu)
 and (s.tier is null or a.tier = s.tier)
where s.account_id is null and s.spend_id not in (select spend_id from spend_of_targets);

-- Within the group that bears a row, touches of the month decide; a group without any shares equally.
create or replace table spend_share as
with bearer as (
  select * from spend_of_targets union all select * from spend_of_scope
), weighed as (
  select b.spend_id, b.account_id, coalesce(t.touches, 0) as touches
  from bearer b
  join spend_row s using (spend_id)
  left join (
    select p.period_start as month, x.account_id, count(*) as touches
    from period p join touchpoints x on x.occurred_at >= p.period_start and x.occurred_at < p.cutoff
    where p.grain = 'month'
    group by all
  ) t on t.month = s.month and t.account_id = b.account_id
)
select spend_id, account_id,
       case when sum(touches) over row_group > 0 then touches / sum(touches) over row_group
            else 1 / count(*) over row_group end as share
from weighed
window row_group as (partition by spend_id);

create or replace table allocated_spend as
select s.month, s.nature, s.program as spend_program, s.channel, s.campaign_id,
       coalesce(s.account_id, w.account_id) as account_id,
       s.amount * coalesce(w.share, 1) as amount,
       case when s.account_id is null and w.account_id is null then s.region end as own_region,
       case when s.account_id is null and w.account_id is null then s.bu end as own_bu,
       case when s.account_id is null and w.account_id is null then s.tier end as own_tier,
       case when s.account_id is null and w.account_id is null then s.program end as own_program,
       null::varchar as own_industry
from spend_row s
left join spend_share w using (spend_id);
