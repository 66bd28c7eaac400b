"""Coverage and penetration: only accounts that are on the target list, above and below the line."""

from cube import Kpi, family, ratio, total

COMMITTEE_READY_FROM = 0.6
# Rank of a director.
DECIDES_FROM = 3

ON_LIST = "select grain, period_start, account_id, region, bu, tier, industry, program, listed_on from account_period where on_list"

CONTACTS = f"""
select l.* exclude (listed_on), c.contact_id, c.function, c.seniority, c.country, c.buying_group, c.consent,
       coalesce(w.rank, 0) >= {DECIDES_FROM} as decides, w.rank as seniority_rank, coalesce(act.reached, false) as reached,
       c.in_buying_committee as committee, act.contact_id is not null as touched, coalesce(act.engaged, false) as engaged,
       act90.contact_id is not null as active
from ({ON_LIST}) l
join contact_period c using (grain, period_start, account_id)
left join contact_activity act using (grain, period_start, contact_id)
left join contact_active_90d act90 using (grain, period_start, contact_id)
left join seniority_weights w on w.seniority = c.seniority
"""

STAKEHOLDERS = f"""
select grain, period_start, account_id,
       count(*) filter (where committee) as committee,
       count(*) filter (where committee and engaged) as committee_engaged,
       bool_or(engaged and seniority = 'c_level') as sponsored,
       count(distinct country) as countries,
       count(distinct country) filter (where engaged) as countries_covered,
       count(distinct buying_group) filter (where reached) as groups_reached,
       count(distinct function) filter (where engaged and function in (select function from required_functions)) as functions_covered
from ({CONTACTS})
group by all
"""

ACCOUNTS = f"""
select l.* exclude (listed_on), 1 as on_list, (l.listed_on >= l.period_start)::int as newly_listed,
       (coalesce(act.inbound_touches, 0) > 0)::int as account_engaged,
       (e90.account_id is not null)::int as account_engaged_90d,
       coalesce(h.sponsored and h.committee_engaged / nullif(h.committee, 0) >= {COMMITTEE_READY_FROM}, false)::int as committee_ready,
       coalesce(h.sponsored, false)::int as sponsored,
       coalesce(h.countries, 0) as countries,
       coalesce(h.countries_covered, 0) as countries_covered,
       coalesce(h.groups_reached, 0) as groups_reached,
       coalesce(h.functions_covered, 0) as functions_covered,
       (select count(*) from required_functions) as functions_required
from ({ON_LIST}) l
left join account_activity act using (grain, period_start, account_id)
left join account_engaged_90d e90 using (grain, period_start, account_id)
left join ({STAKEHOLDERS}) h using (grain, period_start, account_id)
"""

AGGREGATES = {
    "targets": total("on_list"),
    "newly_listed": total("newly_listed"),
    "engaged": total("account_engaged"),
    "engaged_90d": total("account_engaged_90d"),
    "ready": total("committee_ready"),
    "functions_covered": total("functions_covered"),
    "functions_required": total("functions_required"),
    "countries": total("countries"),
    "countries_covered": total("countries_covered"),
    "sponsored": total("sponsored"),
    "groups_reached": total("groups_reached"),
    "contacts": "count(contact_id)",
    "decision_makers": "count(contact_id) filter (where decides)",
    "decision_makers_touched": "count(contact_id) filter (where decides and touched)",
    "mean_rank": "avg(seniority_rank) filter (where contact_engaged)",
    "contacts_touched": "count(contact_id) filter (where touched)",
    "contacts_engaged": "count(contact_id) filter (where contact_engaged)",
    "contacts_active": "count(contact_id) filter (where active)",
    "contacts_consenting": "count(contact_id) filter (where consent)",
    "committee": "count(contact_id) filter (where committee)",
    "committee_engaged": "count(contact_id) filter (where committee and contact_engaged)",
}

KPIS = [
    Kpi("target_accounts", "targets"),
    Kpi("new_target_accounts", "newly_listed"),
    ratio("target_account_coverage", "engaged", "targets"),
    ratio("target_account_coverage_90d", "engaged_90d", "targets"),
    ratio("contact_coverage", "contacts_touched", "contacts"),
    ratio("decision_maker_coverage", "decision_makers_touched", "decision_makers"),
    ratio("account_penetration_rate", "contacts_engaged", "contacts"),
    ratio("committee_penetration", "committee_engaged", "committee"),
    Kpi("committee_ready_accounts", "ready"),
    ratio("function_coverage", "functions_covered", "functions_required"),
    ratio("geography_coverage", "countries_covered", "countries"),
    Kpi("contact_seniority", "mean_rank"),
    ratio("c_level_sponsor_rate", "sponsored", "targets"),
    Kpi("buying_groups_targeted", "groups_reached / nullif(targets, 0)"),
    ratio("consented_contact_rate", "contacts_consenting", "contacts"),
    ratio("active_contact_rate", "contacts_active", "contacts"),
]


def relation(con):
    """The rows of this family at all cuts."""
    contacts = f"select * rename (engaged as contact_engaged) from ({CONTACTS})"
    return family(con, [ACCOUNTS, contacts], AGGREGATES, KPIS)
