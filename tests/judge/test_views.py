"""The marts made for people, against the judge's figures: executives' summary, account by account, data quality."""

import pytest
import yaml
from conftest import REPOSITORY
from kpis import names
from kpis.coverage import CONTACTS
from kpis.engagement import SCORES, threshold
from lake import EVENT_COLUMNS, parquet_files
from marts import unequal, with_duckdb

FACTS = """
select grain, period_start, account_id,
       coalesce(y.inbound_touches, 0) as inbound_touches,
       a.on_list,
       coalesce(o.open_pipeline, 0) as open_pipeline,
       coalesce(r.revenue, 0) as revenue,
       coalesce(c.cost, 0) as cost
from account_period a
left join account_activity y using (grain, period_start, account_id)
left join (
  select p.grain, p.period_start, d.account_id, sum(d.amount_created) as open_pipeline
  from period p join deal d on d.created_at < p.cutoff and (d.closed_at is null or d.closed_at >= p.cutoff) group by all
) o using (grain, period_start, account_id)
left join (
  select p.grain, p.period_start, r.account_id, sum(r.amount * x.rate) as revenue
  from period p join revenue r on r.month >= p.period_start and r.month < p.cutoff
  join fx_rates x on x.currency = r.currency and x.day = r.month group by all
) r using (grain, period_start, account_id)
left join (
  select p.grain, p.period_start, s.account_id, sum(s.amount) as cost
  from period p join allocated_spend s on s.month >= p.period_start and s.month < p.cutoff group by all
) c using (grain, period_start, account_id)
where a.grain <> 'week'
"""


@pytest.fixture(scope="module")
def views(judged, marts_folder):
    """A connection that also holds `account_360` and `executive_summary`."""
    for mart in ("account_360", "executive_summary"):
        with_duckdb(judged, marts_folder, mart)
    yield judged
    judged.execute("drop table account_360; drop table executive_summary")


def columns_of(con, table: str) -> list[str]:
    return [name for (name,) in con.execute("select column_name from duckdb_columns() where table_name = ?", [table]).fetchall()]


# --- executive_summary -------------------------------------------------------------------------------------------------


def test_the_summary_has_a_row_for_every_period_region_and_unit(views):
    cells = "select distinct grain, period_start, region, bu from expected where cut in ('all', 'region', 'bu', 'region+bu')"
    there = "select period_grain, period_start, region, bu from executive_summary"
    assert views.execute(f"({cells}) except ({there}) limit 5").fetchall() == []
    assert views.execute(f"({there}) except ({cells}) limit 5").fetchall() == []


def test_the_summary_shows_the_figures_of_the_cube(views):
    """A column that bears a KPI's name shows it; with `abm_` before the name, that of the ABM programme."""
    shown = {column: (column, None) for column in columns_of(views, "executive_summary") if column in names()}
    shown |= {f"abm_{kpi}": (kpi, "abm") for kpi in names() if f"abm_{kpi}" in columns_of(views, "executive_summary") and f"abm_{kpi}" not in shown}  # fmt: skip
    assert {"engaged_accounts", "opportunities_created", "roi", "abm_engaged_accounts", "abm_roi"} <= shown.keys()
    wrong = {}
    for column, (kpi, program) in shown.items():
        rows = views.execute(
            f"select s.period_grain, s.period_start, s.region, s.bu, e.value, s.{column} from executive_summary s "
            "left join (select * from expected where kpi = $kpi and tier is null and industry is null "
            "and program is not distinct from $program) e on e.grain = s.period_grain and e.period_start = s.period_start "
            "and e.region is not distinct from s.region and e.bu is not distinct from s.bu "
            f"where {unequal('nullif(e.value, 0)', f'nullif(s.{column}, 0)')} limit 2",
            {"kpi": kpi, "program": program},
        ).fetchall()
        if rows:
            wrong[column] = rows
    assert wrong == {}


# --- account_360 -------------------------------------------------------------------------------------------------------


def test_every_account_has_a_row_in_every_period(views):
    accounts = "select grain, period_start, account_id from account_period where grain <> 'week'"
    there = "select period_grain, period_start, account_id from account_360"
    assert views.execute(f"({accounts}) except ({there}) limit 5").fetchall() == []


@pytest.mark.parametrize("column", ["inbound_touches", "on_list", "open_pipeline", "revenue", "cost"])
def test_an_account_shows_its_own_figures(views, column):
    rows = views.execute(
        f"select f.grain, f.period_start, f.account_id, f.{column}, m.{column} from ({FACTS}) f join account_360 m "
        "on m.period_grain = f.grain and m.period_start = f.period_start and m.account_id = f.account_id "
        f"where {unequal(f'f.{column}::double', f'm.{column}::double')} limit 5"
    ).fetchall()
    assert rows == []


def test_an_account_shows_its_score_and_band(views):
    band = f"case when s.score > {threshold(0)} then 'hot' when s.score < {threshold(1)} then 'cold' else 'warm' end"
    rows = views.execute(
        f"select * from (select s.grain, s.period_start, account_id, s.score, {band} as band from ({SCORES}) s) s "
        "join account_360 m on m.period_grain = s.grain and m.period_start = s.period_start and m.account_id = s.account_id "
        f"where {unequal('s.score', 'm.engagement_score')} or s.band is distinct from m.engagement_band limit 5"
    ).fetchall()
    assert rows == []


