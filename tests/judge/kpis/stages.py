"""The stages of a sale: who goes on from each, and how long that takes."""

from cube import Kpi, family, placed, ratio, total

# First entries of each opportunity into each stage that can be left for a later one. Whoever reached a later stage has
# converted; whoever has not is lost once the sale is closed, and immature until then.
SPELLS = """
create or replace table stage_spell as
with last_stage as (select max(position) as position from opportunity_stage_order),
first_entry_into as (
  select e.opportunity_id, e.stage, o.position, min(e.entered_at) as entered_at
  from opportunity_stages e join opportunity_stage_order o using (stage)
  where o.position < (select position from last_stage)
  group by all
)
select f.*, d.account_id,
       exists (
         select 1 from opportunity_stages e join opportunity_stage_order o using (stage)
         where e.opportunity_id = f.opportunity_id and o.position > f.position and e.entered_at >= f.entered_at
       ) as converted,
       exists (
         select 1 from opportunity_stages e
         where e.opportunity_id = f.opportunity_id and e.stage in ('closed_won', 'closed_lost')
       ) as closed,
       (
         select min(e.entered_at) from opportunity_stages e
         where e.opportunity_id = f.opportunity_id and e.stage <> f.stage and e.entered_at > f.entered_at
       ) as left_at
from first_entry_into f
left join opportunities d using (opportunity_id)
"""

ENTERED = placed("""
select p.grain, p.period_start, s.account_id, 1 as entered, s.converted::int as converted,
       (not s.converted and not s.closed)::int as immature
from period p join stage_spell s on s.entered_at >= p.period_start and s.entered_at < p.cutoff
""")

LEFT = placed("""
select p.grain, p.period_start, s.account_id, epoch_us(s.left_at) / 86400e6 - epoch_us(s.entered_at) / 86400e6 as days_in_stage
from period p join stage_spell s on s.left_at >= p.period_start and s.left_at < p.cutoff
""")

AGGREGATES = {
    "entered": total("entered"),
    "converted": total("converted"),
    "immature": total("immature"),
    "days_in_stage": "avg(days_in_stage)",
}

KPIS = [
    ratio(
        "stage_conversion_rate",
        "converted",
        "entered",
        immature="immature",
        mature_value="converted / nullif(entered - immature, 0)",
    ),
    Kpi("stage_days", "days_in_stage"),
]


def relation(con):
    """The rows of this family at all cuts."""
    con.execute(SPELLS)
    return family(con, [ENTERED, LEFT], AGGREGATES, KPIS)
