"""Revenue, cost and return. Cost is allocated month by month before any cut is made."""

from pathlib import Path

from cube import DIMENSIONS, OF_MONTHLY_DATA, Kpi, abm_only, family, placed, ratio, total

ALLOCATION = (Path(__file__).parent / "allocation.sql").read_text()

# Cost that found no account keeps the dimensions of its own spend row.
COST = f"""
select c.grain, c.period_start, {", ".join(f"coalesce(a.{d}, c.own_{d}, '(unknown)') as {d}" for d in DIMENSIONS)},
       c.channel,
       c.amount * c.in_period::int as cost,
       c.amount * (c.in_period and c.spend_program = 'abm')::int as abm_cost,
       c.amount * (c.in_period and c.nature = 'direct')::int as direct_cost,
       c.amount * (c.in_period and c.nature = 'indirect')::int as indirect_cost,
       c.amount * c.in_trailing_year::int as cost_12m
from (
  select p.grain, p.period_start, s.*,
         s.month >= p.period_start as in_period,
         s.month >= p.cutoff - interval 12 month as in_trailing_year
  from period p join allocated_spend s on s.month < p.cutoff
) c
left join account_period a using (grain, period_start, account_id)
where c.in_period or c.in_trailing_year
"""

REVENUE = placed("""
select p.grain, p.period_start, r.account_id,
       coalesce(sum(r.amount * x.rate) filter (where r.month >= p.period_start), 0) as revenue,
       coalesce(sum(r.amount * x.rate) filter (where r.month >= p.cutoff - interval 12 month), 0) as revenue_12m,
       (revenue_12m <> 0)::int as revenue_accounts_12m,
       coalesce(sum(r.amount * x.rate * r.gross_margin) filter (where r.month >= p.cutoff - interval 12 month), 0) as margin_12m,
       coalesce(sum(r.amount * x.rate) filter (
         where r.month >= p.cutoff - interval 12 month and r.kind in ('reference', 'co_innovation', 'partnership')
       ), 0) as beyond_12m
from period p
join revenue r on r.month < p.cutoff
join fx_rates x on x.currency = r.currency and x.day = r.month
group by p.grain, p.period_start, r.account_id
""")

DEALS = placed("""
select p.grain, p.period_start, d.account_id,
       case when d.won and d.closed_at >= p.period_start and d.closed_at < p.cutoff then d.amount_closed end as won_amount,
       case when d.created_at >= p.period_start and d.created_at < p.cutoff then d.amount_created end as pipeline,
       pipeline * (d.origin = 'abm')::int as abm_pipeline
from period p cross join deal d
where won_amount is not null or pipeline is not null
""")

CUSTOMERS = placed("""
select p.grain, p.period_start, b.account_id,
       (b.entered_at >= p.period_start)::int as new_customers,
       (b.entered_at >= p.cutoff - interval 12 month)::int as new_customers_12m
from period p join first_entry b on b.entered_at < p.cutoff
where b.stage = 'customer'
""")

ENGAGED = placed("select grain, period_start, account_id, 1 as engaged from account_activity where inbound_touches > 0")

POTENTIAL = placed("select grain, period_start, account_id, potential_value from account_period where potential_value is not null")

MQAS = placed("""
select p.grain, p.period_start, b.account_id, 1 as mqas
from period p join first_entry b on b.entered_at >= p.period_start and b.entered_at < p.cutoff
where b.stage = 'mqa'
""")

QUALIFIED = placed("""
select p.grain, p.period_start, d.account_id, 1 as qualified
from period p join deal d on d.qualified_at >= p.period_start and d.qualified_at < p.cutoff
""")

ADS = placed("""
select p.grain, p.period_start, d.account_id, d.cost * x.rate as ad_cost, d.clicks as ad_clicks
from period p
join ad_stats d on d.day >= p.period_start and d.day < p.cutoff
join fx_rates x on x.currency = d.currency and x.day = d.day
""")

CONTRACTS = placed("""
select p.grain, p.period_start, k.account_id, k.end_on >= p.period_start as ended,
       k.end_on >= p.cutoff - interval 12 month as ended_12m, k.outcome <> 'churned' as retained, k.at_risk,
       k.arr, k.renewed_arr, least(k.renewed_arr, k.arr) as kept_arr
from period p join ended_contract k on k.end_on < p.cutoff
""")

ABM = "leaves.program = 'abm'"
REST = "leaves.program <> 'abm'"


def clv_parts(prefix: str, condition: str) -> dict[str, str]:
    """What CLV is made of, over the leaves for which the condition holds."""
    return {
        f"{prefix}revenue_12m": total("revenue_12m", condition),
        f"{prefix}revenue_accounts_12m": total("revenue_accounts_12m", condition),
        f"{prefix}cost_12m": total("cost_12m", condition),
        f"{prefix}new_customers_12m": total("new_customers_12m", condition),
        f"{prefix}contracts_12m": f"count(*) filter (where ended_12m and {condition})",
        f"{prefix}retained_12m": f"count(*) filter (where ended_12m and retained and {condition})",
        f"{prefix}retained_arr_12m": total("arr", f"ended_12m and retained and {condition}"),
        f"{prefix}retained_renewed_12m": total("renewed_arr", f"ended_12m and retained and {condition}"),
    }


def clv(prefix: str = "") -> str:
    return (
        f"({prefix}revenue_12m / nullif({prefix}revenue_accounts_12m, 0) "
        f"* {prefix}retained_12m / nullif({prefix}contracts_12m, 0) "
        f"* {prefix}retained_renewed_12m / nullif({prefix}retained_arr_12m, 0) "
        f"- {prefix}cost_12m / nullif({prefix}new_customers_12m, 0))"
    )


