"""The queries that the README shows, run on the published marts."""

import re

import duckdb
import pytest
from conftest import MARTS, REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return [text.replace("out/marts", str(MARTS)) for text in found]


@pytest.mark.parametrize("query", blocks("sql"), ids=lambda query: query.splitlines()[0].lstrip("- "))
def test_a_query_of_the_readme_finds_rows(query):
    assert duckdb.sql(query).fetchall()


@pytest.mark.parametrize("script", blocks("python"), ids=lambda script: script.splitlines()[0])
def test_a_script_of_the_readme_runs(script, capsys):
    exec(compile(script, "README.md", "exec"), {})
    assert capsys.readouterr().out
