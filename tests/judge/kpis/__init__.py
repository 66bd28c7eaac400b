"""Every recomputed KPI: `expected(con)` materialises the table `expected` from all families."""

from . import attribution, campaigns, coverage, deals, engagement, funnel
from . import local, money, productivity, satisfaction, stages

FAMILIES = (
    coverage, engagement, campaigns, funnel, deals, stages, money, productivity, satisfaction, local, attribution,
)  # fmt: skip


def expected(con) -> None:
    """Creates `expected` (kpi, grain, period_start, cut, dimensions, value, numerator, denominator, immature, mature_value)."""
    for position, module in enumerate(FAMILIES):
        rows = module.relation(con)
        if position == 0:
            rows.create("expected")
        else:
            rows.insert_into("expected")


def family_of(kpi: str):
    """The module that recomputes the KPI."""
    return next(module for module in FAMILIES if any(each.name == kpi for each in module.KPIS))


def kpis() -> list:
    """Every recomputed KPI."""
    return [kpi for module in FAMILIES for kpi in module.KPIS]


def names() -> list[str]:
    """The ids of all recomputed KPIs."""
    return [kpi.name for kpi in kpis()]
