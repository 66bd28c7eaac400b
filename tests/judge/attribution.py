"""The attribution marts worked out again: who is credited with each conversion, deal by deal and cell by cell.

`attribute` adds to a connection over a lake: `fitted` (what Markov and Shapley found), `touch_share` (of each
journey), `credited` (cell by cell, and for all deals ever won) and `cell` (the mart `attribution`).
`kpis/journeys.sql` says what a journey is, and what places in it are worth.
"""

from cube import DIMENSIONS
from games import conversion_probability, leaving, removal_effects, shapley_values, transitions
from kpis.attribution import JOURNEYS
from kpis.money import ALLOCATION

# These divide each journey by itself.
JOURNEY_MODELS = (
    "first_touch", "last_touch", "linear", "time_decay", "u_shaped_50_50", "position_40_20_40", "position_20_50_30",
    "w_shaped", "full_path", "custom", "markov_journey", "shapley",
)  # fmt: skip
# These look at all journeys of a cell at once. Inside a channel, campaigns share its conversions by the conversions, and
# its money by the money, that the other model credits them with.
CELL_MODELS = {"markov": "markov_journey", "shapley_rate": "shapley"}
MODELS = (*JOURNEY_MODELS, *CELL_MODELS)
LARGE = 1_000_000

# Touches of accounts after their last conversion, none older than two years: journeys that came to nothing yet.
# Conversions without a touch are no journeys: they teach nothing of any channel.
UNFINISHED = """
select 'without ' || x.account_id as journey, x.channel, false as converted, x.occurred_at
from touchpoints x
cross join run
left join (
  select account_id, max(converted_at) as converted_at from conversion where purpose = $purpose group by all
) c using (account_id)
where x.occurred_at >= coalesce(c.converted_at, '-infinity'::timestamp)
  and x.occurred_at >= run.horizon - interval 24 month and x.occurred_at < run.horizon
"""
FINISHED = "select opportunity_id, channel, true, occurred_at from journey where purpose = $purpose"


def attribute(con) -> None:
    """Creates the tables that the marts are compared with."""
    con.execute(ALLOCATION)
    con.execute(JOURNEYS)
    con.execute(
        "create or replace table fitted "
        "(purpose varchar, model varchar, measure varchar, state varchar, next_state varchar, value double, n bigint)"
    )
    for (purpose,) in con.execute("select distinct purpose from conversion order by all").fetchall():
        rows = [(purpose, *row) for row in fit(con, purpose)]
        con.executemany("insert into fitted values (?, ?, ?, ?, ?, ?, ?)", rows)
    con.execute(MARKOV_SHARES)
    con.execute(CREDIT)
    con.execute(MEMBERS)
    con.execute(CREDITED)
    con.execute(SPENT)
    con.execute(CELLS)


def fit(con, purpose: str) -> list[tuple]:
    """What models learn from the journeys of a purpose: (model, measure, state, next_state, value, n)."""
    journeys = con.execute(
        "select list(channel order by occurred_at, channel), any_value(converted) "
        f"from ({UNFINISHED} union all {FINISHED}) group by journey",
        {"purpose": purpose},
    ).fetchall()
    journeys = [(tuple(steps), converted) for steps, converted in journeys]
    counted = transitions(journeys)
    left = leaving(counted)
    rows = [("conversion_probability", None, None, float(conversion_probability(counted)), None)]
    rows += [("removal_effect", channel, None, float(each), None) for channel, each in removal_effects(counted).items()]
    rows += [("transition", state, after, times / left[state], times) for (state, after), times in counted.items()]
    values = shapley_values(journeys).items()
    return [
        *((model, *row) for model in ("markov", "markov_journey") for row in rows),
        *(("shapley_rate", "shapley_value", channel, None, float(each), None) for channel, each in values),
    ]


# Inside a journey its channels share by their removal effects; where none has any, all touches count alike.
MARKOV_SHARES = """
insert into touch_share
with weighed as (
  select j.*, f.value / count(*) over (partition by j.purpose, j.opportunity_id, j.channel) as weight
  from journey j
  join fitted f on f.purpose = j.purpose and f.state = j.channel
  where f.model = 'markov_journey' and f.measure = 'removal_effect'
)
select purpose, opportunity_id, place, channel, campaign_id, 'markov_journey',
       case when sum(weight) over whole > 0 then weight / sum(weight) over whole else 1 / count(*) over whole end
from weighed
window whole as (partition by purpose, opportunity_id)
"""

CREDIT = f"""
create or replace table credit as
select purpose, opportunity_id, model, channel, campaign_id, sum(share) as share
from touch_share
group by all
union all
select c.purpose, c.opportunity_id, m.model, 'unattributed', null, 1
from conversion c
cross join (select unnest({list(JOURNEY_MODELS)}) as model) m
where not exists (select 1 from journey j where j.purpose = c.purpose and j.opportunity_id = c.opportunity_id)
"""


