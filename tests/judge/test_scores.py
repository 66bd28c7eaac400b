"""The explained engagement score: its contributions, account by account, against the judge's own score."""

import pytest
from kpis.engagement import SCORES
from marts import unequal


@pytest.fixture(scope="module")
def scored(judged):
    """A connection that also holds `score`, account by account, as the judge has it."""
    judged.execute(f"create table score as {SCORES}")
    yield judged
    judged.execute("drop table score")


def test_contributions_add_up_to_the_score(scored):
    rows = scored.execute(
        "with published as (select period_grain as grain, period_start, account_id, sum(contribution) as score "
        "from account_scores where period_grain in ('week', 'month', 'quarter', 'year') group by all) "
        "select grain, period_start, account_id, s.score, p.score "
        "from score s full join published p using (grain, period_start, account_id) "
        f"where {unequal('coalesce(s.score, 0)', 'coalesce(p.score, 0)')} order by all"
    ).fetchall()
    assert not rows, f"{len(rows)} scores differ (expected, published), as in {rows[:5]}"


@pytest.mark.parametrize("component", ["touch", "reach", "content", "intent"])
def test_each_component_has_its_part(scored, component):
    rows = scored.execute(
        f"with published as (select period_grain as grain, period_start, account_id, sum(contribution) as part "
        f"from account_scores where component = '{component}' group by all) "
        f"select grain, period_start, account_id, s.{component}, p.part "
        f"from score s left join published p using (grain, period_start, account_id) "
        f"where {unequal(f's.{component}', 'coalesce(p.part, 0)')} order by all"
    ).fetchall()
    assert not rows, f"{len(rows)} parts differ (expected, published), as in {rows[:5]}"


def test_the_mean_over_accounts_is_the_kpi(scored):
    rows = scored.execute(
        "with mean as (select grain, period_start, avg(score) as value from score group by all) "
        "select m.grain, m.period_start, m.value, k.value from mean m left join kpi_values k "
        "on k.kpi = 'account_engagement_score' and k.cut = 'all' and k.period_grain = m.grain and k.period_start = m.period_start "
        f"where {unequal('m.value', 'k.value')} order by all"
    ).fetchall()
    assert rows == []
