"""Campaigns: whom they were aimed at and what came of it, how many were live, how fast they came, new ground they broke."""

from cube import Kpi, family, placed, ratio, total, unplaced

ENGAGED_FROM = 5
WINDOW = "interval 30 day"
OWN = ("region", "bu", "tier")
SEGMENT = ("region", "tier", "industry")

# Each targeting counts for itself; an account is in once, by the best of its targetings in the period.
TARGETED = placed(f"""
with targeting as (
  select distinct campaign_id, account_id, targeted_on from campaign_targets
), outcome as (
  select g.account_id, g.targeted_on,
         bool_or(x.campaign_id = g.campaign_id and x.direction = 'inbound') as responded,
         coalesce(sum(w.simple_points) filter (where x.occurred_at < g.targeted_on + {WINDOW}), 0) >= {ENGAGED_FROM} as engaged,
         g.targeted_on + {WINDOW} > (select horizon from run) as immature
  from targeting g
  left join touchpoints x on x.account_id = g.account_id and x.occurred_at >= g.targeted_on
  left join signal_weights w on w.kind = x.kind
  group by g.campaign_id, g.account_id, g.targeted_on
)
select p.grain, p.period_start, o.account_id, 1 as targeted, coalesce(bool_or(o.responded), false)::int as responded,
       bool_or(o.engaged)::int as engaged, bool_or(o.immature)::int as immature
from period p join outcome o on o.targeted_on >= p.period_start and o.targeted_on < p.cutoff
group by p.grain, p.period_start, o.account_id
""")

LIVE = unplaced(
    """
select p.grain, p.period_start, c.region, c.bu, c.tier, c.kind as live_kind
from period p
join campaigns c on c.launched_on < p.cutoff and (c.ended_on is null or c.ended_on >= p.period_start)
""",
    *OWN,
)

LAUNCHED = unplaced(
    """
select p.grain, p.period_start, c.region, c.bu, c.tier,
       date_diff('day', c.briefed_on, c.launched_on) as days_to_market,
       date_diff('day', c.signal_on, c.launched_on) as days_to_pivot
from period p join campaigns c on c.launched_on >= p.period_start and c.launched_on < p.cutoff
""",
    *OWN,
)

# A segment breaks new ground once, where its accounts stand today.
SEGMENTS = unplaced(
    """
select p.grain, p.period_start, s.region, s.tier, s.industry, 1 as new_segments
from period p
join (
  select coalesce(a.region, '(unknown)') as region, coalesce(a.tier, '(unknown)') as tier,
         coalesce(a.industry, '(unknown)') as industry, min(x.occurred_at) as opened_at
  from touchpoints x
  left join accounts a on a.account_id = x.account_id and a.dt = (select max(dt) from accounts)
  where x.direction = 'inbound'
  group by 1, 2, 3
) s on s.opened_at >= p.period_start and s.opened_at < p.cutoff
""",
    *SEGMENT,
)

AGGREGATES = {
    "targeted": total("targeted"),
    "responded": total("responded"),
    "engaged": total("engaged"),
    "immature": total("immature"),
    "mature_engaged": total("engaged", "immature = 0"),
    "personalised": "count(*) filter (where live_kind = 'personalised')",
    "general": "count(*) filter (where live_kind = 'general')",
    "days_to_market": "avg(days_to_market)",
    "days_to_pivot": "avg(days_to_pivot)",
    "new_segments": total("new_segments"),
}

KPIS = [
    Kpi("campaign_accounts_targeted", "targeted"),
    Kpi("campaign_accounts_responded", "responded"),
    Kpi("campaign_accounts_engaged", "engaged"),
    ratio("campaign_response_rate", "responded", "targeted"),
    ratio(
        "campaign_engagement_rate",
        "engaged",
        "targeted",
        immature="immature",
        mature_value="mature_engaged / nullif(targeted - immature, 0)",
    ),
    Kpi("active_campaigns_personalised", "personalised", cuts=OWN),
    Kpi("active_campaigns_general", "general", cuts=OWN),
    Kpi("campaign_time_to_market_days", "days_to_market", cuts=OWN),
    Kpi("campaign_pivot_days", "days_to_pivot", cuts=OWN),
    Kpi("new_segments_activated", "new_segments", cuts=SEGMENT),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [TARGETED, LIVE, LAUNCHED, SEGMENTS], AGGREGATES, KPIS)
