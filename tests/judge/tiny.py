"""Hand-made lakes: rows as dictionaries, small enough to check by head.

Columns that a row does not name get the neutral value below, so that a test shows only what it is about.
"""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from kpis import family_of
from lake import EVENT_COLUMNS, EVENT_TIME, SNAPSHOT_COLUMNS, open_lake, parse

ARROW = {
    "varchar": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "double": pa.float64(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
}
LONG_AGO = dt.date(2020, 1, 1)
# The month that most tests look at.
MAY = "2026-05-01"
NEUTRAL = {
    "accounts": {"region": "EMEA", "bu": "cloud", "tier": "scale", "industry": "saas", "program": "abm", "listed_on": LONG_AGO,
                 "currency": "EUR"},
    "contacts": {
        "function": "it", "seniority": "manager", "country": "FR", "at_headquarters": False, "in_buying_committee": False, "consent": True,
        "created_on": LONG_AGO,
    },
    "campaigns": {"kind": "personalised", "briefed_on": LONG_AGO},
    "touchpoints": {"channel": "web", "kind": "page_view", "direction": "inbound", "requested": False},
    "ad_stats": {"currency": "EUR"},
    "opportunities": {"kind": "new", "origin": "inbound", "marketing_sourced": False, "advanced": False, "amount": 0.0, "tcv": 0.0, "currency": "EUR"},
    "contracts": {"currency": "EUR", "at_risk": False},
    "revenue": {"kind": "subscription", "gross_margin": 1.0, "currency": "EUR"},
    "spend": {"nature": "direct", "program": "abm", "currency": "EUR"},
}  # fmt: skip
REFERENCE = {
    "signal_weights": {
        "columns": {"kind": "string", "component": "string", "points": "number", "simple_points": "number", "quality": "boolean"},
        "rows": [
            ["page_view", "touch", 1, 1, False],
            ["email_open", "touch", 1, 0, False],
            ["download", "content", 2, 2, False],
            ["demo_request", "touch", 5, 0, True],
            ["webinar", "content", 3, 5, False],
            ["intent_pricing", "intent", 0, 0, False],
        ],
    },
    "seniority_weights": {
        "columns": {"seniority": "string", "multiplier": "number", "rank": "integer"},
        "rows": [["c_level", 3, 5], ["director", 1.5, 3], ["manager", 1, 2]],
    },
    "site_weights": {"columns": {"at_headquarters": "boolean", "multiplier": "number"}, "rows": [[True, 1.25], [False, 1]]},
    "required_functions": {"columns": {"function": "string"}, "file": "functions.csv"},
    "opportunity_stage_order": {
        "columns": {"stage": "string", "position": "integer"},
        "rows": [["discovery", 1], ["qualification", 2], ["solution", 3], ["closed_won", 4]],
    },
}
REQUIRED_FUNCTIONS = ("it", "finance", "operations", "marketing", "procurement", "legal", "hr")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def at(text: str) -> dt.datetime:
    """A moment in UTC: `2026-05-04` or `2026-05-04 10:00`."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class TinyLake:
    """Collects rows, writes them in the lake's layout and opens the result as the judge does."""

    def __init__(self, folder: Path, as_of: str):
        self.folder = folder
        self.as_of = day(as_of)
        self.rows: dict[tuple[str, str], list[dict]] = {}
        self.rates: list[dict] | None = None

    def snapshot(self, table: str, rows: list[dict], dt_: str | None = None) -> "TinyLake":
        return self._add(table, f"dt={dt_ or self.as_of}", rows)

    def events(self, table: str, rows: list[dict]) -> "TinyLake":
        for row in rows:
            self._add(table, f"ym={row[EVENT_TIME[table]]:%Y-%m}", [row])
        return self

    def _add(self, table: str, partition: str, rows: list[dict]) -> "TinyLake":
        self.rows.setdefault((table, partition), []).extend(NEUTRAL.get(table, {}) | row for row in rows)
        return self

    def judge(self):
        """Writes the lake and opens it."""
        if not any(table == "fx_rates" for table, _ in self.rows):
            days = [self.as_of - dt.timedelta(days=n) for n in range(1200)]
            self.snapshot("fx_rates", [{"day": each, "currency": "EUR", "rate": 1.0} for each in days])
        for (table, partition), rows in self.rows.items():
            columns = {**SNAPSHOT_COLUMNS, **EVENT_COLUMNS}[table]
            schema = pa.schema([(name, ARROW[type_]) for name, type_ in parse(columns)])
            folder = self.folder / "lake" / table / partition
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "part-0.parquet")
        (self.folder / "jobs").mkdir(exist_ok=True)
        (self.folder / "jobs" / "reference.yaml").write_text(
            yaml.safe_dump({"job": "reference", "tables": REFERENCE}, sort_keys=False)
        )
        (self.folder / "functions.csv").write_text("\n".join(["function", *REQUIRED_FUNCTIONS]) + "\n")
        return open_lake(self.folder / "lake", self.folder, self.as_of)


def value(con, kpi: str, period_start: str, grain: str = "month", column: str = "value", **cell: str):
    """One figure of the judge; dimensions that are not named are rolled up over."""
    family = family_of(kpi)
    table = family.__name__.rsplit(".", 1)[-1] + "_rows"
    if not con.execute("select 1 from duckdb_tables() where table_name = ?", [table]).fetchall():
        family.relation(con).create(table)
    row = con.execute(
        f"select {column} from {table} where kpi = ? and grain = ? and period_start = ? "
        "and region is not distinct from ? and bu is not distinct from ? and tier is not distinct from ? "
        "and industry is not distinct from ? and program is not distinct from ?",
        [kpi, grain, day(period_start), *(cell.get(d) for d in ("region", "bu", "tier", "industry", "program"))],
    ).fetchall()
    assert len(row) <= 1, f"{len(row)} rows of {kpi} in one cell"
    return row[0][0] if row else "no row"


def accounts(count: int, **columns) -> list[dict]:
    """Rows of accounts A00, A01, …"""
    return [{"account_id": f"A{n:02}", **columns} for n in range(count)]


def touch(account: str, when: str, contact: str | None = None, **columns) -> dict:
    """An inbound page view, unless the columns say otherwise."""
    return {"touch_id": f"{account}{when}", "account_id": account, "contact_id": contact, "occurred_at": at(when), **columns}


def deal(number: int, account: str, **columns) -> dict:
    """An opportunity."""
    return {"opportunity_id": f"O{number:02}", "account_id": account, **columns}


def won(number: int, account: str, amount: float, days: float, closed: str = "2026-05-20", **columns) -> dict:
    """A deal won after so many days, its TCV twice its amount."""
    closed_at = at(closed)
    created_at = closed_at - dt.timedelta(days=days)
    return deal(number, account, amount=amount, tcv=2 * amount, created_at=created_at, closed_at=closed_at, is_won=True, **columns)
