-- What came before each conversion: the touches of its account, and the share that each touch has by its place alone.

-- Deals won bring revenue when they close, deals opened bring pipeline when they are created.
create or replace table conversion as
select 'revenue' as purpose, opportunity_id, account_id, closed_at as converted_at, created_at, amount_closed as amount
from deal where won
union all
select 'pipeline', opportunity_id, account_id, created_at, created_at, amount_created
from deal;

-- Touches alike in time, channel and campaign are interchangeable; the last key only keeps their order still.
create or replace table journey as
with milestone as (
  select c.*, max(s.entered_at) as lead_at
  from conversion c
  left join account_stages s on s.account_id = c.account_id and s.stage = 'mqa' and s.entered_at <= c.converted_at
  group by all
)
select m.purpose, m.opportunity_id, m.account_id, m.converted_at, m.amount, m.lead_at, m.created_at,
       x.touch_id, x.occurred_at, x.channel, x.campaign_id, x.contact_id, x.kind,
       row_number() over (
         partition by m.purpose, m.opportunity_id
         order by x.occurred_at, x.channel, x.campaign_id nulls first, x.touch_id
       ) as place
from milestone m
join touchpoints x on x.account_id = m.account_id
 and x.occurred_at >= m.converted_at - interval 24 month and x.occurred_at < m.converted_at;

-- Which touch holds which position. A milestone belongs to the last touch not after it, if there is one.
create or replace table journey_place as
select *,
       place = 1 as is_first,
       place = count(*) over whole as is_last,
       coalesce(place = max(place) filter (where occurred_at <= lead_at) over whole, false) as is_lead,
       coalesce(place = max(place) filter (where occurred_at <= created_at) over whole, false) as is_opportunity,
       max(occurred_at) over whole as last_at
from journey
window whole as (partition by purpose, opportunity_id);

-- A position that a model does not name has no share there, and holding it keeps no touch out of the middle.
create or replace table position_model (
  model varchar, first double, lead double, opportunity double, last double, middle double
);
insert into position_model values
  ('first_touch', 1, null, null, null, null),
  ('last_touch', null, null, null, 1, null),
  ('u_shaped_50_50', 0.5, null, null, 0.5, null),
  ('position_40_20_40', 0.4, null, null, 0.4, 0.2),
  ('position_20_50_30', 0.2, null, null, 0.3, 0.5),
  ('w_shaped', 0.3, 0.3, 0.3, null, 0.1),
  ('full_path', 0.225, 0.225, 0.225, 0.225, 0.1),
  ('custom', 0.15, 0.15, 0.15, 0.15, 0.4);

-- Weights before they are made to add up to one. Shapley gives all channels the same, whatever the number of touches.
create or replace table touch_weight as
with held as (
  select j.*, m.model, m.middle,
         case when j.is_first then m.first end as first_part,
         case when j.is_lead then m.lead end as lead_part,
         case when j.is_opportunity then m.opportunity end as opportunity_part,
         case when j.is_last then m.last end as last_part,
         coalesce(first_part, lead_part, opportunity_part, last_part) is null as in_middle
  from journey_place j cross join position_model m
)
select purpose, opportunity_id, place, channel, campaign_id, model,
       coalesce(first_part, 0) + coalesce(lead_part, 0) + coalesce(opportunity_part, 0) + coalesce(last_part, 0)
       + case when in_middle then coalesce(middle, 0) / count(*) filter (where in_middle) over whole else 0 end
         as weight
from held
window whole as (partition by purpose, opportunity_id, model)
union all
select purpose, opportunity_id, place, channel, campaign_id, 'linear', 1 from journey_place
union all
select purpose, opportunity_id, place, channel, campaign_id, 'time_decay',
       2 ** (-(epoch_us(last_at) - epoch_us(occurred_at)) / (30 * 86400e6))
from journey_place
union all
select purpose, opportunity_id, place, channel, campaign_id, 'shapley',
       1 / count(*) over (partition by purpose, opportunity_id, channel)
from journey_place;

create or replace table touch_share as
select * exclude (weight),
       case when sum(weight) over whole > 0 then weight / sum(weight) over whole
            else 1 / count(*) over whole end as share
from touch_weight
window whole as (partition by purpose, opportunity_id, model);
