"""Finds and opens published marts, with DuckDB and with pyarrow."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PUBLISHED = ("kpi_values", "kpi_catalog", "executive_summary", "account_360", "account_scores", "data_quality")

KPI_VALUES = {
    "as_of": "DATE", "period_grain": "VARCHAR", "period_start": "DATE", "period_end": "DATE", "partial": "BOOLEAN",
    "cut": "VARCHAR", "region": "VARCHAR", "bu": "VARCHAR", "tier": "VARCHAR", "industry": "VARCHAR", "program": "VARCHAR",
    "kpi": "VARCHAR", "value": "DOUBLE", "numerator": "DOUBLE", "denominator": "DOUBLE", "n": "BIGINT",
    "prior_value": "DOUBLE", "change": "DOUBLE", "yoy_value": "DOUBLE", "target": "DOUBLE", "attainment": "DOUBLE",
    "benchmark": "DOUBLE", "status": "VARCHAR", "share_of_parent": "DOUBLE", "rank": "BIGINT", "immature": "BIGINT",
    "mature_value": "DOUBLE", "definition": "VARCHAR",
}  # fmt: skip
NEVER_NULL = ("as_of", "period_grain", "period_start", "period_end", "partial", "cut", "kpi", "n", "definition")
SORT_ORDER = ("kpi", "period_grain", "period_start", "cut", "region", "bu", "tier", "industry", "program")
ROW_KEY = ("period_grain", "period_start", "cut", "region", "bu", "tier", "industry", "program", "kpi")


def mart_names(marts: Path) -> list[str]:
    """The marts that must be there, and whatever else is published."""
    if not marts.is_dir():
        return list(PUBLISHED)
    found = {folder.name for folder in marts.iterdir() if folder.is_dir() and not hidden(folder.name)}
    return sorted(found.union(PUBLISHED))


def mart_files(marts: Path, name: str) -> list[str]:
    """The data files of a mart as it stands, in the order of their paths."""
    folder = marts / name
    files = [path for path in folder.rglob("*.parquet") if not any(map(hidden, path.relative_to(folder).parts))]
    assert files, f"{folder} holds no data file: run the pipeline first, or set ABMART_MARTS"
    return [str(path) for path in sorted(files)]


def hidden(part: str) -> bool:
    return part.startswith(("_", "."))


def with_duckdb(con, marts: Path, name: str) -> None:
    """Loads the mart into DuckDB under its name."""
    con.execute(f"create table {name} as from read_parquet(?, hive_partitioning = false)", [mart_files(marts, name)])


def with_pyarrow(files: list[str]) -> pa.Table:
    """The mart as a pyarrow table; files whose schemas differ are an error."""
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def unequal(left: str, right: str) -> str:
    """SQL: the two figures differ by more than 1e-9 of their size, one of them is missing, or one is no number."""
    return (
        f"(({left} is null) <> ({right} is null) or isnan({left}) or isnan({right}) "
        f"or abs({left} - {right}) > 1e-9 * greatest(abs({left}), abs({right})) + 1e-12)"
    )
