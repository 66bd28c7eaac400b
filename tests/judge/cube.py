"""From facts at the leaves to KPI rows at every cut.

A family gives `family` its facts (one relation with grain, period_start, the five dimensions and measures), the
aggregates over those measures, and its KPIs as SQL over the aggregates. A null dimension means rolled up over.
"""

from dataclasses import dataclass

DIMENSIONS = ("region", "bu", "tier", "industry", "program")
DIMS = ", ".join(DIMENSIONS)
CUT = (
    "coalesce(nullif(concat_ws('+', "
    + ", ".join(f"case when {d} is not null then '{d}' end" for d in DIMENSIONS)
    + "), ''), 'all')"
)
ALL_GRAINS = ("week", "month", "quarter", "year")
OF_MONTHLY_DATA = ("month", "quarter", "year")


@dataclass(frozen=True)
class Kpi:
    """A KPI as SQL over the aggregates of its family; `numerator` and `denominator` only for plain ratios."""

    name: str
    value: str
    numerator: str = "null"
    denominator: str = "null"
    grains: tuple[str, ...] = ALL_GRAINS
    immature: str = "null"
    mature_value: str = "null"
    cuts: tuple[str, ...] = DIMENSIONS
    region: str | None = None

    def figure(self, sql: str) -> str:
        """The SQL of one of its figures: null where a dimension is cut that the KPI cannot be cut by, and outside its own region."""
        others = [f"{d} is not null" for d in DIMENSIONS if d not in self.cuts]
        if self.region:
            others.append(f"region is distinct from '{self.region}'")
        return f"case when {' or '.join(others)} then null else {sql} end" if others else sql


def ratio(name: str, numerator: str, denominator: str, **more) -> Kpi:
    """Sum over sum; nothing to divide by means no value."""
    return Kpi(name, f"({numerator}) / nullif({denominator}, 0)", numerator, denominator, **more)


def abm_only(value: str) -> str:
    """Comparisons of ABM with the rest have no value where the program is itself cut."""
    return f"case when program is null then {value} end"


def overall(value: str) -> str:
    """What the value is in the grand total of the same period."""
    grand_total = " and ".join(f"{d} is null" for d in DIMENSIONS)
    return f"(max(case when {grand_total} then {value} end) over (partition by grain, period_start))"


def unplaced(facts: str, *own: str) -> str:
    """Facts of no account, with the dimensions that they carry themselves; a missing one is `(unknown)`, as are all others."""
    dims = ", ".join(f"coalesce(f.{d}, '(unknown)') as {d}" if d in own else f"'(unknown)' as {d}" for d in DIMENSIONS)
    return f"select f.* exclude ({', '.join(own)}), {dims} from ({facts}) f"


def placed(facts: str) -> str:
    """Facts of accounts, with the dimensions that the account had in the period (none known: `(unknown)`)."""
    dims = ", ".join(f"coalesce(a.{d}, '(unknown)') as {d}" for d in DIMENSIONS)
    return (
        f"select f.*, {dims} from ({facts}) f left join account_period a "
        "on a.grain = f.grain and a.period_start = f.period_start and a.account_id = f.account_id"
    )


def family(con, facts: list[str], aggregates: dict[str, str], kpis: list[Kpi]):
    """The relation (kpi, grain, period_start, cut, dimensions, value, …) of a family, at all 32 cuts.

    Each cell that holds an account is there even when none of the facts falls into it.
    """
    spine = f"select distinct grain, period_start, {DIMS} from account_period"
    leaves = " union all by name ".join(f"({sql})" for sql in [spine, *facts])
    measures = ", ".join(f"{sql} as {name}" for name, sql in aggregates.items())
    figures = ", ".join(
        f"{{'kpi': '{k.name}', 'grains': {list(k.grains)}, 'value': cast({k.figure(k.value)} as double), "
        f"'numerator': cast({k.figure(k.numerator)} as double), 'denominator': cast({k.figure(k.denominator)} as double), "
        f"'immature': cast({k.figure(k.immature)} as bigint), 'mature_value': cast({k.figure(k.mature_value)} as double)}}"
        for k in kpis
    )
    return con.sql(
        f"with leaves as ({leaves}), "
        f"rolled_up as (select grain, period_start, {DIMS}, {measures} from leaves "
        f"group by grain, period_start, cube({DIMS})), "
        f"figures as (select grain, period_start, {CUT} as cut, {DIMS}, unnest([{figures}]) as figure from rolled_up) "
        f"select figure.kpi, grain, period_start, cut, {DIMS}, figure.value, figure.numerator, figure.denominator, "
        "figure.immature, figure.mature_value from figures where list_contains(figure.grains, grain)"
    )


def total(expression: str, where: str | None = None) -> str:
    """A sum that is 0 over no rows."""
    return f"coalesce(sum({expression})" + (f" filter (where {where})" if where else "") + ", 0)"
