-- What every KPI family reads: periods with their snapshots, accounts and contacts as they were, touches per period.

-- Each period sees the newest snapshot taken before its end; a period older than all of them sees the first.
create table period as
select c.*,
       coalesce((select max(dt) from accounts a where a.dt < c.period_end), (select min(dt) from accounts)) as accounts_dt,
       coalesce((select max(dt) from contacts k where k.dt < c.period_end), (select min(dt) from contacts)) as contacts_dt
from calendar c;

-- What stands without a day of its own is worth what its currency was at the end of the period: the last rate before the
-- cutoff, or the first that there is.
create table rate_at_end as
select p.grain, p.period_start, x.currency,
       coalesce(max_by(x.rate, x.day) filter (where x.day < p.cutoff), min_by(x.rate, x.day)) as rate
from period p cross join fx_rates x
group by all;

-- Every account in every period, silent or not, with its dimensions as they were.
create table account_period as
select p.grain, p.period_start, p.period_end, p.cutoff, a.account_id,
       coalesce(a.region, '(unknown)') as region,
       coalesce(a.bu, '(unknown)') as bu,
       coalesce(a.tier, '(unknown)') as tier,
       coalesce(a.industry, '(unknown)') as industry,
       coalesce(a.program, '(unknown)') as program,
       a.listed_on,
       a.customer_since,
       a.potential_value * r.rate as potential_value,
       coalesce(a.listed_on < p.cutoff and (a.delisted_on is null or a.delisted_on >= p.period_end), false) as on_list
from period p
join accounts a on a.dt = p.accounts_dt
left join rate_at_end r on r.grain = p.grain and r.period_start = p.period_start and r.currency = a.currency;

-- Identified contacts: known before the period's cutoff.
create table contact_period as
select p.grain, p.period_start, p.cutoff, c.contact_id, c.account_id, c.function, c.seniority, c.country, c.at_headquarters,
       c.in_buying_committee, c.buying_group, c.consent
from period p
join contacts c on c.dt = p.contacts_dt and c.created_on < p.cutoff;

-- Touches of the period. contact_id is set only for an identified contact of the touched account.
create table period_touch as
select p.grain, p.period_start, x.account_id, c.contact_id, x.channel, x.kind, x.direction = 'inbound' as inbound, x.consumed,
       x.duration_s, coalesce(x.requested, false) as requested,
       coalesce(w.quality, false) as is_quality,
       x.kind in ('download', 'premium_download', 'content_view', 'webinar') as is_content,
       coalesce(w.component = 'intent', false) as is_intent,
       coalesce(w.simple_points, 0) as simple_points,
       coalesce(w.points, 0) * coalesce(s.multiplier, 1) * coalesce(h.multiplier, 1) as weighted_points
from period p
join touchpoints x on x.occurred_at >= p.period_start and x.occurred_at < p.cutoff
left join contact_period c
  on c.grain = p.grain and c.period_start = p.period_start and c.contact_id = x.contact_id and c.account_id = x.account_id
left join signal_weights w on w.kind = x.kind
left join seniority_weights s on s.seniority = c.seniority
left join site_weights h on h.at_headquarters = c.at_headquarters;

-- What each account and each identified contact did, in the period and in the 90 days before its cutoff.
create table account_activity as
select grain, period_start, account_id,
       count(*) filter (where inbound) as inbound_touches,
       count(distinct contact_id) filter (where inbound) as engaged_contacts,
       sum(weighted_points) as touch_points,
       coalesce(sum(consumed) filter (where is_content), 0) as content_consumed,
       count(*) filter (where is_intent) as intent_touches,
       sum(simple_points) as simple_points
from period_touch
group by all;

create table contact_activity as
select grain, period_start, contact_id,
       bool_or(inbound) as engaged,
       bool_or(not inbound) as reached,
       bool_or(inbound and channel = 'web') as visited,
       count(*) filter (where inbound) as inbound_touches
from period_touch
where contact_id is not null
group by all;

create table account_engaged_90d as
select distinct p.grain, p.period_start, x.account_id
from period p
join touchpoints x on x.occurred_at >= p.cutoff - interval 90 day and x.occurred_at < p.cutoff
where x.direction = 'inbound';

create table contact_active_90d as
select distinct c.grain, c.period_start, c.contact_id
from contact_period c
join touchpoints x on x.contact_id = c.contact_id and x.account_id = c.account_id
where x.occurred_at >= c.cutoff - interval 90 day and x.occurred_at < c.cutoff;

-- Every day and currency for which a rate is needed.
create view money_day as
select currency, created_at::date as day from opportunities
union select currency, closed_at::date from opportunities where closed_at is not null
union select currency, end_on from contracts where outcome is not null
union select currency, month from revenue
union select currency, month from spend
union select currency, day from ad_stats where cost is not null;

-- Deals in the reporting currency: at the day of creation, and at the day of closing.
create table deal as
select o.* exclude (amount, tcv, currency),
       amount * c.rate as amount_created,
       tcv * c.rate as tcv_created,
       amount * z.rate as amount_closed,
       tcv * z.rate as tcv_closed,
       coalesce(o.is_won, false) as won,
       epoch_us(o.closed_at) / 86400e6 - epoch_us(o.created_at) / 86400e6 as cycle_days
from opportunities o
join fx_rates c on c.currency = o.currency and c.day = o.created_at::date
left join fx_rates z on z.currency = o.currency and z.day = o.closed_at::date;

create table ended_contract as
select k.account_id, k.end_on, k.outcome, k.at_risk, k.arr * x.rate as arr, coalesce(k.renewed_arr, 0) * x.rate as renewed_arr
from contracts k
join fx_rates x on x.currency = k.currency and x.day = k.end_on
where k.outcome is not null;

-- The first entry ever of each account into each stage.
create table first_entry as
select account_id, stage, min(entered_at) as entered_at
from account_stages
group by all;
