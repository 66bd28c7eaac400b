"""The attribution marts, cell by cell, touch by touch and path by path, against the judge's own."""

import pytest
from attribution import JOURNEY_MODELS, LARGE, MODELS, attribute
from cube import DIMENSIONS
from marts import unequal, with_duckdb

MARTS = (
    "attribution", "attribution_comparison", "attribution_diagnostics", "attribution_paths", "attribution_touches",
)  # fmt: skip
CREDITS = ("conversions", "revenue", "opportunities", "pipeline", "large_conversions", "large_revenue")
RETURNS = {"channel_roi": "revenue", "large_roi": "large_revenue"}
# The program rounds what a touch is credited with, money to 2⁻²⁰ euro, and the first touch bears the rest. Over a long
# journey that comes to more than 1e-9 of what is divided, so that credit is compared by what there was to divide.
PRECISION = 1e-9
CELL = "grain, period_start, cut, member"
ROW = f"{CELL}, model, channel, campaign_id"

# The judge's row `e` beside the mart's row `m`; either may be missing.
MEMBER = "case cut when 'all' then 'all' " + " ".join(f"when '{d}' then {d}" for d in DIMENSIONS) + " end"
PAIRS = f"""
create table pair as
with published as (
  select *, period_grain as grain, {MEMBER} as member, coalesce(campaign_id, '') as campaign from attribution
), ours as (
  select *, coalesce(campaign_id, '') as campaign from cell
)
select {", ".join(f"coalesce(e.{c}, m.{c}) as {c}" for c in ROW.split(", "))}, e, m
from ours e full join published m
on {" and ".join(f"e.{c} = m.{c}" for c in (*CELL.split(", "), "model", "channel", "campaign"))}
"""


@pytest.fixture(scope="module")
def attributed(judged, marts_folder):
    """A connection that also holds the attribution marts and the judge's tables that they are compared with."""
    for mart in MARTS:
        with_duckdb(judged, marts_folder, mart)
    attribute(judged)
    judged.execute(PAIRS)
    yield judged
    for table in (*MARTS, "pair"):
        judged.execute(f"drop table {table}")


def found(con, sql: str, parameters=None):
    return con.execute(sql, parameters or {}).fetchall()


def apart(left: str, right: str, of: str) -> str:
    """SQL: the figures differ by more than the precision allows of what was divided, or one of them is missing."""
    return f"coalesce(abs({left} - {right}) > {PRECISION} * abs({of}) + 1e-12, true)"


# --- attribution ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_credit_is_there_and_no_other(attributed, model):
    rows = found(
        attributed,
        f"select {ROW}, case when m.model is null then 'missing' else 'additional' end from pair "
        "where model = $model and (e.model is null or m.model is null) order by all",
        {"model": model},
    )
    assert not rows, f"{len(rows)} rows, as {rows[:5]}"


def test_there_is_no_other_model(attributed):
    assert sorted(model for (model,) in found(attributed, "select distinct model from attribution")) == sorted(MODELS)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("column", CREDITS)
def test_credit_agrees(attributed, model, column):
    rows = found(
        attributed,
        f"select * from (select {ROW}, e.{column} as ours, m.{column} as theirs, sum(e.{column}) over cell as whole "
        f"from pair where model = $model window cell as (partition by {CELL})) "
        f"where {apart('ours', 'theirs', 'whole')} order by all",
        {"model": model},
    )
    assert not rows, f"{len(rows)} rows differ (expected, published, of the cell), as {rows[:5]}"


@pytest.mark.parametrize("model", MODELS)
def test_spend_agrees(attributed, model):
    rows = found(
        attributed,
        f"select {ROW}, e.spend, m.spend from pair "
        f"where model = $model and {unequal('e.spend', 'm.spend')} order by all",
        {"model": model},
    )
    assert not rows, f"{len(rows)} rows differ (expected, published), as {rows[:5]}"


@pytest.mark.parametrize(("column", "money"), RETURNS.items())
def test_returns_are_of_the_credit_and_the_spend_of_the_row(attributed, column, money):
    ours = f"({money} - spend) / nullif(spend, 0)"
    rows = found(
        attributed,
        f"select model, channel, campaign_id, {money}, spend, {column} from attribution "
        f"where ({column} is null) <> (spend = 0) "
        f"or abs({column} - {ours}) > 1e-9 * (1 + {money} / abs(spend)) limit 5",
    )
    assert rows == []


def test_a_row_says_what_it_is_of(attributed):
    """Dimensions are set where they are cut by and nowhere else; periods are those of the calendar."""
    stray = " or ".join(f"({d} is not null) <> (cut = '{d}')" for d in DIMENSIONS)
    assert found(attributed, f"select cut, {', '.join(DIMENSIONS)} from attribution where {stray} limit 5") == []
    rows = found(
        attributed,
        "select a.period_grain, a.period_start, a.period_end, a.partial from attribution a cross join run "
        "left join calendar c on c.grain = a.period_grain and c.period_start = a.period_start "
        "where a.period_end is distinct from c.period_end or a.partial is distinct from c.partial "
        "or a.as_of <> run.as_of limit 5",
    )
    assert rows == []


