"""The queries and scripts that docs/cookbook.md shows to readers of marts, run on the published marts."""

import re

import duckdb
import pytest
from conftest import MARTS, REPOSITORY

PAGE = REPOSITORY / "docs" / "cookbook.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, f"{PAGE} shows no {language}"
    return [block.replace("out/marts", str(MARTS)) for block in found]


@pytest.mark.parametrize("query", blocks("sql"), ids=lambda query: query.splitlines()[0].lstrip("- "))
def test_a_query_of_the_cookbook_finds_rows(query):
    assert duckdb.sql(query).fetchall()


@pytest.mark.parametrize("script", blocks("python"), ids=lambda script: script.splitlines()[0])
def test_a_script_of_the_cookbook_prints(script, capsys):
    exec(compile(script, PAGE.name, "exec"), {})
    printed = capsys.readouterr().out
    assert printed.strip() and "Empty DataFrame" not in printed
