"""What a person brings about: output per full-time equivalent, only where staff data says who works on what."""

from cube import OF_MONTHLY_DATA, Kpi, family, overall, placed, ratio, total, unplaced

STAFF_CUTS = ("region", "bu", "program")
# Neither campaigns nor contents belong to a programme.
MAKERS_CUTS = ("region", "bu")

# The months that staff data has are the same for everybody, so that the parts add up to the whole.
STAFF = unplaced(
    """
with staffed as (
  select p.grain, p.period_start, s.* from period p join staff s on s.month >= p.period_start and s.month < p.cutoff
)
select grain, period_start, region, bu, program, fte, months
from staffed
join (select grain, period_start, count(distinct month) as months from staffed group by all) using (grain, period_start)
""",
    *STAFF_CUTS,
)

PIPELINE = placed("""
select p.grain, p.period_start, d.account_id, d.amount_created as pipeline
from period p join deal d on d.created_at >= p.period_start and d.created_at < p.cutoff
""")

REVENUE = placed("""
select p.grain, p.period_start, r.account_id, r.amount * x.rate as revenue
from period p
join revenue r on r.month >= p.period_start and r.month < p.cutoff
join fx_rates x on x.currency = r.currency and x.day = r.month
""")

ACTIVATED = placed("select grain, period_start, account_id, 1 as activated from account_activity where inbound_touches > 0")

LAUNCHED = unplaced(
    """
select p.grain, p.period_start, c.region, c.bu, 1 as launched
from period p join campaigns c on c.launched_on >= p.period_start and c.launched_on < p.cutoff
""",
    *MAKERS_CUTS,
)

PRODUCED = unplaced(
    """
select p.grain, p.period_start, c.region, c.bu, 1 as produced
from period p join contents c on c.produced_on >= p.period_start and c.produced_on < p.cutoff
""",
    *MAKERS_CUTS,
)

AGGREGATES = {
    "fte_months": total("fte"),
    "months": "max(months)",
    "pipeline": total("pipeline"),
    "revenue": total("revenue"),
    "activated": total("activated"),
    "launched": total("launched"),
    "produced": total("produced"),
}

FTE = f"(fte_months / {overall('months')})"
PIPELINE_PER_FTE = f"(pipeline / nullif({FTE}, 0))"
# The whole group's, made anew because a window cannot stand within another.
GROUP_PIPELINE_PER_FTE = f"({overall('pipeline')} / nullif({overall('fte_months')} / {overall('months')}, 0))"


def per_fte(name: str, output: str, cuts: tuple[str, ...]) -> Kpi:
    return ratio(name, output, FTE, grains=OF_MONTHLY_DATA, cuts=cuts)


KPIS = [
    Kpi("fte", FTE, grains=OF_MONTHLY_DATA, cuts=STAFF_CUTS),
    per_fte("pipeline_per_fte", "pipeline", STAFF_CUTS),
    per_fte("revenue_per_fte", "revenue", STAFF_CUTS),
    per_fte("accounts_activated_per_fte", "activated", STAFF_CUTS),
    per_fte("campaigns_per_fte", "launched", MAKERS_CUTS),
    per_fte("contents_per_fte", "produced", MAKERS_CUTS),
    Kpi(
        "productivity_index",
        f"{PIPELINE_PER_FTE} / nullif({GROUP_PIPELINE_PER_FTE}, 0)",
        grains=OF_MONTHLY_DATA,
        cuts=STAFF_CUTS,
    ),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [STAFF, PIPELINE, REVENUE, ACTIVATED, LAUNCHED, PRODUCED], AGGREGATES, KPIS)
