"""A mart that is a Delta table, read by delta-rs, by Polars and by DuckDB: its newest version and the one before."""

import datetime as dt
import json
import os
import shlex
import subprocess
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY
from deltalake import DeltaTable

PROGRAM = shlex.split(os.environ.get("ABMART_PROGRAM", "cargo run --quiet --"))
COLUMNS = {"region": "string", "accounts": "long", "revenue": "double"}


def evening(lake: Path, day: dt.date, revenue: float) -> None:
    """The snapshot of a day: three accounts, each worth the same."""
    folder = lake / f"accounts/dt={day}"
    folder.mkdir(parents=True)
    rows = {"account_id": ["A", "B", "C"], "region": ["APAC", "EMEA", "EMEA"], "revenue": [revenue] * 3}
    pq.write_table(pa.table(rows), folder / "part-0.parquet")


@pytest.fixture(scope="module")
def marts(tmp_path_factory) -> Path:
    """Marts of two nights that differ and a third that is as the second."""
    folder = tmp_path_factory.mktemp("delta")
    for day, revenue in ((1, 1.0), (2, 2.0), (3, 2.0)):
        evening(folder / "lake", dt.date(2026, 7, day), revenue)
        places = [f"--{store}={folder / store}" for store in ("lake", "marts", "cache")]
        command = [*PROGRAM, "run", "--quiet", "--project", str(REPOSITORY / "tests/fixtures/tiny"), *places]
        subprocess.run(command, cwd=REPOSITORY, check=True)
    return folder / "marts"


def rows(revenue: float) -> list[tuple]:
    return [("APAC", 1, revenue), ("EMEA", 2, 2 * revenue)]


def test_delta_rs_reads_the_newest_version(marts):
    table = DeltaTable(marts / "ledger")
    found = pa.table(table.to_pyarrow_table()).sort_by("region").to_pylist()
    assert [tuple(row.values()) for row in found] == rows(2.0)
    assert {field.name: field.type.type for field in table.schema().fields} == COLUMNS
    assert table.metadata().name == "ledger"


def test_a_night_without_change_makes_no_version_and_the_manifest_names_the_newest(marts):
    assert DeltaTable(marts / "ledger").version() == 1
    manifest = json.loads((marts / "_abmart/manifest.json").read_text())
    assert (manifest["as_of"], manifest["marts"]["ledger"]["delta_version"]) == ("2026-07-03", 1)
    days = [commit["abmart.as_of"] for commit in DeltaTable(marts / "ledger").history()]
    assert days == ["2026-07-02", "2026-07-01"]


@pytest.mark.parametrize(("version", "revenue"), [(0, 1.0), (1, 2.0)])
def test_polars_reads_every_version(marts, version, revenue):
    found = pl.read_delta(str(marts / "ledger"), version=version).sort("region")
    assert found.rows() == rows(revenue)


def test_statistics_of_the_log_are_those_of_the_rows(marts):
    add = pa.table(DeltaTable(marts / "ledger").get_add_actions(flatten=True)).to_pylist()
    assert [(row["num_records"], row["min.region"], row["max.region"], row["max.accounts"]) for row in add] == [
        (2, "APAC", "EMEA", 2)
    ]
    assert all(row["null_count.revenue"] == 0 for row in add)


@pytest.mark.parametrize(("version", "revenue"), [(0, 1.0), (1, 2.0)])
def test_duckdb_reads_the_files_that_the_log_names(marts, version, revenue):
    files = DeltaTable(marts / "ledger", version=version).file_uris()
    found = duckdb.execute("select region, accounts, revenue from read_parquet(?) order by region", [files]).fetchall()
    assert found == rows(revenue)


def test_duckdb_reads_the_table_itself(marts):
    con = duckdb.connect()
    try:
        con.execute("install delta; load delta")
    except duckdb.Error as error:
        pytest.skip(f"DuckDB's extension for Delta is not to be had here: {str(error).splitlines()[0]}")
    query = "select region, accounts, revenue from delta_scan(?) order by region"
    assert con.execute(query, [str(marts / "ledger")]).fetchall() == rows(2.0)
