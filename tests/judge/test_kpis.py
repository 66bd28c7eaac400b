"""Every figure of the cube against the judge's own, at every grain and all cuts."""

import pytest
from cube import DIMENSIONS, OF_MONTHLY_DATA
from kpis import kpis, names
from marts import unequal

REQUIRED_CUTS = ("all", "region", "tier+program", "region+bu", "program", "region+bu+tier+industry+program")
GRAINS = ("week", "month", "quarter", "year")
COUNTS_OF_ACCOUNTS = ("target_accounts", "engaged_accounts", "hot_accounts", "warm_accounts", "cold_accounts")
SHOWN = 8

SAME_CELL = "e.grain = m.period_grain and e.period_start = m.period_start and e.cut = m.cut and " + " and ".join(
    f"e.{d} is not distinct from m.{d}" for d in DIMENSIONS
)
CELL = ", ".join(f"coalesce(e.{c}, m.{c}) as {c}" for c in ("period_start", "cut", *DIMENSIONS))


def mismatches(con, kpi: str, where: str, columns: str):
    """Cells of `kpi` for which `where` holds: `e` is the judge's row, `m` the mart's, either may be absent."""
    return con.execute(
        f"select coalesce(e.grain, m.period_grain) as grain, {CELL}, {columns} "
        "from (select * from expected where kpi = $kpi) e "
        "full join (select * from kpi_values where kpi = $kpi and period_grain in $grains) m "
        f"on {SAME_CELL} where {where} order by all",
        {"kpi": kpi, "grains": list(GRAINS)},
    ).fetchall()


def report(rows, what: str) -> str:
    lines = "\n".join(f"  {' '.join('·' if item is None else str(item) for item in row)}" for row in rows[:SHOWN])
    return f"{len(rows)} cells {what}\n  grain start cut region bu tier industry program: …\n{lines}"


def test_every_published_kpi_is_worked_out_again(judged):
    published = judged.execute("select distinct kpi from kpi_values").fetchall()
    assert sorted({name for (name,) in published} - set(names())) == []


@pytest.mark.parametrize("kpi", names())
def test_no_figure_is_missing(judged, kpi):
    rows = mismatches(judged, kpi, "m.kpi is null and e.value <> 0", "e.value as expected")
    assert not rows, report(rows, "are not in the mart")


@pytest.mark.parametrize("kpi", names())
def test_no_figure_comes_from_nowhere(judged, kpi):
    rows = mismatches(judged, kpi, "e.kpi is null and m.value <> 0", "m.value as published")
    assert not rows, report(rows, "of the mart have no ground in the lake")


@pytest.mark.parametrize("kpi", names())
def test_values_agree(judged, kpi):
    rows = mismatches(
        judged, kpi, f"e.kpi is not null and m.kpi is not null and {unequal('e.value', 'm.value')}", "e.value, m.value"
    )
    assert not rows, report(rows, "differ (expected, published)")


@pytest.mark.parametrize("kpi", [kpi.name for kpi in kpis() if kpi.numerator != "null"])
def test_ratios_keep_their_parts(judged, kpi):
    parts = f"({unequal('e.numerator', 'm.numerator')} or {unequal('e.denominator', 'm.denominator')})"
    rows = mismatches(
        judged, kpi, f"e.value is not null and m.value is not null and {parts}",
        "e.numerator, m.numerator, e.denominator, m.denominator",
    )  # fmt: skip
    assert not rows, report(rows, "differ (numerator expected, published; denominator expected, published)")


@pytest.mark.parametrize("kpi", [kpi.name for kpi in kpis() if kpi.immature != "null"])
def test_cohorts_say_what_is_immature(judged, kpi):
    parts = f"({unequal('e.immature', 'm.immature')} or {unequal('e.mature_value', 'm.mature_value')})"
    rows = mismatches(
        judged, kpi, f"m.kpi is not null and (e.value is not null or m.immature <> 0) and {parts}",
        "e.immature, m.immature, e.mature_value, m.mature_value",
    )  # fmt: skip
    assert not rows, report(rows, "differ (immature expected, published; mature value expected, published)")


@pytest.mark.parametrize("kpi", [kpi for kpi in kpis() if kpi.cuts != DIMENSIONS], ids=lambda kpi: kpi.name)
def test_a_kpi_has_no_figure_where_it_cannot_be_cut(judged, kpi):
    others = " or ".join(f"{d} is not null" for d in DIMENSIONS if d not in kpi.cuts)
    rows = judged.execute(
        f"select distinct cut from kpi_values where kpi = ? and ({others}) "
        "and coalesce(value, numerator, denominator, mature_value) is not null",
        [kpi.name],
    ).fetchall()
    assert rows == []


@pytest.mark.parametrize("kpi", COUNTS_OF_ACCOUNTS)
def test_silent_accounts_have_a_row(judged, kpi):
    holds_accounts = "exists (select 1 from account_period a where a.grain = e.grain and a.period_start = e.period_start"
    holds_accounts += "".join(f" and (e.{d} is null or a.{d} = e.{d})" for d in DIMENSIONS) + ")"
    rows = mismatches(judged, kpi, f"m.kpi is null and {holds_accounts}", "e.value as expected")
    assert not rows, report(rows, "hold accounts and have no row")


@pytest.mark.parametrize("kpi", [kpi.name for kpi in kpis() if kpi.grains == OF_MONTHLY_DATA])
def test_monthly_data_has_no_weekly_figure(judged, kpi):
    assert judged.execute("select count(*) from kpi_values where kpi = ? and period_grain = 'week' and value is not null", [kpi]).fetchall() == [(0,)]  # fmt: skip


@pytest.mark.parametrize("cut", REQUIRED_CUTS)
def test_every_kpi_is_published_at_the_cut(judged, cut):
    published = judged.execute("select distinct kpi from kpi_values where cut = ? and period_grain = 'month'", [cut]).fetchall()
    assert sorted(set(names()) - {name for (name,) in published}) == []


def test_the_comparison_has_substance(judged):
    """Were the lake so thin that a KPI is nowhere above zero, agreeing would prove nothing."""
    rows = judged.execute("select kpi from expected group by kpi having count(*) filter (where value <> 0) = 0").fetchall()
    assert rows == []
