"""Where the lake and the marts are, and the judge's own figures, computed once per session."""

import datetime as dt
import os
from pathlib import Path

import pytest
from kpis import expected
from lake import open_lake
from marts import mart_names, with_duckdb
from tiny import TinyLake

REPOSITORY = Path(__file__).resolve().parents[2]


def located(variable: str, default: str) -> Path:
    """A path from the environment; relative ones count from the repository's root."""
    return REPOSITORY / os.environ.get(variable, default)


LAKE = located("ABMART_LAKE", "data/lake")
MARTS = located("ABMART_MARTS", "out/marts")


def pytest_generate_tests(metafunc):
    if "mart" in metafunc.fixturenames:
        metafunc.parametrize("mart", mart_names(MARTS))


@pytest.fixture(scope="session")
def lake_folder() -> Path:
    return LAKE


@pytest.fixture(scope="session")
def marts_folder() -> Path:
    return MARTS


@pytest.fixture(scope="session")
def judged():
    """A connection with the lake, the judge's figures (`expected`) and the published marts that are compared with them."""
    as_of = os.environ.get("ABMART_AS_OF")
    con = open_lake(
        LAKE,
        located("ABMART_PROJECT", "."),
        dt.date.fromisoformat(as_of) if as_of else None,
    )
    expected(con)
    for mart in ("kpi_values", "kpi_catalog", "account_scores", "data_quality"):
        with_duckdb(con, MARTS, mart)
    return con


@pytest.fixture
def lake(tmp_path) -> TinyLake:
    """An empty hand-made lake as known on 31 May 2026."""
    return TinyLake(tmp_path, "2026-05-31")
