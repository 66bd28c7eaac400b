"""Engagement: every account counts, on the target list or not."""

from cube import DIMS, Kpi, family, placed, ratio, total

BANDS = {"saas": (75, 45), "healthtech": (60, 35), "fintech": (80, 50)}
OTHER_INDUSTRIES = BANDS["saas"]

# An account of the snapshot has a score in every period; one that is missing there has one where it was touched.
SCORES = placed("""
select grain, period_start, account_id,
       coalesce(touch_points, 0) as touch,
       2.0 * coalesce(engaged_contacts, 0) as reach,
       1.5 * coalesce(content_consumed, 0) as content,
       3.0 * coalesce(intent_touches, 0) as intent,
       touch + reach + content + intent as score,
       coalesce(simple_points, 0) as simple_points,
       coalesce(inbound_touches, 0) as inbound_touches
from (select grain, period_start, account_id from account_period) full join account_activity using (grain, period_start, account_id)
""")


def threshold(position: int) -> str:
    cases = " ".join(f"when '{industry}' then {band[position]}" for industry, band in BANDS.items())
    return f"case industry {cases} else {OTHER_INDUSTRIES[position]} end"


ACCOUNTS = f"""
select grain, period_start, {DIMS}, 1 as accounts, score,
       (score > {threshold(0)})::int as hot,
       (score < {threshold(1)})::int as cold,
       (inbound_touches > 0)::int as engaged,
       (simple_points >= 5)::int as highly_engaged
from ({SCORES})
"""

CONTACTS = placed("""
select grain, period_start, k.account_id, 1 as engaged_contacts, c.inbound_touches as contact_touches, c.visited::int as visitors
from contact_activity c join contact_period k using (grain, period_start, contact_id)
where c.engaged
""")

TOUCHES = placed("""
select grain, period_start, account_id, kind, inbound, is_content, is_quality, requested, consumed,
       case when channel = 'web' then duration_s end as web_seconds
from period_touch
""")

# Outbound touches that were followed by an inbound one, whoever answered; later in time, not at the same moment.
ANSWERED = placed("""
select p.grain, p.period_start, o.account_id, (epoch_us(i.occurred_at) - epoch_us(o.occurred_at)) / 3600e6 as hours_to_answer
from (select account_id, occurred_at from touchpoints where direction = 'outbound') o
asof join (select account_id, occurred_at from touchpoints where direction = 'inbound') i
  on i.account_id = o.account_id and o.occurred_at < i.occurred_at
join period p on o.occurred_at >= p.period_start and o.occurred_at < p.cutoff
""")

# The last score known at the end of the period, and at the end of the one before.
HEALTH = placed("""
select p.grain, p.period_start, h.account_id, max_by(h.score, h.day) as health,
       max_by(h.score, h.day) filter (where h.day < p.period_start) as health_before
from period p join account_health h on h.day < p.cutoff
group by p.grain, p.period_start, h.account_id
""")

ADS = placed("""
select p.grain, p.period_start, x.account_id, x.clicks, x.impressions
from period p join ad_stats x on x.day >= p.period_start and x.day < p.cutoff
""")

AGGREGATES = {
    "accounts": total("accounts"),
    "score": total("score"),
    "hot": total("hot"),
    "cold": total("cold"),
    "engaged": total("engaged"),
    "highly_engaged": total("highly_engaged"),
    "contact_touches": total("contact_touches"),
    "engaged_contacts": total("engaged_contacts"),
    "consumed": total("consumed", "is_content"),
    "consumed_rows": "count(consumed) filter (where is_content)",
    "content_touches": "count(*) filter (where is_content)",
    "visitors": total("visitors"),
    "web_seconds": "avg(web_seconds)",
    "inbound": "count(*) filter (where inbound)",
    "quality": "count(*) filter (where inbound and is_quality)",
    "requested": "count(*) filter (where requested)",
    "social": "count(*) filter (where inbound and kind in ('social_interaction', 'linkedin_interaction'))",
    "downloads": "count(*) filter (where kind in ('download', 'premium_download'))",
    "forms": "count(*) filter (where kind = 'form_submit')",
    "emails_clicked": "count(*) filter (where kind = 'email_click')",
    "emails_replied": "count(*) filter (where kind = 'email_reply')",
    "answer_hours": "avg(hours_to_answer)",
    "health": "avg(health)",
    "health_before": "avg(health_before)",
    "passed_on": "count(*) filter (where kind in ('forward', 'share', 'internal_mention'))",
    "emails_sent": "count(*) filter (where kind = 'email_sent')",
    "emails_opened": "count(*) filter (where kind = 'email_open')",
    "participations": "count(*) filter (where kind in ('webinar', 'event', 'exclusive_event'))",
    "clicks": total("clicks"),
    "impressions": total("impressions"),
}

KPIS = [
    Kpi("account_engagement_score", "score / nullif(accounts, 0)"),
    Kpi("hot_accounts", "hot"),
    Kpi("warm_accounts", "accounts - hot - cold"),
    Kpi("cold_accounts", "cold"),
    Kpi("engaged_accounts", "engaged"),
    Kpi("highly_engaged_accounts", "highly_engaged", grains=("month",)),
    ratio("engagement_depth", "contact_touches", "engaged_contacts"),
    Kpi("content_consumption_rate", "consumed / nullif(consumed_rows, 0)"),
    Kpi("virality_score", "100.0 * passed_on / nullif(content_touches, 0)"),
    ratio("email_open_rate", "emails_opened", "emails_sent"),
    ratio("email_click_rate", "emails_clicked", "emails_sent"),
    ratio("email_reply_rate", "emails_replied", "emails_sent"),
    Kpi("event_participations", "participations"),
    Kpi("session_duration", "web_seconds"),
    ratio("engagement_quality", "quality", "inbound"),
    Kpi("engagement_response_hours", "answer_hours"),
    Kpi("inbound_requests", "requested"),
    Kpi("social_interactions", "social"),
    Kpi("unique_visitors", "visitors"),
    Kpi("downloads", "downloads"),
    Kpi("form_submits", "forms"),
    Kpi("account_health", "health"),
    Kpi("account_health_change", "health - health_before"),
    ratio("ad_click_through_rate", "clicks", "impressions"),
]


def relation(con):
    """The rows of this family at all cuts."""
    return family(con, [ACCOUNTS, CONTACTS, TOUCHES, ANSWERED, HEALTH, ADS], AGGREGATES, KPIS)
