"""The account funnel: first entries, and the cohorts that go from stage to stage."""

from cube import Kpi, family, placed, ratio, total

# An account that later stands in a stage beyond the next has passed the next.
STEPS = {
    "mqa": ("('sqa', 'opportunity', 'customer')", "interval 180 day"),
    "sqa": ("('opportunity', 'customer')", "interval 180 day"),
    "opportunity": ("('customer')", "interval 365 day"),
}


def cohort(base: str) -> str:
    """Accounts by their first entry into the base stage."""
    later, window = STEPS[base]
    return placed(f"""
select p.grain, p.period_start, b.account_id, '{base}' as base, 1 as entered,
       exists (
         select 1 from account_stages s
         where s.account_id = b.account_id and s.stage in {later}
           and s.entered_at >= b.entered_at and s.entered_at < b.entered_at + {window}
       )::int as converted,
       (b.entered_at + {window} > (select horizon from run))::int as immature
from period p
join first_entry b on b.entered_at >= p.period_start and b.entered_at < p.cutoff
where b.stage = '{base}'
""")


CUSTOMERS = placed("""
select p.grain, p.period_start, b.account_id, 'customer' as base, 1 as entered
from period p
join first_entry b on b.entered_at >= p.period_start and b.entered_at < p.cutoff
where b.stage = 'customer'
""")

AGGREGATES = {"customers": total("entered", "base = 'customer'")}
for step in STEPS:
    AGGREGATES |= {
        f"{step}_entered": total("entered", f"base = '{step}'"),
        f"{step}_converted": total("converted", f"base = '{step}'"),
        f"{step}_immature": total("immature", f"base = '{step}'"),
        f"{step}_mature_converted": total("converted", f"base = '{step}' and immature = 0"),
    }


def step_rate(name: str, base: str) -> Kpi:
    return ratio(
        name,
        f"{base}_converted",
        f"{base}_entered",
        immature=f"{base}_immature",
        mature_value=f"{base}_mature_converted / nullif({base}_entered - {base}_immature, 0)",
    )


KPIS = [
    Kpi("mqa", "mqa_entered"),
    Kpi("sqa", "sqa_entered"),
    Kpi("opportunity_accounts", "opportunity_entered"),
    Kpi("customer_accounts", "customers"),
    step_rate("mqa_to_sqa_rate", "mqa"),
    step_rate("sqa_to_opportunity_rate", "sqa"),
    step_rate("opportunity_to_customer_rate", "opportunity"),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [*map(cohort, STEPS), CUSTOMERS], AGGREGATES, KPIS)
