"""Laws that hold inside the published cube, whatever the data."""

import pytest
from cube import CUT, DIMENSIONS, DIMS
from kpis import kpis
from marts import unequal

# Counts and money that add up over the cells of a cut.
ADDITIVE = (
    "target_accounts", "new_target_accounts", "committee_ready_accounts", "hot_accounts", "warm_accounts", "cold_accounts",
    "engaged_accounts", "highly_engaged_accounts", "event_participations", "mqa", "opportunities_created", "pipeline_created",
    "tcv_created", "open_pipeline", "weighted_pipeline", "revenue", "abm_revenue", "tcv_won", "cost_total",
    "renewal_revenue_protected", "inbound_requests", "social_interactions", "unique_visitors", "downloads", "form_submits",
    "campaign_accounts_targeted", "campaign_accounts_responded", "campaign_accounts_engaged", "sqa", "opportunity_accounts",
    "customer_accounts", "advanced_deals", "open_qualified_deals", "tcv_influenced", "cost_direct", "cost_indirect",
    "attributed_revenue", "attributed_conversions", "attributed_pipeline",
)  # fmt: skip
# These add up too, over the cells of the cuts that they can be cut by.
ADDITIVE_WHERE_CUT = ("active_campaigns_personalised", "active_campaigns_general", "new_segments_activated", "fte")
# Comparisons of ABM with the rest: no value where the program is itself cut.
NULL_BY_PROGRAM = (
    "abm_pipeline_share", "abm_investment_share", "abm_revenue_share", "pipeline_to_investment_index", "sales_cycle_reduction",
    "deal_size_uplift", "win_rate_uplift", "tcv_uplift", "clv_uplift",
)  # fmt: skip
PER_HUNDRED = ("virality_score", "net_promoter_score")

KEY = ["kpi", "period_grain", "cut", *DIMENSIONS]


def same(left: str, right: str, columns=KEY) -> str:
    return " and ".join(f"{left}.{c} is not distinct from {right}.{c}" for c in columns)


def breaches(con, sql: str, parameters=None):
    return con.execute(f"{sql} limit 5", parameters or {}).fetchall()


# --- periods and cuts --------------------------------------------------------------------------------------------------


def test_the_cube_is_of_one_day(judged):
    assert judged.execute("select distinct as_of from kpi_values").fetchall() == judged.execute("select as_of from run").fetchall()


def test_every_period_of_the_lake_is_published_and_no_other(judged):
    published = judged.execute(
        "select distinct period_grain, period_start, period_end, partial from kpi_values "
        "where period_grain in ('week', 'month', 'quarter', 'year') order by all"
    ).fetchall()
    assert published == judged.execute("select grain, period_start, period_end, partial from calendar order by all").fetchall()


def test_a_cut_is_named_after_the_dimensions_that_are_set(judged):
    assert breaches(judged, f"select distinct cut, {DIMS} from kpi_values where cut <> {CUT}") == []


def test_a_kpi_has_one_definition(judged):
    assert breaches(judged, "select kpi from kpi_values group by kpi having count(distinct definition) > 1") == []


# --- ratios and sums ---------------------------------------------------------------------------------------------------


def test_a_ratio_is_its_numerator_over_its_denominator(judged):
    """A KPI published per hundred may keep the factor out of its numerator."""
    rows = breaches(
        judged,
        "select * from (select kpi, period_grain, period_start, cut, program, value, numerator, denominator, "
        "numerator / nullif(denominator, 0) as quotient from kpi_values where denominator is not null) "
        f"where {unequal('value', 'quotient')} and not (kpi in $per_hundred and not {unequal('value', '(100 * quotient)')}) "
        "and not (kpi in $hidden and program is not null and value is null)",
        {"hidden": list(NULL_BY_PROGRAM), "per_hundred": list(PER_HUNDRED)},
    )
    assert rows == []


def test_numerator_and_denominator_come_together(judged):
    sql = "select kpi, cut from kpi_values where value is not null and (numerator is null) <> (denominator is null)"
    assert breaches(judged, sql) == []


def test_counts_and_money_are_no_ratios(judged):
    sql = "select kpi, cut from kpi_values where kpi in $additive and (numerator is not null or denominator is not null)"
    assert breaches(judged, sql, {"additive": list(ADDITIVE)}) == []


def test_comparisons_with_the_rest_have_no_value_by_program(judged):
    sql = "select kpi, cut, value from kpi_values where kpi in $kpis and program is not null and value is not null"
    assert breaches(judged, sql, {"kpis": list(NULL_BY_PROGRAM)}) == []


@pytest.mark.parametrize("kpi", ADDITIVE)
def test_the_cells_of_every_cut_add_up_to_the_total(judged, kpi):
    rows = breaches(
        judged,
        "with cuts as (select period_grain, period_start, cut, sum(value) as cells from kpi_values where kpi = $kpi group by all) "
        "select c.period_grain, c.period_start, c.cut, c.cells, t.value from cuts c "
        "left join (select * from kpi_values where kpi = $kpi and cut = 'all') t using (period_grain, period_start) "
        f"where {unequal('coalesce(c.cells, 0)', 'coalesce(t.value, 0)')}",
        {"kpi": kpi},
    )
    assert rows == []


