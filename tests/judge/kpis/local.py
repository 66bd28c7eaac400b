"""KPIs of single regions: they have figures in the cells of their region and nowhere else."""

from cube import OF_MONTHLY_DATA, Kpi, family, placed, ratio, total

TENURE = placed("""
select grain, period_start, account_id, date_diff('day', customer_since, cutoff) as days_customer
from account_period where customer_since < cutoff
""")

MEETINGS = placed("""
select p.grain, p.period_start, x.account_id, 1 as met, (count(distinct x.occurred_at::date) >= 2)::int as met_again
from period p join touchpoints x on x.occurred_at >= p.cutoff - interval 90 day and x.occurred_at < p.cutoff
where x.kind = 'sales_meeting'
group by p.grain, p.period_start, x.account_id
""")

# Revenue of a month is there when the month is over.
FIRST_REVENUE = placed("""
select p.grain, p.period_start, f.account_id,
       epoch_us((f.month + interval 1 month)::timestamp) / 86400e6 - epoch_us(f.created_at) / 86400e6 as days_to_revenue
from period p
join (
  select d.opportunity_id, d.account_id, d.created_at, min(r.month) as month
  from deal d join revenue r on r.account_id = d.account_id and r.month >= date_trunc('month', d.closed_at)
  where d.won and d.kind = 'new'
  group by all
) f on f.month >= p.period_start and f.month < p.cutoff
""")

WON = placed("""
select p.grain, p.period_start, d.account_id, d.amount_closed as won_amount, d.cycle_days as won_days
from period p join deal d on d.closed_at >= p.cutoff - interval 12 month and d.closed_at < p.cutoff
where d.won
""")

AGGREGATES = {
    "days_customer": total("days_customer"),
    "customers": "count(days_customer)",
    "met": total("met"),
    "met_again": total("met_again"),
    "days_to_revenue": total("days_to_revenue"),
    "deals_with_revenue": "count(days_to_revenue)",
    "won_amount": total("won_amount"),
    "won_days": total("won_days"),
}

KPIS = [
    ratio("apac_relationship_tenure_days", "days_customer", "customers", region="APAC"),
    ratio("apac_repeat_meeting_rate", "met_again", "met", region="APAC"),
    ratio("amer_time_to_revenue_days", "days_to_revenue", "deals_with_revenue", grains=OF_MONTHLY_DATA, region="AMER"),
    ratio("amer_velocity", "won_amount", "won_days", region="AMER"),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [TENURE, MEETINGS, FIRST_REVENUE, WON], AGGREGATES, KPIS)
