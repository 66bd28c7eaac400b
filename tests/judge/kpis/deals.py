"""Pipeline and deals: created by day of creation, closed by day of closing, open as at the cutoff."""

from cube import Kpi, abm_only, family, placed, ratio, total

DAYS_PER_MONTH = 30.4375

CREATED = placed("""
select p.grain, p.period_start, d.account_id, 1 as created, d.amount_created, d.tcv_created,
       d.amount_created * (d.origin = 'abm')::int as abm_created,
       d.amount_created * d.marketing_sourced::int as marketing_created
from period p join deal d on d.created_at >= p.period_start and d.created_at < p.cutoff
""")

OPEN = placed("""
select p.grain, p.period_start, d.account_id, d.amount_created as open_amount, d.amount_created * d.probability as weighted_amount,
       d.advanced::int as advanced
from period p join deal d on d.created_at < p.cutoff and (d.closed_at is null or d.closed_at >= p.cutoff)
""")

CLOSED = placed("""
select p.grain, p.period_start, d.account_id, 1 as closed, d.amount_closed, d.tcv_closed, d.won, d.cycle_days
from period p join deal d on d.closed_at >= p.period_start and d.closed_at < p.cutoff
""")

TRAILING_YEAR = placed("""
select p.grain, p.period_start, d.account_id, 1 as won_12m, d.amount_closed as won_amount_12m, d.cycle_days as won_days_12m
from period p join deal d on d.closed_at >= p.cutoff - interval 12 month and d.closed_at < p.cutoff
where d.won
""")

QUALIFIED = placed("""
select p.grain, p.period_start, d.account_id, epoch_us(d.qualified_at) / 86400e6 - epoch_us(f.first_inbound) / 86400e6 as days_to_qualify
from period p
join deal d on d.qualified_at >= p.period_start and d.qualified_at < p.cutoff
join (
  select account_id, min(occurred_at) as first_inbound from touchpoints where direction = 'inbound' group by account_id
) f on f.account_id = d.account_id and f.first_inbound <= d.qualified_at
""")

ENGAGED = placed("select grain, period_start, account_id, 1 as engaged from account_activity where inbound_touches > 0")

AGGREGATES = {
    "created": total("created"),
    "amount_created": total("amount_created"),
    "tcv_created": total("tcv_created"),
    "abm_created": total("abm_created"),
    "marketing_created": total("marketing_created"),
    "open_amount": total("open_amount"),
    "weighted_amount": total("weighted_amount"),
    "advanced": total("advanced"),
    "closed": total("closed"),
    "closed_amount": total("amount_closed"),
    "won": "count(*) filter (where won)",
    "won_amount": total("amount_closed", "won"),
    "won_tcv": total("tcv_closed", "won"),
    "cycle": "avg(cycle_days) filter (where won)",
    "won_cycles": "list(cycle_days) filter (where won)",
    "abm_cycle": "avg(cycle_days) filter (where won and leaves.program = 'abm')",
    "rest_cycle": "avg(cycle_days) filter (where won and leaves.program <> 'abm')",
    "abm_size": "avg(amount_closed) filter (where won and leaves.program = 'abm')",
    "rest_size": "avg(amount_closed) filter (where won and leaves.program <> 'abm')",
    "size_12m": "avg(won_amount_12m)",
    "cycle_12m": "avg(won_days_12m)",
    "qualify_days": "avg(days_to_qualify)",
    "engaged": total("engaged"),
}

KPIS = [
    ratio("account_to_opportunity_rate", "created", "engaged"),
    Kpi("opportunities_created", "created"),
    Kpi("pipeline_created", "amount_created"),
    Kpi("tcv_created", "tcv_created"),
    Kpi("open_pipeline", "open_amount"),
    Kpi("weighted_pipeline", "weighted_amount"),
    Kpi("abm_pipeline_share", abm_only("abm_created / nullif(amount_created, 0)"), "abm_created", "amount_created"),
    ratio("marketing_pipeline_contribution", "marketing_created", "amount_created"),
    Kpi("pipeline_velocity", f"advanced * size_12m / nullif(cycle_12m / {DAYS_PER_MONTH}, 0)"),
    Kpi("engagement_to_opportunity_days", "qualify_days"),
    Kpi("sales_cycle_days", "cycle"),
    Kpi("sales_cycle_days_median", "list_aggregate(won_cycles, 'quantile_cont', 0.5)"),
    Kpi("sales_cycle_days_p90", "list_aggregate(won_cycles, 'quantile_cont', 0.9)"),
    Kpi("sales_cycle_reduction", abm_only("1 - abm_cycle / nullif(rest_cycle, 0)")),
    ratio("average_deal_size", "won_amount", "won"),
    Kpi("deal_size_uplift", abm_only("abm_size / nullif(rest_size, 0)")),
    ratio("win_rate", "won", "closed"),
    ratio("win_rate_value", "won_amount", "closed_amount"),
    Kpi("tcv_won", "won_tcv"),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [CREATED, OPEN, CLOSED, TRAILING_YEAR, QUALIFIED, ENGAGED], AGGREGATES, KPIS)
