"""Opens a lake in DuckDB the way the data contract describes it, and nothing else.

`open_lake` gives a connection that holds the source tables, the reporting periods and the base tables of
`base.sql` (accounts, contacts and touches per period). The KPI families in `kpis/` are written over those.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

HERE = Path(__file__).parent
ONE_DAY = dt.timedelta(days=1)
GRAINS = ("week", "month", "quarter", "year")
WEEKS = 13

# Only the tables that the recomputed KPIs read. Timestamps become naive UTC.
SNAPSHOT_COLUMNS = {
    "accounts": "account_id varchar, region varchar, bu varchar, tier varchar, industry varchar, program varchar, "
    "listed_on date, delisted_on date, customer_since date, potential_value double, currency varchar",
    "contacts": "contact_id varchar, account_id varchar, function varchar, seniority varchar, country varchar, "
    "at_headquarters boolean, in_buying_committee boolean, buying_group varchar, consent boolean, created_on date",
    "campaigns": "campaign_id varchar, kind varchar, region varchar, bu varchar, tier varchar, signal_on date, briefed_on date, "
    "launched_on date, ended_on date",
    "contents": "content_id varchar, produced_on date, region varchar, bu varchar",
    "opportunities": "opportunity_id varchar, account_id varchar, kind varchar, origin varchar, marketing_sourced boolean, "
    "advanced boolean, amount double, tcv double, currency varchar, created_at timestamp, qualified_at timestamp, "
    "closed_at timestamp, is_won boolean, expected_close_on date, probability double",
    "contracts": "contract_id varchar, account_id varchar, end_on date, arr double, currency varchar, outcome varchar, "
    "at_risk boolean, renewed_arr double",
    "fx_rates": "day date, currency varchar, rate double",
}
EVENT_COLUMNS = {
    "touchpoints": "touch_id varchar, account_id varchar, contact_id varchar, occurred_at timestamp, "
    "channel varchar, kind varchar, direction varchar, campaign_id varchar, duration_s double, consumed double, requested boolean",
    "ad_stats": "day date, account_id varchar, impressions bigint, clicks bigint, cost double, currency varchar",
    "campaign_targets": "campaign_id varchar, account_id varchar, targeted_on date",
    "opportunity_stages": "opportunity_id varchar, stage varchar, entered_at timestamp",
    "account_stages": "account_id varchar, stage varchar, entered_at timestamp, decision varchar, decided_at timestamp",
    "account_health": "account_id varchar, day date, score double",
    "revenue": "account_id varchar, month date, kind varchar, amount double, gross_margin double, currency varchar",
    "staff": "month date, region varchar, bu varchar, program varchar, fte double",
    "spend": "month date, nature varchar, program varchar, campaign_id varchar, account_id varchar, region varchar, bu varchar, "
    "tier varchar, channel varchar, amount double, currency varchar",
    "surveys": "survey_id varchar, kind varchar, account_id varchar, contact_id varchar, region varchar, bu varchar, "
    "score double, answered_at timestamp",
    "follow_ups": "account_id varchar, signalled_at timestamp, responded_at timestamp",
}
EVENT_TIME = {
    "touchpoints": "occurred_at",
    "ad_stats": "day",
    "campaign_targets": "targeted_on",
    "opportunity_stages": "entered_at",
    "account_stages": "entered_at",
    "account_health": "day",
    "revenue": "month",
    "staff": "month",
    "spend": "month",
    "surveys": "answered_at",
    "follow_ups": "signalled_at",
}
# The newest of these is read whatever the period; accounts and contacts keep their history.
CURRENT_STATE_ONLY = ("campaigns", "contents", "opportunities", "contracts", "fx_rates")

REFERENCE_COLUMNS = {
    "signal_weights": "kind varchar, points double, simple_points double, component varchar, quality boolean",
    "seniority_weights": "seniority varchar, multiplier double, rank bigint",
    "site_weights": "at_headquarters boolean, multiplier double",
    "required_functions": "function varchar",
    "opportunity_stage_order": "stage varchar, position bigint",
}


@dataclass(frozen=True)
class Period:
    """A reporting period `[start, end)`; facts are read up to `cutoff` (exclusive)."""

    grain: str
    start: dt.date
    end: dt.date
    cutoff: dt.date


def open_lake(lake: Path, project: Path, as_of: dt.date | None = None) -> duckdb.DuckDBPyConnection:
    """A connection over the lake as known at the end of `as_of` (default: the day of its newest snapshot).

    The reference tables (points of signals, required functions, …) are those that the `project` declares.
    """
    as_of = as_of or newest_snapshot(lake)
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    for table, columns in SNAPSHOT_COLUMNS.items():
        load_snapshots(con, lake, table, columns, as_of)
    for table, columns in EVENT_COLUMNS.items():
        load_events(con, lake, table, columns, as_of)
    for table, columns in REFERENCE_COLUMNS.items():
        load_reference(con, project, table, columns)
    load_periods(con, reporting_periods(first_event_month(lake), as_of), as_of)
    con.execute((HERE / "base.sql").read_text())
    refuse_missing_rates(con)
    return con


def newest_snapshot(lake: Path) -> dt.date:
    """The day of the newest snapshot of any table."""
    return max(dt.date.fromisoformat(key_of(folder)) for folder in lake.glob("*/dt=*"))


def first_event_month(lake: Path) -> dt.date:
    """The first day of the earliest month for which any event table has a partition."""
    return min(dt.date.fromisoformat(key_of(folder) + "-01") for folder in lake.glob("*/ym=*"))


def key_of(partition: Path) -> str:
    return partition.name.split("=", 1)[1]


def reporting_periods(first: dt.date, as_of: dt.date) -> list[Period]:
    """Every month, quarter and year from `first` to `as_of`, and the last weeks up to the one of `as_of`."""
    starts: set[tuple[str, dt.date]] = set()
    month = first
    while month <= as_of:
        starts |= {
            ("month", month),
            ("quarter", month.replace(month=(month.month - 1) // 3 * 3 + 1)),
            ("year", month.replace(month=1)),
        }
        month = add_months(month, 1)
    monday = as_of - dt.timedelta(days=as_of.weekday())
    starts |= {("week", monday - dt.timedelta(weeks=n)) for n in range(WEEKS)}
    return [
        Period(grain, start, end, min(end, as_of + ONE_DAY)) for grain, start in sorted(starts) for end in [end_of(grain, start)]
    ]


def end_of(grain: str, start: dt.date) -> dt.date:
    """The exclusive end of the period of `grain` that begins on `start`."""
    if grain == "week":
        return start + dt.timedelta(weeks=1)
    return add_months(start, {"month": 1, "quarter": 3, "year": 12}[grain])


def add_months(first_of_month: dt.date, months: int) -> dt.date:
    index = first_of_month.year * 12 + first_of_month.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def load_snapshots(con, lake: Path, table: str, columns: str, as_of: dt.date) -> None:
    """Creates `table` with a leading `dt` column from every snapshot up to `as_of`, or only the newest of them."""
    folders = {dt.date.fromisoformat(key_of(folder)): folder for folder in (lake / table).glob("dt=*")}
    days = sorted(day for day in folders if day <= as_of)
    if table in CURRENT_STATE_ONLY:
        days = days[-1:]
    con.execute(f"create table {table} (dt date, {columns})")
    for day in days:
        files = parquet_files(folders[day])
        con.execute(f"insert into {table} select date '{day}', {casts(columns)}", [files])


def load_events(con, lake: Path, table: str, columns: str, as_of: dt.date) -> None:
    """Creates `table` from every file of every month, without the rows after `as_of`."""
    con.execute(f"create table {table} ({columns})")
    for folder in sorted((lake / table).glob("ym=*")):
        files = parquet_files(folder)
        con.execute(
            f"insert into {table} select {casts(columns)} where {EVENT_TIME[table]} < date '{as_of + ONE_DAY}'",
            [files],
        )


def load_reference(con, project: Path, table: str, columns: str) -> None:
    """Creates a reference table from the rows, or the CSV file, that a job of the project gives it."""
    con.execute(f"create table {table} ({columns})")
    declared = declaration(project, table)
    names = [name for name, _ in parse(columns)]
    if "file" in declared:
        file = str(project / declared["file"])
        con.execute(f"insert into {table} select {', '.join(names)} from read_csv(?, header = true)", [file])
        return
    positions = [list(declared["columns"]).index(name) for name in names]
    rows = [[row[position] for position in positions] for row in declared["rows"]]
    con.executemany(f"insert into {table} values ({', '.join('?' for _ in names)})", rows)


def declaration(project: Path, table: str) -> dict:
    """What the jobs of the project say about a table of their own."""
    for job in sorted(project.glob("jobs/**/*.yaml")):
        tables = yaml.safe_load(job.read_text()).get("tables") or {}
        if table in tables:
            return tables[table]
    raise LookupError(f"no job under {project / 'jobs'} declares the table {table}")


def load_periods(con, periods: list[Period], as_of: dt.date) -> None:
    con.execute("create table calendar (grain varchar, period_start date, period_end date, cutoff date, partial boolean)")
    con.executemany(
        "insert into calendar values (?, ?, ?, ?, ?)",
        [(p.grain, p.start, p.end, p.cutoff, as_of < p.end) for p in periods],
    )
    con.execute(f"create table run as select date '{as_of}' as as_of, date '{as_of + ONE_DAY}' as horizon")


def parquet_files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("*.parquet"))


def casts(columns: str) -> str:
    """The select list and `from` clause that read the bound list of files as `columns`."""
    items = ", ".join(f"cast({name} as {type_}) as {name}" for name, type_ in parse(columns))
    return f"{items} from read_parquet(?, union_by_name = true, hive_partitioning = false)"


def parse(columns: str) -> list[tuple[str, str]]:
    return [(column.split()[0], column.split()[1]) for column in columns.split(", ")]


def refuse_missing_rates(con) -> None:
    """Money without a rate must never drop out of a sum unnoticed."""
    missing = con.execute("select distinct currency, day from money_day anti join fx_rates using (currency, day)").fetchall()
    if missing:
        raise ValueError(f"fx_rates has no rate for {missing[:5]}")
    unknown = con.execute(
        "select distinct currency from accounts a where potential_value is not null "
        "and not exists (select 1 from fx_rates x where x.currency = a.currency)"
    ).fetchall()
    if unknown:
        raise ValueError(f"fx_rates never has a rate for {unknown[:5]}")
