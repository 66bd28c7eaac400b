"""The judge itself is judged: its SQL against lakes whose figures are worked out by hand.

Many of the cases are the worked examples of the KPI definitions (30 of 50 accounts engaged is 60 %, and so on).
`test_sql_money.py` goes on with deals, cost, return and satisfaction.
"""

import datetime as dt

import pytest
from kpis import expected
from lake import end_of, reporting_periods
from tiny import MAY, TinyLake, accounts, at, day, touch, value


# --- periods -----------------------------------------------------------------------------------------------------------


def test_periods_run_from_the_first_event_month_to_as_of():
    periods = reporting_periods(dt.date(2025, 11, 1), dt.date(2026, 2, 10))
    of = lambda grain: [str(p.start) for p in periods if p.grain == grain]  # noqa: E731
    assert of("month") == ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"]
    assert of("quarter") == ["2025-10-01", "2026-01-01"]
    assert of("year") == ["2025-01-01", "2026-01-01"]
    assert (len(of("week")), of("week")[0], of("week")[-1]) == (13, "2025-11-17", "2026-02-09")


@pytest.mark.parametrize(
    ("grain", "start", "end"),
    [
        ("week", "2026-12-28", "2027-01-04"),
        ("month", "2026-12-01", "2027-01-01"),
        ("quarter", "2026-10-01", "2027-01-01"),
        ("year", "2024-01-01", "2025-01-01"),
    ],
)
def test_a_period_ends_where_the_next_begins(grain, start, end):
    assert end_of(grain, day(start)) == day(end)


def test_only_the_day_of_as_of_and_before_is_read(lake):
    lake.as_of = day("2026-05-20")
    lake.snapshot("accounts", accounts(2))
    lake.events("touchpoints", [touch("A00", "2026-05-20 23:59"), touch("A01", "2026-05-21 00:00")])
    assert value(lake.judge(), "engaged_accounts", MAY) == 1


# --- coverage ----------------------------------------------------------------------------------------------------------


def test_thirty_of_fifty_target_accounts_engaged_is_sixty_percent(lake):
    lake.snapshot("accounts", accounts(50))
    lake.events("touchpoints", [touch(f"A{n:02}", "2026-05-10") for n in range(30)])
    con = lake.judge()
    assert value(con, "target_account_coverage", MAY) == 0.6
    assert value(con, "target_account_coverage", MAY, column="numerator") == 30
    assert value(con, "target_account_coverage", MAY, column="denominator") == 50


def test_the_target_list_decides_who_is_counted(lake):
    lake.snapshot(
        "accounts",
        [
            {"account_id": "listed"},
            {"account_id": "new", "listed_on": day("2026-05-31")},
            {"account_id": "future", "listed_on": day("2026-06-01")},
            {"account_id": "left", "delisted_on": day("2026-05-15")},
            {"account_id": "leaves at the end", "delisted_on": day("2026-06-01")},
            {"account_id": "never", "listed_on": None},
        ],
    )
    lake.events("touchpoints", [touch("never", "2026-05-10"), touch("left", "2026-05-10"), touch("listed", "2026-05-10")])
    con = lake.judge()
    assert value(con, "target_accounts", MAY) == 3
    assert value(con, "new_target_accounts", MAY) == 1
    assert value(con, "target_account_coverage", MAY) == 1 / 3
    assert value(con, "engaged_accounts", MAY) == 3, "engagement counts every account"


def test_trailing_coverage_looks_back_ninety_days_from_the_end(lake):
    lake.snapshot("accounts", accounts(4))
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-03-03 00:00"),  # 90 days before 1 June
            touch("A01", "2026-03-02 23:59"),
            touch("A02", "2026-05-10", direction="outbound"),
        ],
    )
    con = lake.judge()
    assert value(con, "target_account_coverage", MAY) == 0
    assert value(con, "target_account_coverage_90d", MAY) == 0.25


