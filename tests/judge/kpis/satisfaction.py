"""Alignment of sales and marketing, and what contacts say."""

from cube import DIMENSIONS, Kpi, family, placed, ratio, total

DECISIONS = placed("""
select p.grain, p.period_start, s.account_id, 1 as decided, (s.decision = 'accepted')::int as accepted
from period p join account_stages s on s.decided_at >= p.period_start and s.decided_at < p.cutoff
where s.stage = 'mqa' and s.decision is not null
""")

# A signal without an answer stays below the line; an answer after the day of as_of is not known yet.
SIGNALS = placed("""
select p.grain, p.period_start, f.account_id, 1 as signals,
       case when f.responded_at < (select horizon from run)
            then (epoch_us(f.responded_at) - epoch_us(f.signalled_at)) / 3600e6 end as hours
from period p join follow_ups f on f.signalled_at >= p.period_start and f.signalled_at < p.cutoff
""")

# The latest answer of each contact; an answer without a contact stands for itself.
ANSWERS = f"""
select grain, period_start, {", ".join(f"coalesce(a.{d}, q.own_{d}, '(unknown)') as {d}" for d in DIMENSIONS)},
       1 as answers, (score >= 9)::int as promoters, (score <= 6)::int as detractors
from (
  select p.grain, p.period_start, s.account_id, s.score,
         case when s.account_id is null then s.region end as own_region,
         case when s.account_id is null then s.bu end as own_bu,
         null::varchar as own_tier, null::varchar as own_industry, null::varchar as own_program
  from period p join surveys s on s.answered_at >= p.period_start and s.answered_at < p.cutoff
  where s.kind = 'nps'
  qualify row_number() over (
    partition by p.grain, p.period_start, coalesce(s.contact_id, 'survey ' || s.survey_id)
    order by s.answered_at desc, s.survey_id desc
  ) = 1
) q
left join account_period a using (grain, period_start, account_id)
"""

# Answers of sales, marketing and customers' teams: each counts.
SCORES = f"""
select grain, period_start, {", ".join(f"coalesce(a.{d}, q.own_{d}, '(unknown)') as {d}" for d in DIMENSIONS)},
       case when kind = 'sales_marketing_alignment' then score end as alignment,
       case when kind = 'account_team' then score end as account_team
from (
  select p.grain, p.period_start, s.account_id, s.kind, s.score,
         case when s.account_id is null then s.region end as own_region,
         case when s.account_id is null then s.bu end as own_bu,
         null::varchar as own_tier, null::varchar as own_industry, null::varchar as own_program
  from period p join surveys s on s.answered_at >= p.period_start and s.answered_at < p.cutoff
  where s.kind in ('sales_marketing_alignment', 'account_team')
) q
left join account_period a using (grain, period_start, account_id)
"""

AGGREGATES = {
    "decided": total("decided"),
    "accepted": total("accepted"),
    "signals": total("signals"),
    "answered": "count(hours)",
    "hours": total("hours"),
    "within_24h": "count(*) filter (where hours <= 24)",
    "within_48h": "count(*) filter (where hours <= 48)",
    "alignment": "avg(alignment)",
    "account_team": "avg(account_team)",
    "answers": total("answers"),
    "promoters": total("promoters"),
    "detractors": total("detractors"),
}

KPIS = [
    ratio("mqa_acceptance_rate", "accepted", "decided"),
    Kpi("response_hours", "hours / nullif(answered, 0)"),
    ratio("response_within_24h_rate", "within_24h", "signals"),
    ratio("response_within_48h_rate", "within_48h", "signals"),
    Kpi("alignment_satisfaction", "alignment"),
    Kpi("account_team_feedback", "account_team"),
    Kpi("net_promoter_score", "100.0 * (promoters - detractors) / nullif(answers, 0)"),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [DECISIONS, SIGNALS, ANSWERS, SCORES], AGGREGATES, KPIS)