def test_missing_functions_are_those_without_an_engaged_contact(views):
    rows = views.execute(
        "with covered as ("
        f"  select grain, period_start, account_id, list(distinct function) filter (where engaged) as functions from ({CONTACTS}) group by all"
        "), ours as ("
        "  select a.grain, a.period_start, a.account_id, list_sort(list_filter((select list(function) from required_functions), "
        "         lambda f: not list_contains(coalesce(c.functions, []), f))) as missing "
        "  from account_period a left join covered c using (grain, period_start, account_id) where a.on_list"
        ") select o.*, m.missing_functions from ours o join account_360 m "
        "on m.period_grain = o.grain and m.period_start = o.period_start and m.account_id = o.account_id "
        "where o.missing <> list_sort(list_filter(string_split(replace(coalesce(m.missing_functions, ''), ' ', ''), ','), "
        "lambda f: f <> '')) limit 5"
    ).fetchall()
    assert rows == []


def test_missing_countries_are_those_of_contacts_without_an_engaged_one(views):
    rows = views.execute(
        "with ours as ("
        "  select grain, period_start, account_id, "
        "         list_sort(list_filter(list(distinct country), lambda c: not list_contains("
        "           coalesce(list(distinct country) filter (where engaged), []), c))) as missing "
        f"  from ({CONTACTS}) group by all"
        ") select o.*, m.missing_countries from ours o join account_360 m "
        "on m.period_grain = o.grain and m.period_start = o.period_start and m.account_id = o.account_id "
        "where o.missing <> list_sort(list_filter(string_split(replace(coalesce(m.missing_countries, ''), ' ', ''), ','), "
        "lambda c: c <> '')) limit 5"
    ).fetchall()
    assert rows == []


# --- data_quality ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", sorted(EVENT_COLUMNS))
def test_data_quality_saw_every_row_of_the_source(judged, lake_folder, source):
    files = [str(path) for path in (lake_folder / source).glob("ym=*/*.parquet")]
    in_files = judged.execute("select sum(num_rows)::bigint from parquet_file_metadata(?)", [files]).fetchall()
    seen = judged.execute(
        "select rows_in from data_quality where source = ? and \"check\" = 'rows' and as_of = (select as_of from run)", [source]
    ).fetchall()
    assert seen == in_files


def sources() -> dict[str, dict]:
    """The contracts of the project."""
    return yaml.safe_load((REPOSITORY / "jobs" / "sources.yaml").read_text())["sources"]


def current_files(lake_folder, source: str) -> list[str]:
    """All files of events, the newest copy of a snapshot."""
    partitions = sorted((lake_folder / source).glob("ym=*")) or sorted((lake_folder / source).glob("dt=*"))[-1:]
    return [file for partition in partitions for file in parquet_files(partition)]


REFERENCES = [
    (source, name, column["references"])
    for source, contract in sources().items()
    for name, column in contract["columns"].items()
    if isinstance(column, dict) and "references" in column
]


def checked(con, source: str, check: str, column: str) -> tuple[int, int, str]:
    """Rows looked at, rows that failed and the outcome of a check on the run's day."""
    if not con.execute("select 1 from data_quality where source = ?", [source]).fetchall():
        pytest.skip(f"nothing in the pipeline reads {source}")
    rows = con.execute(
        'select rows_in, rows_failed, status from data_quality where source = ? and "check" = ? and "column" = ? '
        "and as_of = (select as_of from run)",
        [source, check, column],
    ).fetchall()
    assert len(rows) == 1, (source, check, column, rows)
    return rows[0]


@pytest.mark.parametrize(("source", "column", "referred"), REFERENCES)
def test_references_are_counted_as_a_join_counts_them(judged, lake_folder, source, column, referred):
    (key,) = sources()[referred]["key"]
    rows, failed = judged.execute(
        f"select count(*), count(s.{column}) filter (where k.key is null) from read_parquet(?, hive_partitioning = false) s "
        f"left join (select distinct {key} as key from read_parquet(?, hive_partitioning = false)) k on s.{column} = k.key",
        [current_files(lake_folder, source), current_files(lake_folder, referred)],
    ).fetchone()
    assert checked(judged, source, "references", column) == (rows, failed, "warned" if failed else "passed")


@pytest.mark.parametrize("source", [name for name, contract in sources().items() if "row_count" in contract])
def test_row_counts_are_those_of_the_newest_copy(judged, lake_folder, source):
    rows = judged.execute("select count(*) from read_parquet(?)", [current_files(lake_folder, source)]).fetchone()[0]
    assert checked(judged, source, "row_count", "") == (rows, 0, "passed")


@pytest.mark.parametrize("source", [name for name, contract in sources().items() if "freshness" in contract])
def test_age_is_that_of_the_newest_row_or_copy(judged, lake_folder, source):
    contract = sources()[source]
    time = contract.get("time", "")
    newest = "max(split_part(split_part(filename, 'dt=', 2), '/', 1))" if not time else f"max(cast({time} as timestamp))"
    number, unit = contract["freshness"].split()
    (fresh,) = judged.execute(
        f"select cast({newest} as date) >= (select as_of from run) - interval {number} {unit} "
        "from read_parquet(?, filename = true, hive_partitioning = false)",
        [current_files(lake_folder, source)],
    ).fetchone()
    assert checked(judged, source, "freshness", time)[2] == ("passed" if fresh else "warned")