def test_the_comparison_of_cells_has_substance(attributed):
    sums = ", ".join(f"sum(e.{c})" for c in ("conversions", "revenue", "opportunities", "pipeline", "spend"))
    touched = "from pair where channel <> 'unattributed'"
    for model, *whole in found(attributed, f"select model, {sums} {touched} group by all"):
        assert min(whole) > 0, model


# --- all deals won ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_channels_compare_as_over_all_deals_won(attributed, model):
    rows = found(
        attributed,
        "with ours as (select channel, sum(money) as money from credited "
        "where grain = 'ever' and model = $model group by all) "
        f"select channel, e.money, m.{model} from ours e full join attribution_comparison m using (channel) "
        f"where {apart('e.money', f'm.{model}', '(select sum(money) from ours)')} order by all",
        {"model": model},
    )
    assert rows == []


def test_channels_compare_by_their_touches(attributed):
    ours = found(
        attributed,
        "with won as (select * from journey where purpose = 'revenue') "
        "select channel, count(*), count(*) filter (where touch_id in (select touch_id from won)), "
        "(select count(distinct opportunity_id) from won where won.channel = x.channel) "
        "from touchpoints x group by all "
        "union all select 'unattributed', null, null, null order by all",
    )
    theirs = "select channel, touches, touches_in_window, journeys from attribution_comparison order by all"
    assert found(attributed, theirs) == ours


def test_models_found_the_same(attributed):
    same = " and ".join(f"e.{c} is not distinct from m.{c}" for c in ("model", "measure", "state", "next_state"))
    differ = f"e.model is null or m.model is null or e.n is distinct from m.n or {unequal('e.value', 'm.value')}"
    rows = found(
        attributed,
        "select e, m from (select * from fitted where purpose = 'revenue') e "
        f"full join attribution_diagnostics m on {same} where {differ} order by all",
    )
    assert rows == []


def test_paths_are_those_of_the_deals_won(attributed):
    ours = """
    with stop as (
      select opportunity_id, channel, min(place) as place, count(*) as touches, min(occurred_at) as occurred_at
      from journey where purpose = 'revenue' group by all
    ), travelled as (
      select opportunity_id, string_agg(channel, ' > ' order by place) as path, sum(touches) as touches,
             min(occurred_at) as started_at
      from stop group by all
    )
    select coalesce(t.path, 'unattributed') as path, count(*) as conversions, sum(c.amount) as revenue,
           avg(coalesce(t.touches, 0)) as touches,
           avg((epoch_us(c.converted_at) - epoch_us(t.started_at)) / 86400e6) as days
    from conversion c left join travelled t using (opportunity_id)
    where c.purpose = 'revenue'
    group by all
    """
    figures = {"revenue": "revenue", "touches": "touches", "days": "days", "steps": "touches"}
    differ = " or ".join(unequal(f"e.{our}", f"m.{their}") for their, our in figures.items())
    ranked = f"select *, row_number() over (order by conversions desc, revenue desc, path) as rank from ({ours})"
    rows = found(
        attributed,
        f"select path, e, m from ({ranked}) e full join attribution_paths m using (path) "
        "where e.conversions is distinct from m.conversions or e.rank is distinct from m.rank "
        f"or {differ} order by all",
    )
    assert rows == []


# --- touches ----------------------------------------------------------------------------------------------------------

SHOWN = f"""
select j.* from journey j cross join run
where j.purpose = 'revenue' and (j.amount >= {LARGE} or j.converted_at >= run.as_of - interval 3 month)
"""
# Touches alike in time, channel and campaign are interchangeable: their shares are compared by size.
ALIKE = "opportunity_id, occurred_at, channel, campaign"
SHARES = f"""
with ours as (
  select opportunity_id, occurred_at, channel, coalesce(campaign_id, '') as campaign, share
  from ({SHOWN}) join (select purpose, opportunity_id, place, model, share from touch_share)
  using (purpose, opportunity_id, place) where model = '{{model}}'
), theirs as (
  select opportunity_id, touched_at::timestamp as occurred_at, channel, coalesce(campaign_id, '') as campaign,
         {{model}} as share
  from attribution_touches
)
select {ALIKE}, e.share, m.share
from (select *, row_number() over (partition by {ALIKE} order by share) as nth from ours) e
full join (select *, row_number() over (partition by {ALIKE} order by share) as nth from theirs) m using ({ALIKE}, nth)
"""


def test_every_touch_of_recent_and_large_deals_is_shown_and_no_other(attributed):
    same = "opportunity_id, account_id, channel, campaign_id, contact_id, kind"
    ours = f"select {same}, converted_at, occurred_at, round(amount, 6) from ({SHOWN})"
    theirs = f"select {same}, converted_at::timestamp, touched_at::timestamp, round(value, 6) from attribution_touches"
    assert found(attributed, f"({ours}) except all ({theirs}) limit 5") == []
    assert found(attributed, f"({theirs}) except all ({ours}) limit 5") == []
    assert found(attributed, "select count(distinct opportunity_id) > 1 from attribution_touches") == [(True,)]


@pytest.mark.parametrize("model", JOURNEY_MODELS)
def test_a_touch_has_its_share(attributed, model):
    differ = apart("e.share", "m.share", of="1")
    rows = found(attributed, f"{SHARES.format(model=model)} where {differ} order by all")
    assert not rows, f"{len(rows)} shares differ (expected, published), as {rows[:5]}"