@pytest.mark.parametrize("kpi", [kpi for kpi in kpis() if kpi.name in ADDITIVE_WHERE_CUT], ids=lambda kpi: kpi.name)
def test_the_cells_of_the_cuts_of_a_kpi_add_up_to_the_total(judged, kpi):
    rows = breaches(
        judged,
        "with cuts as (select period_grain, period_start, cut, sum(value) as cells from kpi_values where kpi = $kpi "
        "and list_has_all($own, string_split(cut, '+')) group by all) "
        "select c.period_grain, c.period_start, c.cut, c.cells, t.value from cuts c "
        "left join (select * from kpi_values where kpi = $kpi and cut = 'all') t using (period_grain, period_start) "
        f"where {unequal('coalesce(c.cells, 0)', 'coalesce(t.value, 0)')}",
        {"kpi": kpi.name, "own": list(kpi.cuts)},
    )
    assert rows == []


def test_the_whole_group_is_its_own_measure_of_productivity(judged):
    sql = "select * from kpi_values where kpi = 'productivity_index' and cut = 'all' and value <> 1"
    assert breaches(judged, sql) == []


def test_rates_of_a_cohort_stay_within_one(judged):
    sql = "select kpi, cut, value from kpi_values where immature is not null and not (value between 0 and 1 and coalesce(mature_value, 0) between 0 and 1)"  # fmt: skip
    assert breaches(judged, sql) == []


# --- comparisons -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "distance"),
    [
        ("prior_value", "case m.period_grain when 'week' then interval 7 day when 'month' then interval 1 month "
                        "when 'quarter' then interval 3 month else interval 12 month end"),
        ("yoy_value", "case m.period_grain when 'week' then interval 364 day else interval 12 month end"),
    ],
)  # fmt: skip
def test_an_earlier_value_is_that_of_the_earlier_period(judged, column, distance):
    rows = breaches(
        judged,
        f"select m.kpi, m.period_grain, m.period_start, m.cut, m.{column}, b.value from kpi_values m "
        f"left join kpi_values b on {same('m', 'b')} and b.period_start = (m.period_start - {distance})::date "
        f"where m.period_grain in ('week', 'month', 'quarter', 'year') and {unequal(f'm.{column}', 'b.value')}",
    )
    assert rows == []


def test_change_is_the_difference_to_the_prior_value(judged):
    assert breaches(judged, f"select kpi, value, prior_value, change from kpi_values where {unequal('change', '(value - prior_value)')}") == []  # fmt: skip


def test_attainment_is_value_over_target(judged):
    assert breaches(judged, f"select kpi, value, target, attainment from kpi_values where {unequal('attainment', '(value / nullif(target, 0))')}") == []  # fmt: skip


def test_status_is_one_of_four_and_needs_a_benchmark(judged):
    assert (
        breaches(judged, "select distinct status from kpi_values where status not in ('alarm', 'low', 'healthy', 'strong')") == []
    )
    assert (
        breaches(judged, "select kpi, status from kpi_values where status is not null and (benchmark is null or value is null)")
        == []
    )


def test_rank_orders_the_cells_of_a_cut_by_what_is_better(judged):
    rows = breaches(
        judged,
        "with ranked as (select m.kpi, m.period_grain, m.period_start, m.cut, m.value, m.rank, case when m.value is not null then "
        "rank() over (partition by m.kpi, m.period_grain, m.period_start, m.cut "
        "order by case c.better when 'higher' then -m.value else m.value end nulls last) end as place "
        "from kpi_values m join (select distinct kpi, better from kpi_catalog) c using (kpi)) "
        "select * from ranked where rank is distinct from place",
    )
    assert rows == []


def test_share_of_parent_divides_by_the_cell_without_the_last_dimension(judged):
    parent = ", ".join(f"case when split_part(m.cut, '+', -1) = '{d}' then null else m.{d} end as parent_{d}" for d in DIMENSIONS)
    above = " and ".join(f"p.{d} is not distinct from m.parent_{d}" for d in DIMENSIONS)
    rows = breaches(
        judged,
        f"select m.kpi, m.period_grain, m.period_start, m.cut, m.value, m.share_of_parent, p.value "
        f"from (select m.*, {parent} from kpi_values m where cut <> 'all' and kpi in $additive) m "
        f"left join kpi_values p on p.kpi = m.kpi and p.period_grain = m.period_grain and p.period_start = m.period_start and {above} "
        f"where {unequal('m.share_of_parent', '(m.value / nullif(p.value, 0))')}",
        {"additive": list(ADDITIVE)},
    )
    assert rows == []


def test_only_cells_of_additive_kpis_have_a_share_of_a_parent(judged):
    sql = "select distinct kpi, cut from kpi_values where share_of_parent is not null and (cut = 'all' or kpi not in $additive)"
    listed = judged.execute("select distinct kpi from expected").fetchall()
    rows = breaches(judged, f"{sql} and kpi in $known", {"additive": list(ADDITIVE), "known": [kpi for (kpi,) in listed]})
    assert rows == []
