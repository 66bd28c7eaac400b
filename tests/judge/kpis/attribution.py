"""Revenue and pipeline that touches are credited with: a fifth to the first, three tenths to the last, half between."""

from pathlib import Path

from cube import DIMS, OF_MONTHLY_DATA, Kpi, family, placed, ratio, total

from .money import ALLOCATION, COST

JOURNEYS = (Path(__file__).parent / "journeys.sql").read_text()
MODEL = "position_20_50_30"


def credited(purpose: str, count: str, money: str) -> str:
    """The credit of each channel, deal by deal; a deal without a touch before it gives none."""
    return placed(f"""
select p.grain, p.period_start, c.account_id, s.channel as {money}_channel,
       s.share as {count}, s.share * c.amount as {money}
from period p
join conversion c on c.converted_at >= p.period_start and c.converted_at < p.cutoff
join (
  select purpose, opportunity_id, channel, sum(share) as share from touch_share where model = '{MODEL}' group by all
) s using (purpose, opportunity_id)
where c.purpose = '{purpose}'
""")


WON = credited("revenue", "won", "revenue")
CREATED = credited("pipeline", "created", "pipeline")
SPENT = f"select grain, period_start, {DIMS}, cost as channel_cost from ({COST}) where channel is not null"

KPIS = [
    Kpi("attributed_revenue", "revenue"),
    Kpi("attributed_conversions", "won"),
    Kpi("attributed_pipeline", "pipeline"),
    ratio("channel_roi", "revenue - channel_cost", "channel_cost", grains=OF_MONTHLY_DATA),
    ratio("attribution_concentration", "squares", "revenue * revenue"),
]


def relation(con):
    """The rows of this family at all cuts."""
    con.execute(ALLOCATION)
    con.execute(JOURNEYS)
    channels = [channel for (channel,) in con.execute("select distinct channel from journey order by all").fetchall()]
    by_channel = [total("revenue", f"revenue_channel = '{channel}'") for channel in channels]
    aggregates = {
        "revenue": total("revenue"),
        "won": total("won"),
        "pipeline": total("pipeline"),
        "channel_cost": total("channel_cost"),
        "squares": " + ".join(f"pow({each}, 2)" for each in by_channel) or "0",
    }
    return family(con, [WON, CREATED, SPENT], aggregates, KPIS)
