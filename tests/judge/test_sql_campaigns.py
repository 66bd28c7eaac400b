"""The judge's SQL for campaigns and for productivity, against figures worked out by hand."""

import pytest
from tiny import MAY, TinyLake, accounts, at, day, deal, touch, value

APRIL = "2026-04-01"


def targeted(account: str, when: str, campaign: str = "K") -> dict:
    return {"campaign_id": campaign, "account_id": account, "targeted_on": day(when)}


# --- campaigns ---------------------------------------------------------------------------------------------------------


def test_a_response_carries_the_campaign_that_targeted_the_account(lake):
    lake.snapshot("accounts", accounts(6))
    lake.events("campaign_targets", [targeted(f"A0{n}", "2026-04-10") for n in range(5)] + [targeted("A00", "2026-04-20", "L")])
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-05-30", campaign_id="K"),  # later than the month
            touch("A01", "2026-04-09 23:59", campaign_id="K"),  # before it was targeted
            touch("A02", "2026-04-11", campaign_id="K", direction="outbound"),
            touch("A03", "2026-04-11", campaign_id="L"),  # another campaign's
            touch("A04", "2026-04-10 00:00", campaign_id="K"),
            touch("A05", "2026-04-11", campaign_id="K"),  # was not targeted
        ],
    )
    con = lake.judge()
    assert value(con, "campaign_accounts_targeted", APRIL) == 5
    assert value(con, "campaign_accounts_responded", APRIL) == 2
    assert value(con, "campaign_response_rate", APRIL) == 0.4
    assert value(con, "campaign_accounts_targeted", MAY) == 0
    assert value(con, "campaign_response_rate", MAY) is None


def test_an_account_is_engaged_with_five_points_within_thirty_days_of_one_targeting(lake):
    lake.snapshot("accounts", accounts(5))
    lake.events("campaign_targets", [targeted(f"A0{n}", "2026-04-10") for n in range(4)])
    lake.events("campaign_targets", [targeted("A03", "2026-05-05"), targeted("A04", "2026-05-02"), targeted("A00", "2026-05-03")])
    five = {"kind": "webinar"}
    lake.events(
        "touchpoints",
        [touch("A00", "2026-04-10 00:00", **five), touch("A01", "2026-05-10 00:00", **five)]  # 30 days later: too late
        + [touch("A02", f"2026-04-{n}") for n in (11, 12, 13, 14)]  # four points
        + [touch("A03", f"2026-05-0{n}") for n in (3, 4, 7, 8, 9)]  # five points, three of them after the second targeting
        + [touch("A04", "2026-05-04", direction="outbound", **five)],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "campaign_accounts_engaged", APRIL) == 2, "A00 and A03"
    assert value(con, "campaign_engagement_rate", APRIL) == 0.5
    assert value(con, "campaign_engagement_rate", APRIL, column="immature") == 0
    # Thirty days from 2 May are over with the day of as_of; those from 3 May are not.
    assert value(con, "campaign_accounts_engaged", MAY) == 1
    assert value(con, "campaign_engagement_rate", MAY, column="immature") == 2
    assert value(con, "campaign_engagement_rate", MAY, column="mature_value") == 1
    assert value(con, "campaign_accounts_engaged", APRIL, "quarter") == 3
    assert value(con, "campaign_engagement_rate", APRIL, "quarter", column="immature") == 2