def in_cuts(columns: str, facts: str) -> str:
    """The facts in every cell that they belong to: once for the total, once for each dimension."""
    cuts = ", ".join(f"{{'cut': '{d}', 'member': {d}}}" for d in DIMENSIONS)
    return f"select {columns}, unnest([{{'cut': 'all', 'member': 'all'}}, {cuts}], recursive := true) from ({facts})"


# Large deals are among those won, and once more by themselves. The last rows are the cell of all deals ever won.
PLACED = f"""
select p.grain, p.period_start, c.*, {", ".join(f"coalesce(a.{d}, '(unknown)') as {d}" for d in DIMENSIONS)},
       unnest(case when c.purpose = 'pipeline' then ['created']
                   when c.amount >= {LARGE} then ['won', 'large'] else ['won'] end) as pool
from period p
join conversion c on c.converted_at >= p.period_start and c.converted_at < p.cutoff
left join account_period a on a.grain = p.grain and a.period_start = p.period_start and a.account_id = c.account_id
where p.grain <> 'week'
"""
MEMBERS = f"""
create or replace table member as
{in_cuts("grain, period_start, pool, purpose, opportunity_id, amount", PLACED)}
union all
select 'ever', run.as_of, 'won', purpose, opportunity_id, amount, 'all', 'all'
from conversion cross join run
where purpose = 'revenue'
"""

CELL = "grain, period_start, cut, member"
BASE = "case model " + " ".join(f"when '{model}' then '{base}'" for model, base in CELL_MODELS.items()) + " end"

CREDITED = f"""
create or replace table credited as
with by_campaign as (
  select {CELL}, pool, purpose, model, channel, campaign_id,
         sum(share) as conversions, sum(share * amount) as money
  from member join credit using (purpose, opportunity_id)
  group by all
), learnt as (
  select purpose, model, {BASE} as base, state as channel, greatest(value, 0) as weight
  from fitted where measure in ('removal_effect', 'shapley_value') and model in {tuple(CELL_MODELS)}
), by_channel as (
  select {CELL}, pool, purpose, l.model, l.base, channel, any_value(l.weight) as weight,
         sum(conversions) as conversions, sum(money) as money
  from by_campaign b join learnt l using (purpose, channel)
  where b.model = l.base
  group by all
), by_cell as (
  select *,
         case when sum(weight) over whole > 0 then weight / sum(weight) over whole
              else 1 / count(*) over whole end as part,
         sum(conversions) over whole as cell_conversions,
         sum(money) over whole as cell_money
  from by_channel
  window whole as (partition by {CELL}, pool, model)
)
select {CELL}, pool, model, channel, campaign_id, conversions, money from by_campaign
union all
select {CELL}, pool, c.model, channel, b.campaign_id,
       c.part * c.cell_conversions * coalesce(b.conversions / nullif(c.conversions, 0), 0),
       c.part * c.cell_money * coalesce(b.money / nullif(c.money, 0), b.conversions / nullif(c.conversions, 0), 0)
from by_cell c join by_campaign b using ({CELL}, pool, channel)
where b.model = c.base
union all
select {CELL}, pool, l.model, channel, campaign_id, conversions, money
from by_campaign b join (select distinct model, base from learnt) l on b.model = l.base
where channel = 'unattributed'
"""

BORNE = f"""
select p.grain, p.period_start, coalesce(s.channel, 'unattributed') as channel, s.campaign_id, s.amount,
       {", ".join(f"coalesce(a.{d}, s.own_{d}, '(unknown)') as {d}" for d in DIMENSIONS)}
from period p
join allocated_spend s on s.month >= p.period_start and s.month < p.cutoff
left join account_period a on a.grain = p.grain and a.period_start = p.period_start and a.account_id = s.account_id
where p.grain <> 'week'
"""
SPENT = f"create or replace table spent as {in_cuts('grain, period_start, channel, campaign_id, amount', BORNE)}"

CELLS = f"""
create or replace table cell as
with facts as (
  select {CELL}, model, channel, campaign_id, pool, conversions, money from credited where grain <> 'ever'
  union all
  select {CELL}, m.model, channel, campaign_id, 'spent', 0, amount
  from spent cross join (select unnest({list(MODELS)}) as model) m
)
select {CELL}, model, channel, campaign_id,
       coalesce(sum(conversions) filter (where pool = 'won'), 0) as conversions,
       coalesce(sum(money) filter (where pool = 'won'), 0) as revenue,
       coalesce(sum(conversions) filter (where pool = 'created'), 0) as opportunities,
       coalesce(sum(money) filter (where pool = 'created'), 0) as pipeline,
       coalesce(sum(conversions) filter (where pool = 'large'), 0) as large_conversions,
       coalesce(sum(money) filter (where pool = 'large'), 0) as large_revenue,
       coalesce(sum(money) filter (where pool = 'spent'), 0) as spend,
       (revenue - spend) / nullif(spend, 0) as channel_roi,
       (large_revenue - spend) / nullif(spend, 0) as large_roi
from facts
group by all
having conversions <> 0 or opportunities <> 0 or spend <> 0
"""
