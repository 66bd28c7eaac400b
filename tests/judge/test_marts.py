"""Every mart can be read by DuckDB and by pyarrow, and keeps its published form."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from cube import DIMENSIONS
from kpis import names
from marts import KPI_VALUES, NEVER_NULL, ROW_KEY, SORT_ORDER, mart_files, with_duckdb, with_pyarrow

# Outside the cube a mart may also carry moments and lists of names.
PLAIN_TYPES = set(KPI_VALUES.values()) | {"TIMESTAMP WITH TIME ZONE", "VARCHAR[]"}

KEYS = {
    "kpi_values": ROW_KEY,
    "kpi_catalog": ("kpi", "version"),
    "executive_summary": ("period_grain", "period_start", "region", "bu"),
    "account_360": ("period_grain", "period_start", "account_id"),
    "account_scores": ("period_grain", "period_start", "account_id", "component", "signal"),
    "campaign_performance": ("period_grain", "period_start", "campaign_id"),
    "executive_velocity": ("period_grain", "period_start", "owner_id"),
    "attribution": ("period_grain", "period_start", "model", "channel", "campaign_id", "cut", *DIMENSIONS),
    "attribution_comparison": ("channel",),
    "attribution_diagnostics": ("model", "measure", "state", "next_state"),
    "attribution_paths": ("path",),
    "attribution_touches": ("opportunity_id", "touched_at", "channel", "campaign_id", "contact_id", "kind", "copy"),
    "data_quality": ("as_of", "source", "column", "check"),
}


@pytest.fixture
def files(mart, marts_folder):
    return mart_files(marts_folder, mart)


@pytest.fixture
def con(mart, marts_folder):
    """A connection that holds the mart under its name."""
    con = duckdb.connect()
    with_duckdb(con, marts_folder, mart)
    return con


def columns_of(con, mart: str) -> dict[str, str]:
    return dict(con.execute("select column_name, data_type from duckdb_columns() where table_name = ? order by column_index", [mart]).fetchall())  # fmt: skip


def test_both_readers_see_the_same_rows_and_columns(mart, files, con):
    table = with_pyarrow(files)
    table.validate(full=True)
    assert table.num_rows > 0
    assert table.num_rows == con.execute(f"select count(*) from {mart}").fetchall()[0][0]
    assert table.column_names == list(columns_of(con, mart))


def test_columns_have_plain_types(mart, con):
    assert {name: type_ for name, type_ in columns_of(con, mart).items() if type_ not in PLAIN_TYPES} == {}


def test_every_field_is_described(files):
    for file in files:
        bare = [field.name for field in pq.read_schema(file) if not (field.metadata or {}).get(b"description", b"").strip()]
        assert bare == [], f"{file}: fields without a description"


def test_no_number_is_nan_or_infinite(files):
    table = with_pyarrow(files)
    for field in table.schema:
        if pa.types.is_floating(field.type):
            wild = pc.sum(pc.invert(pc.is_finite(table[field.name]))).as_py()
            assert not wild, f"{wild} values of {field.name} are not finite"


def test_keys_are_unique(mart, con):
    key = ", ".join(f'"{column}"' for column in KEYS.get(mart) or columns_of(con, mart))
    assert con.execute(f"select {key}, count(*) from {mart} group by {key} having count(*) > 1 limit 5").fetchall() == []


def test_the_cube_has_exactly_its_columns(judged):
    columns = columns_of(judged, "kpi_values")
    assert columns == KPI_VALUES
    assert list(columns) == list(KPI_VALUES)


@pytest.mark.parametrize("column", NEVER_NULL)
def test_a_cube_row_always_says_what_it_is(judged, column):
    assert judged.execute(f"select count(*) from kpi_values where {column} is null").fetchall() == [(0,)]


def test_the_cube_is_sorted(marts_folder):
    """Row by row, through its files in the order of their paths; within a cut the same dimensions are null."""
    rows = with_pyarrow(mart_files(marts_folder, "kpi_values")).select(list(SORT_ORDER))
    places = pc.sort_indices(rows, sort_keys=[(column, "ascending", "at_start") for column in SORT_ORDER])
    displaced = pc.indices_nonzero(pc.not_equal(places, pa.array(range(rows.num_rows), pa.uint64())))
    assert len(displaced) == 0, f"first out of order: {rows.slice(displaced[0].as_py(), 1).to_pylist()}"


def test_the_catalog_describes_every_kpi_of_the_cube_in_two_languages(judged):
    assert judged.execute("select kpi from kpi_values anti join kpi_catalog using (kpi) group by kpi").fetchall() == []
    described = judged.execute(
        "select distinct kpi from kpi_catalog where length(trim(title_en)) > 0 and length(trim(title_fr)) > 0 "
        "and unit in ('count', 'money', 'percent', 'ratio', 'score', 'days', 'hours', 'seconds') and better in ('higher', 'lower')"
    ).fetchall()
    assert sorted(set(names()) - {name for (name,) in described}) == []