AGGREGATES = {
    "revenue": total("revenue"),
    "abm_revenue": total("revenue", "leaves.program = 'abm'"),
    "cost": total("cost"),
    "abm_cost": total("abm_cost"),
    "direct_cost": total("direct_cost"),
    "indirect_cost": total("indirect_cost"),
    "engaged": total("engaged"),
    "potential": total("potential_value"),
    "mqas": total("mqas"),
    "qualified": total("qualified"),
    "ad_cost": total("ad_cost"),
    "ad_clicks": total("ad_clicks"),
    "won_amount": total("won_amount"),
    "pipeline": total("pipeline"),
    "abm_pipeline": total("abm_pipeline"),
    "new_customers": total("new_customers"),
    "contracts": "count(*) filter (where ended)",
    "contracts_retained": "count(*) filter (where ended and retained)",
    "retained_arr": total("arr", "ended and retained"),
    "retained_renewed": total("renewed_arr", "ended and retained"),
    "arr": total("arr", "ended"),
    "renewed": total("renewed_arr", "ended"),
    "kept": total("kept_arr", "ended"),
    "protected": total("renewed_arr", "ended and at_risk"),
    "margin_12m": total("margin_12m"),
    "beyond_12m": total("beyond_12m"),
    **clv_parts("", "true"),
    **clv_parts("abm_", ABM),
    **clv_parts("rest_", REST),
}

ABM_PIPELINE_SHARE = "abm_pipeline / nullif(pipeline, 0)"
ABM_INVESTMENT_SHARE = "abm_cost / nullif(cost, 0)"
CAC = "cost / nullif(new_customers, 0)"
CLV = clv()
# Mean revenue, what is left of it, over the share of customers lost.
CLV_MARGIN = (
    "revenue_12m / nullif(revenue_accounts_12m, 0) * (margin_12m / nullif(revenue_12m, 0)) "
    "/ nullif((contracts_12m - retained_12m) / nullif(contracts_12m, 0), 0)"
)

KPIS = [
    Kpi("revenue", "revenue", grains=OF_MONTHLY_DATA),
    Kpi("abm_revenue", "abm_revenue", grains=OF_MONTHLY_DATA),
    Kpi("abm_revenue_share", abm_only("abm_revenue / nullif(revenue, 0)"), "abm_revenue", "revenue", grains=OF_MONTHLY_DATA),
    Kpi("cost_total", "cost", grains=OF_MONTHLY_DATA),
    Kpi("cost_direct", "direct_cost", grains=OF_MONTHLY_DATA),
    Kpi("cost_indirect", "indirect_cost", grains=OF_MONTHLY_DATA),
    ratio("cost_per_engaged_account", "cost", "engaged", grains=OF_MONTHLY_DATA),
    ratio("cost_to_potential", "cost", "potential", grains=OF_MONTHLY_DATA),
    ratio("cost_per_mqa", "cost", "mqas", grains=OF_MONTHLY_DATA),
    ratio("cost_per_qualified_opportunity", "cost", "qualified", grains=OF_MONTHLY_DATA),
    ratio("cost_per_click", "ad_cost", "ad_clicks"),
    ratio("pipeline_per_euro", "pipeline", "cost", grains=OF_MONTHLY_DATA),
    Kpi("abm_investment_share", abm_only(ABM_INVESTMENT_SHARE), "abm_cost", "cost", grains=OF_MONTHLY_DATA),
    Kpi(
        "pipeline_to_investment_index",
        abm_only(f"{ABM_PIPELINE_SHARE} / nullif({ABM_INVESTMENT_SHARE}, 0)"),
        grains=OF_MONTHLY_DATA,
    ),
    Kpi("roi", "(won_amount - cost) / nullif(cost, 0)", grains=OF_MONTHLY_DATA),
    Kpi("cac", CAC, grains=OF_MONTHLY_DATA),
    Kpi("clv", CLV, grains=OF_MONTHLY_DATA),
    Kpi("clv_to_cac", f"{CLV} / nullif({CAC}, 0)", grains=OF_MONTHLY_DATA),
    Kpi("cac_to_clv", f"{CAC} / nullif({CLV}, 0)", grains=OF_MONTHLY_DATA),
    Kpi("clv_uplift", abm_only(f"{clv('abm_')} / nullif({clv('rest_')}, 0)"), grains=OF_MONTHLY_DATA),
    Kpi("clv_margin", CLV_MARGIN, grains=OF_MONTHLY_DATA),
    Kpi("extended_clv", f"{CLV} + beyond_12m / nullif(revenue_accounts_12m, 0)", grains=OF_MONTHLY_DATA),
    ratio("churn_rate", "contracts - contracts_retained", "contracts"),
    ratio("expansion_rate", "retained_renewed", "retained_arr"),
    ratio("retention_rate", "contracts_retained", "contracts"),
    ratio("net_revenue_retention", "renewed", "arr"),
    ratio("gross_revenue_retention", "kept", "arr"),
    Kpi("renewal_revenue_protected", "protected"),
]


def relation(con):
    """The rows of this family at all cuts."""
    con.execute(ALLOCATION)
    return family(con, [COST, REVENUE, DEALS, CUSTOMERS, CONTRACTS, ENGAGED, POTENTIAL, MQAS, QUALIFIED, ADS], AGGREGATES, KPIS)
