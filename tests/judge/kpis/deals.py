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
       d.advanced::int as advanced, coalesce(d.qualified_at < p.cutoff, false)::int as open_qualified
from period p join deal d on d.created_at < p.cutoff and (d.closed_at is null or d.closed_at >= p.cutoff)
""")

CLOSED = placed("""
select p.grain, p.period_start, d.account_id, 1 as closed, d.amount_closed, d.tcv_closed, d.won, d.cycle_days,
       date_diff('day', d.closed_at::date, d.expected_close_on) as days_ahead,
       exists (
         select 1 from touchpoints x join campaigns c using (campaign_id)
         where c.kind = 'personalised' and x.account_id = d.account_id
           and x.occurred_at >= d.closed_at - interval 24 month and x.occurred_at < d.closed_at
       ) as influenced
from period p join deal d on d.closed_at >= p.period_start and d.closed_at < p.cutoff
""")

TRAILING_YEAR = placed("""
select p.grain, p.period_start, d.account_id, 1 as closed_12m, d.won::int as won_12m,
       case when d.won then d.amount_closed end as won_amount_12m, case when d.won then d.cycle_days end as won_days_12m
from period p join deal d on d.closed_at >= p.cutoff - interval 12 month and d.closed_at < p.cutoff
""")

# Every deal qualified so far; those of the period are told apart.
QUALIFIED = placed("""
select p.grain, p.period_start, d.account_id, d.qualified_at >= p.period_start as qualified_now, d.origin = 'abm' as of_abm,
       epoch_us(d.qualified_at) as qualified_us,
       epoch_us(d.qualified_at) / 86400e6 - epoch_us(f.first_inbound) / 86400e6 as days_to_qualify
from period p
join deal d on d.qualified_at < p.cutoff
join (
  select account_id, min(occurred_at) as first_inbound from touchpoints where direction = 'inbound' group by account_id
) f on f.account_id = d.account_id and f.first_inbound <= d.qualified_at
""")

# The newest ten, of equally new ones the shortest.
LAST_TEN = (
    "list_transform(list_sort(list({'age': -qualified_us, 'days': days_to_qualify}) "
    "filter (where of_abm and days_to_qualify is not null))[1:10], lambda each: each.days)"
)

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
    "open_qualified": total("open_qualified"),
    "closed": total("closed"),
    "closed_amount": total("amount_closed"),
    "won": "count(*) filter (where won)",
    "won_amount": total("amount_closed", "won"),
    "won_tcv": total("tcv_closed", "won"),
    "influenced_tcv": total("tcv_closed", "won and influenced"),
    "days_ahead": "avg(days_ahead) filter (where won)",
    "abm_won": "count(*) filter (where won and leaves.program = 'abm')",
    "abm_closed": total("closed", "leaves.program = 'abm'"),
    "rest_won": "count(*) filter (where won and leaves.program <> 'abm')",
    "rest_closed": total("closed", "leaves.program <> 'abm'"),
    "abm_tcv": "avg(tcv_closed) filter (where won and leaves.program = 'abm')",
    "rest_tcv": "avg(tcv_closed) filter (where won and leaves.program <> 'abm')",
    "cycle": "avg(cycle_days) filter (where won)",
    "won_cycles": "list(cycle_days) filter (where won)",
    "abm_cycle": "avg(cycle_days) filter (where won and leaves.program = 'abm')",
    "rest_cycle": "avg(cycle_days) filter (where won and leaves.program <> 'abm')",
    "abm_size": "avg(amount_closed) filter (where won and leaves.program = 'abm')",
    "rest_size": "avg(amount_closed) filter (where won and leaves.program <> 'abm')",
    "won_12m": total("won_12m"),
    "closed_12m": total("closed_12m"),
    "size_12m": "avg(won_amount_12m)",
    "cycle_12m": "avg(won_days_12m)",
    "qualify_days": "avg(days_to_qualify) filter (where qualified_now)",
    "last_ten": LAST_TEN,
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
    Kpi("advanced_deals", "advanced"),
    Kpi("open_qualified_deals", "open_qualified"),
    ratio("trailing_win_rate", "won_12m", "closed_12m"),
    Kpi("trailing_deal_size", "size_12m"),
    Kpi("trailing_cycle_days", "cycle_12m"),
    Kpi("sales_velocity", "open_qualified * (won_12m / nullif(closed_12m, 0)) * size_12m / nullif(cycle_12m, 0)"),
    Kpi("pipeline_acceleration", "1 - cycle / nullif(cycle_12m, 0)"),
    Kpi("pipeline_acceleration_vs_forecast", "days_ahead"),
    Kpi("engagement_to_opportunity_days", "qualify_days"),
    Kpi("engagement_to_opportunity_days_last10", "list_avg(last_ten)"),
    Kpi("sales_cycle_days", "cycle"),
    Kpi("sales_cycle_days_median", "list_aggregate(won_cycles, 'quantile_cont', 0.5)"),
    Kpi("sales_cycle_days_p90", "list_aggregate(won_cycles, 'quantile_cont', 0.9)"),
    Kpi("sales_cycle_reduction", abm_only("1 - abm_cycle / nullif(rest_cycle, 0)")),
    ratio("average_deal_size", "won_amount", "won"),
    Kpi("deal_size_uplift", abm_only("abm_size / nullif(rest_size, 0)")),
    ratio("win_rate", "won", "closed"),
    ratio("win_rate_value", "won_amount", "closed_amount"),
    Kpi("win_rate_uplift", abm_only("abm_won / nullif(abm_closed, 0) / nullif(rest_won / nullif(rest_closed, 0), 0)")),
    Kpi("tcv_won", "won_tcv"),
    Kpi("tcv_uplift", abm_only("abm_tcv / nullif(rest_tcv, 0)")),
    Kpi("tcv_influenced", "influenced_tcv"),
    ratio("tcv_influenced_share", "influenced_tcv", "won_tcv"),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [CREATED, OPEN, CLOSED, TRAILING_YEAR, QUALIFIED, ENGAGED], AGGREGATES, KPIS)