def test_campaigns_stand_in_their_own_cells_and_nowhere_else(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("touchpoints", [touch("A00", "2026-04-01")])
    campaign = lambda name, **more: {"campaign_id": name, "launched_on": day("2026-05-10")} | more  # noqa: E731
    lake.snapshot(
        "campaigns",
        [
            campaign("now", region="APAC", briefed_on=day("2026-04-30"), signal_on=day("2026-04-20")),
            campaign("next", briefed_on=day("2026-05-06"), kind="general", bu="data"),
            campaign("old", launched_on=day("2026-02-01"), ended_on=day("2026-04-30")),
            campaign("ends", launched_on=day("2026-02-01"), ended_on=day("2026-05-01"), tier="scale"),
            campaign("planned", launched_on=None),
            campaign("future", launched_on=day("2026-06-01")),
        ],
    )
    con = lake.judge()
    assert value(con, "active_campaigns_personalised", MAY) == 2
    assert value(con, "active_campaigns_general", MAY) == 1
    assert value(con, "active_campaigns_personalised", MAY, region="APAC", bu="(unknown)", tier="(unknown)") == 1
    assert value(con, "active_campaigns_personalised", MAY, tier="scale") == 1
    assert value(con, "active_campaigns_personalised", MAY, region="EMEA") == 0
    assert value(con, "active_campaigns_personalised", MAY, program="abm") is None
    assert value(con, "active_campaigns_personalised", MAY, region="(unknown)", industry="saas") in (None, "no row")
    assert value(con, "campaign_time_to_market_days", MAY) == 7
    assert value(con, "campaign_pivot_days", MAY) == 20
    assert value(con, "campaign_time_to_market_days", APRIL) is None


def test_a_segment_is_new_once_where_its_accounts_stand_today(lake):
    lake.snapshot("accounts", [{"account_id": "A", "tier": "scale"}, {"account_id": "B", "tier": None},
                               {"account_id": "C", "tier": "strategic"}], "2026-04-30")  # fmt: skip
    lake.snapshot("accounts", [{"account_id": "A", "tier": "strategic"}, {"account_id": "B", "tier": None},
                               {"account_id": "C", "tier": "strategic"}])  # fmt: skip
    lake.events("touchpoints", [touch("A", "2026-04-20"), touch("C", "2026-05-20"), touch("B", "2026-05-21"),
                                touch("B", "2026-04-21", direction="outbound")])  # fmt: skip
    con = lake.judge()
    assert value(con, "new_segments_activated", APRIL) == 1
    assert value(con, "new_segments_activated", APRIL, tier="strategic", region="EMEA", industry="saas") == 1
    assert value(con, "new_segments_activated", MAY) == 1, "C is where A has already been"
    assert value(con, "new_segments_activated", MAY, tier="(unknown)") == 1
    assert value(con, "new_segments_activated", MAY, bu="cloud") is None


# --- productivity ------------------------------------------------------------------------------------------------------


def staffed(lake: TinyLake) -> TinyLake:
    """Two regions, of which one has no staff in April."""
    row = lambda month, region, program, fte: {"month": day(month), "region": region, "bu": "cloud", "program": program, "fte": fte}  # noqa: E731
    return lake.events(
        "staff",
        [
            row(MAY, "EMEA", "abm", 2.0),
            row(MAY, "EMEA", "non_abm", 4.0),
            row(MAY, "APAC", "abm", 2.0),
            row(APRIL, "EMEA", "abm", 4.0),
        ],
    )


def test_fte_is_the_mean_over_the_months_that_staff_data_has(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("touchpoints", [touch("A00", "2026-01-10")])
    con = staffed(lake).judge()
    assert value(con, "fte", MAY) == 8
    assert value(con, "fte", APRIL, "quarter") == 6
    assert value(con, "fte", "2026-01-01", "year") == 6
    assert value(con, "fte", APRIL, "quarter", region="APAC") == 1, "two in one of two months"
    assert value(con, "fte", APRIL, "quarter", program="abm") == 4
    assert value(con, "fte", MAY, region="EMEA", bu="cloud", program="non_abm") == 4
    assert value(con, "fte", MAY, tier="scale") is None
    assert value(con, "fte", "2026-03-01") is None, "nobody knows"
    assert value(con, "fte", "2026-05-25", "week") == "no row"


def test_output_is_divided_by_the_staff_of_the_cell(lake):
    lake.snapshot(
        "accounts",
        [{"account_id": "E"}, {"account_id": "P", "region": "APAC"}, {"account_id": "S", "tier": None, "region": "AMER"}],
    )
    lake.events("touchpoints", [touch(a, "2026-05-10") for a in "EPS"])
    lake.events("revenue", [{"account_id": "P", "month": day(MAY), "amount": 100.0}])
    lake.snapshot(
        "opportunities", [deal(n, a, amount=v, created_at=at("2026-05-09")) for n, (a, v) in enumerate((("E", 12.0), ("P", 20.0)))]
    )
    lake.snapshot("campaigns", [{"campaign_id": "K", "region": "APAC", "launched_on": day("2026-05-31")},
                                {"campaign_id": "L", "launched_on": day("2026-05-01")}])  # fmt: skip
    lake.snapshot("contents", [{"content_id": f"D{n}", "region": "EMEA", "produced_on": day("2026-05-02")} for n in range(3)])
    con = staffed(lake).judge()
    assert value(con, "pipeline_per_fte", MAY) == 4
    assert value(con, "pipeline_per_fte", MAY, region="EMEA") == 2
    assert value(con, "pipeline_per_fte", MAY, region="APAC") == 10
    assert value(con, "pipeline_per_fte", MAY, region="AMER") is None, "no staff there"
    assert value(con, "pipeline_per_fte", MAY, tier="scale") is None
    assert value(con, "productivity_index", MAY, region="APAC") == 2.5
    assert value(con, "productivity_index", MAY) == 1
    assert value(con, "productivity_index", MAY, industry="saas") is None
    assert value(con, "revenue_per_fte", MAY) == 12.5
    assert value(con, "accounts_activated_per_fte", MAY) == 3 / 8
    assert value(con, "campaigns_per_fte", MAY) == 0.25
    assert value(con, "campaigns_per_fte", MAY, region="APAC") == 0.5
    assert value(con, "campaigns_per_fte", MAY, program="abm") is None
    assert value(con, "contents_per_fte", MAY, region="EMEA") == 0.5


def test_pipeline_per_euro_is_cut_by_everything(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot("opportunities", [deal(1, "A00", amount=30.0, created_at=at("2026-05-09"))])
    lake.events("spend", [{"month": day(MAY), "account_id": "A00", "amount": 12.0}])
    con = lake.judge()
    assert value(con, "pipeline_per_euro", MAY) == 2.5
    assert value(con, "pipeline_per_euro", MAY, tier="scale", industry="saas") == pytest.approx(2.5)