def test_three_of_eight_stakeholders_is_37_5_percent(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot(
        "contacts", [{"contact_id": f"C{n}", "account_id": "A00", "in_buying_committee": True, "consent": n < 6} for n in range(8)]
    )
    lake.events(
        "touchpoints",
        [touch("A00", f"2026-05-1{n}", f"C{n}") for n in range(3)]
        + [touch("A00", "2026-05-20", "C7", direction="outbound"), touch("A00", "2026-04-01", "C6")],
    )
    con = lake.judge()
    assert value(con, "account_penetration_rate", MAY) == 0.375
    assert value(con, "committee_penetration", MAY) == 0.375
    assert value(con, "contact_coverage", MAY) == 0.5
    assert value(con, "active_contact_rate", MAY) == 5 / 8
    assert value(con, "consented_contact_rate", MAY) == 0.75


def test_a_touch_without_a_contact_of_the_account_touches_the_account_only(lake):
    lake.snapshot("accounts", accounts(2))
    lake.snapshot(
        "contacts",
        [
            {"contact_id": "mine", "account_id": "A00"},
            {"contact_id": "theirs", "account_id": "A01"},
            {"contact_id": "unborn", "account_id": "A00", "created_on": day("2026-06-01")},
        ],
    )
    lake.events(
        "touchpoints",
        [touch("A00", "2026-05-02"), touch("A00", "2026-05-03", "theirs"), touch("A00", "2026-05-04", "unborn")],
    )
    con = lake.judge()
    assert value(con, "target_account_coverage", MAY) == 0.5
    assert value(con, "contact_coverage", MAY, column="denominator") == 2
    assert value(con, "contact_coverage", MAY) == 0
    assert value(con, "engagement_depth", MAY) is None


@pytest.mark.parametrize(
    ("engaged", "sponsor_engaged", "ready"), [(3, True, 1), (2, True, 0), (3, False, 0)], ids=["ready", "too few", "no sponsor"]
)
def test_a_committee_is_ready_from_sixty_percent_with_a_sponsor(lake, engaged, sponsor_engaged, ready):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot(
        "contacts",
        [{"contact_id": f"C{n}", "account_id": "A00", "in_buying_committee": True} for n in range(5)]
        + [{"contact_id": "boss", "account_id": "A00", "seniority": "c_level"}],
    )
    touches = [touch("A00", f"2026-05-1{n}", f"C{n}") for n in range(engaged)]
    lake.events("touchpoints", touches + [touch("A00", "2026-05-20", "boss")] * sponsor_engaged)
    assert value(lake.judge(), "committee_ready_accounts", MAY) == ready


def test_function_coverage_counts_required_functions_of_every_target_account(lake):
    lake.snapshot("accounts", accounts(2))
    lake.snapshot(
        "contacts",
        [{"contact_id": f, "account_id": "A00", "function": f} for f in ("it", "finance", "other", "legal")],
    )
    lake.events("touchpoints", [touch("A00", "2026-05-10", f) for f in ("it", "finance", "other")])
    assert value(lake.judge(), "function_coverage", MAY) == 2 / 14


# --- dimensions --------------------------------------------------------------------------------------------------------


def test_dimensions_are_those_of_the_newest_snapshot_before_the_end(lake):
    lake.snapshot("accounts", accounts(1, region="APAC"), "2026-03-31")
    lake.snapshot("accounts", accounts(1, region="EMEA"), "2026-04-30")
    lake.snapshot("accounts", accounts(1, region=None), "2026-05-31")
    lake.events("touchpoints", [touch("A00", f"2026-0{month}-10") for month in (2, 3, 4, 5)])
    con = lake.judge()
    region_of = {2: "APAC", 3: "APAC", 4: "EMEA", 5: "(unknown)"}
    for month, region in region_of.items():
        assert value(con, "engaged_accounts", f"2026-0{month}-01", region=region) == 1
    assert value(con, "engaged_accounts", "2026-01-01", "quarter", region="APAC") == 1
    assert value(con, "engaged_accounts", "2026-04-01", "quarter", region="(unknown)") == 1
    assert value(con, "engaged_accounts", MAY, region="EMEA") == "no row"


def test_facts_of_an_account_outside_the_snapshot_stay_as_unknown(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("touchpoints", [touch("stranger", "2026-05-10")])
    con = lake.judge()
    assert value(con, "engaged_accounts", MAY) == 1
    assert value(con, "engaged_accounts", MAY, program="(unknown)") == 1
    assert value(con, "engaged_accounts", MAY, program="abm") == 0
    assert value(con, "target_account_coverage", MAY) == 0


def test_cuts_carry_the_names_of_their_dimensions(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("touchpoints", [touch("A00", "2026-05-10")])
    con = lake.judge()
    expected(con)
    cuts = {name for (name,) in con.execute("select distinct cut from expected").fetchall()}
    assert len(cuts) == 32
    assert {"all", "region", "tier+program", "region+bu", "region+bu+tier+industry+program"} <= cuts


# --- engagement --------------------------------------------------------------------------------------------------------


def test_the_score_adds_touches_reach_content_and_intent(lake):
    lake.snapshot("accounts", accounts(2))
    lake.snapshot("contacts", [{"contact_id": "boss", "account_id": "A00", "seniority": "c_level", "at_headquarters": True}])
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-05-02", "boss", kind="demo_request"),  # 5 × 3 × 1.25 = 18.75
            touch("A00", "2026-05-03", kind="download", consumed=0.8),  # 2, and 1.5 × 0.8 = 1.2
            touch("A00", "2026-05-04", kind="intent_pricing"),  # 3
        ],
    )  # one engaged contact: 2
    con = lake.judge()
    assert value(con, "account_engagement_score", MAY) == pytest.approx(26.95 / 2), "the silent account counts"


def test_bands_are_strict_and_by_industry(lake):
    scores = {"saas": (75, 76, 45, 44), "healthtech": (60, 61, 35, 34), "fintech": (80, 81, 50, 49), "retail": (75, 76, 45, 44)}
    lake.snapshot(
        "accounts", [{"account_id": f"{industry}{s}", "industry": industry} for industry in scores for s in scores[industry]]
    )
    lake.events("touchpoints", [touch(f"{i}{s}", "2026-05-02") for i in scores for s in scores[i] for _ in range(s)])
    con = lake.judge()
    for industry in scores:
        bands = [value(con, f"{band}_accounts", MAY, industry=industry) for band in ("hot", "warm", "cold")]
        assert bands == [1, 2, 1]


def test_engagement_counts(lake):
    lake.snapshot("accounts", accounts(2))
    lake.snapshot("contacts", [{"contact_id": "C1", "account_id": "A00"}])
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-05-02", "C1", kind="webinar", consumed=0.5),
            touch("A00", "2026-05-03", "C1", kind="download", consumed=None),
            touch("A00", "2026-05-04", kind="content_view", consumed=1.0),
            touch("A00", "2026-05-05", kind="forward"),
            touch("A00", "2026-05-06", kind="email_sent", direction="outbound"),
            touch("A00", "2026-05-07", kind="email_sent", direction="outbound"),
            touch("A00", "2026-05-08", kind="email_open"),
            touch("A01", "2026-05-09", kind="exclusive_event"),
        ],
    )
    con = lake.judge()
    assert value(con, "engagement_depth", MAY) == 2
    assert value(con, "content_consumption_rate", MAY) == 0.75
    assert value(con, "virality_score", MAY) == pytest.approx(100 / 3)
    assert value(con, "email_open_rate", MAY) == 0.5
    assert value(con, "event_participations", MAY) == 2
    assert value(con, "highly_engaged_accounts", MAY) == 1
    assert value(con, "highly_engaged_accounts", "2026-04-01", "quarter") == "no row"


