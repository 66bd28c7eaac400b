"""The account funnel: first entries, and the cohort that goes from MQA to SQA."""

from cube import Kpi, family, placed, ratio, total

WINDOW = "interval 180 day"

# An account that later stands in a stage beyond SQA has passed SQA.
COHORT = placed(f"""
select p.grain, p.period_start, b.account_id, 1 as entered,
       exists (
         select 1 from account_stages s
         where s.account_id = b.account_id and s.stage in ('sqa', 'opportunity', 'customer')
           and s.entered_at >= b.entered_at and s.entered_at < b.entered_at + {WINDOW}
       )::int as converted,
       (b.entered_at + {WINDOW} > (select horizon from run))::int as immature
from period p
join first_entry b on b.entered_at >= p.period_start and b.entered_at < p.cutoff
where b.stage = 'mqa'
""")

AGGREGATES = {
    "entered": total("entered"),
    "converted": total("converted"),
    "immature": total("immature"),
    "mature_converted": total("converted", "immature = 0"),
}

KPIS = [
    Kpi("mqa", "entered"),
    ratio(
        "mqa_to_sqa_rate",
        "converted",
        "entered",
        immature="immature",
        mature_value="mature_converted / nullif(entered - immature, 0)",
    ),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [COHORT], AGGREGATES, KPIS)
