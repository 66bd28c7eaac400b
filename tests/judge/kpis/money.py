"""Revenue, cost and return. Cost is allocated month by month before any cut is made."""

from pathlib import Path

from cube import DIMENSIONS, OF_MONTHLY_DATA, Kpi, abm_only, family, placed, ratio, total

ALLOCATION = (Path(__file__).parent / "allocation.sql").read_text()

# Cost that found no account keeps the dimensions of its own spend row.
COST = f"""
select c.grain, c.period_start, {", ".join(f"coalesce(a.{d}, c.own_{d}, '(unknown)') as {d}" for d in DIMENSIONS)},
       c.amount * c.in_period::int as cost,
       c.amount * (c.in_period and c.spend_program = 'abm')::int as abm_cost,
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
       (revenue_12m <> 0)::int as revenue_accounts_12m
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

CONTRACTS = placed("""
select p.grain, p.period_start, k.account_id, k.end_on >= p.period_start as ended,
       k.end_on >= p.cutoff - interval 12 month as ended_12m, k.outcome <> 'churned' as retained, k.at_risk,
       k.arr, k.renewed_arr, least(k.renewed_arr, k.arr) as kept_arr
from period p join ended_contract k on k.end_on < p.cutoff
""")

AGGREGATES = {
    "revenue": total("revenue"),
    "abm_revenue": total("revenue", "leaves.program = 'abm'"),
    "cost": total("cost"),
    "abm_cost": total("abm_cost"),
    "won_amount": total("won_amount"),
    "pipeline": total("pipeline"),
    "abm_pipeline": total("abm_pipeline"),
    "new_customers": total("new_customers"),
    "contracts": "count(*) filter (where ended)",
    "contracts_retained": "count(*) filter (where ended and retained)",
    "arr": total("arr", "ended"),
    "renewed": total("renewed_arr", "ended"),
    "kept": total("kept_arr", "ended"),
    "protected": total("renewed_arr", "ended and at_risk"),
    "cost_12m": total("cost_12m"),
    "revenue_12m": total("revenue_12m"),
    "revenue_accounts_12m": total("revenue_accounts_12m"),
    "new_customers_12m": total("new_customers_12m"),
    "contracts_12m": "count(*) filter (where ended_12m)",
    "retained_12m": "count(*) filter (where ended_12m and retained)",
    "retained_arr_12m": total("arr", "ended_12m and retained"),
    "retained_renewed_12m": total("renewed_arr", "ended_12m and retained"),
}

ABM_PIPELINE_SHARE = "abm_pipeline / nullif(pipeline, 0)"
ABM_INVESTMENT_SHARE = "abm_cost / nullif(cost, 0)"
CAC = "cost / nullif(new_customers, 0)"
CLV = (
    "(revenue_12m / nullif(revenue_accounts_12m, 0) * retained_12m / nullif(contracts_12m, 0) "
    "* retained_renewed_12m / nullif(retained_arr_12m, 0) - cost_12m / nullif(new_customers_12m, 0))"
)

KPIS = [
    Kpi("revenue", "revenue", grains=OF_MONTHLY_DATA),
    Kpi("abm_revenue", "abm_revenue", grains=OF_MONTHLY_DATA),
    Kpi("abm_revenue_share", abm_only("abm_revenue / nullif(revenue, 0)"), "abm_revenue", "revenue", grains=OF_MONTHLY_DATA),
    Kpi("cost_total", "cost", grains=OF_MONTHLY_DATA),
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
    ratio("retention_rate", "contracts_retained", "contracts"),
    ratio("net_revenue_retention", "renewed", "arr"),
    ratio("gross_revenue_retention", "kept", "arr"),
    Kpi("renewal_revenue_protected", "protected"),
]


def relation(con):
    """The rows of this family at all cuts."""
    con.execute(ALLOCATION)
    return family(con, [COST, REVENUE, DEALS, CUSTOMERS, CONTRACTS], AGGREGATES, KPIS)