def test_ads_without_an_account_are_unknown_everywhere(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events(
        "ad_stats",
        [
            {"day": day("2026-05-02"), "account_id": "A00", "impressions": 1000, "clicks": 5},
            {"day": day("2026-05-03"), "account_id": None, "impressions": 1000, "clicks": 25},
        ],
    )
    con = lake.judge()
    assert value(con, "ad_click_through_rate", MAY) == 0.015
    assert value(con, "ad_click_through_rate", MAY, region="(unknown)") == 0.025


# --- funnel ------------------------------------------------------------------------------------------------------------


def test_the_cohort_takes_first_entries_and_stays_immature_until_its_window_is_over(tmp_path):
    lake = TinyLake(tmp_path, "2026-05-31")
    lake.snapshot("accounts", accounts(5))
    entry = lambda account, stage, when: {"account_id": account, "stage": stage, "entered_at": at(when)}  # noqa: E731
    lake.events(
        "account_stages",
        [
            entry("A00", "mqa", "2025-11-10"),
            entry("A00", "sqa", "2026-01-10"),
            entry("A01", "mqa", "2025-11-10"),
            entry("A01", "customer", "2026-05-08"),  # 179 days later, stages skipped
            entry("A02", "mqa", "2025-11-10"),
            entry("A02", "sqa", "2026-05-09"),  # 180 days later: too late
            entry("A02", "mqa", "2026-04-01"),  # re-entry, no new base
            entry("A03", "mqa", "2026-04-01"),
            entry("A04", "mqa", "2026-04-01"),
            entry("A04", "sqa", "2026-04-02"),
        ],
    )
    con = lake.judge()
    assert value(con, "mqa", "2025-11-01") == 3
    assert value(con, "mqa_to_sqa_rate", "2025-11-01") == 2 / 3
    assert value(con, "mqa_to_sqa_rate", "2025-11-01", column="immature") == 0
    assert value(con, "mqa_to_sqa_rate", "2025-11-01", column="mature_value") == 2 / 3
    assert value(con, "mqa", "2026-04-01") == 2
    assert value(con, "mqa_to_sqa_rate", "2026-04-01") == 0.5
    assert value(con, "mqa_to_sqa_rate", "2026-04-01", column="immature") == 2
    assert value(con, "mqa_to_sqa_rate", "2026-04-01", column="mature_value") is None
