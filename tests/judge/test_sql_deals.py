"""The judge's SQL for the later steps of the funnel, the stages of a sale and how fast deals move, worked out by hand."""

import pytest
from tiny import MAY, TinyLake, accounts, at, day, deal, touch, value, won

APRIL = "2026-04-01"


# --- funnel ------------------------------------------------------------------------------------------------------------


def test_the_later_steps_have_their_own_windows(lake):
    lake.snapshot("accounts", accounts(4))
    entry = lambda account, stage, when: {"account_id": account, "stage": stage, "entered_at": at(when)}  # noqa: E731
    lake.events(
        "account_stages",
        [
            entry("A00", "sqa", "2025-05-10"), entry("A00", "opportunity", "2025-05-20"), entry("A00", "customer", "2026-05-19"),
            entry("A01", "sqa", "2025-05-11"), entry("A01", "customer", "2025-11-07"),  # 180 days later: too late
            entry("A02", "opportunity", "2025-05-20"), entry("A02", "customer", "2026-05-20"),  # 365 days later: too late
            entry("A03", "opportunity", "2026-05-01"), entry("A03", "customer", "2026-05-01"),
            entry("A03", "customer", "2026-05-09"),
        ],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "sqa", "2025-05-01") == 2
    assert value(con, "sqa_to_opportunity_rate", "2025-05-01") == 0.5
    assert value(con, "opportunity_accounts", "2025-05-01") == 2
    assert value(con, "opportunity_to_customer_rate", "2025-05-01") == 0.5
    assert value(con, "opportunity_to_customer_rate", "2025-05-01", column="immature") == 0
    assert value(con, "customer_accounts", MAY) == 3
    assert value(con, "opportunity_to_customer_rate", MAY) == 1
    assert value(con, "opportunity_to_customer_rate", MAY, column="immature") == 1
    assert value(con, "opportunity_to_customer_rate", MAY, column="mature_value") is None


# --- stages ------------------------------------------------------------------------------------------------------------


def staged(lake: TinyLake, **sales: dict[str, str]):
    """Sales of one account, each with the days on which it entered its stages."""
    lake.snapshot("accounts", accounts(1))
    lake.snapshot(
        "opportunities", [{"opportunity_id": name, "account_id": "A00", "created_at": at("2026-01-01")} for name in sales]
    )
    lake.events("opportunity_stages", [{"opportunity_id": name, "stage": stage, "entered_at": at(when)}
                                       for name, stages in sales.items() for when, stage in stages.items()])  # fmt: skip
    return lake.judge()


def test_who_reaches_any_later_stage_has_left_the_earlier_ones_behind(lake):
    con = staged(
        lake,
        leaps={"2026-04-02": "discovery", "2026-05-30": "solution"},
        lost={"2026-04-03": "discovery", "2026-04-05": "qualification", "2026-05-02": "closed_lost"},
        rests={"2026-04-04": "discovery"},
        returns={"2026-04-06": "qualification", "2026-04-08": "discovery", "2026-04-20": "qualification"},
    )
    # Members of April: four in discovery, of which leaps, lost and returns converted; two in qualification, none converted.
    assert value(con, "stage_conversion_rate", APRIL) == 3 / 6
    assert value(con, "stage_conversion_rate", APRIL, column="immature") == 2, "rests, and returns in qualification"
    assert value(con, "stage_conversion_rate", APRIL, column="mature_value") == 3 / 4
    assert value(con, "stage_conversion_rate", MAY, column="numerator") == 0, "leaps has reached solution and goes on"
    assert value(con, "stage_conversion_rate", MAY, column="immature") == 1


def test_a_stage_lasts_from_its_first_entry_to_the_next_stage(lake):
    con = staged(
        lake,
        first={"2026-04-02": "discovery", "2026-05-02 12:00": "solution", "2026-05-12": "closed_lost"},
        second={"2026-05-01": "discovery", "2026-05-03": "discovery", "2026-05-05": "qualification"},
    )
    # 30.5 days and 9.5 days, 4 days; the second sale's qualification goes on.
    assert value(con, "stage_days", MAY) == pytest.approx(44 / 3)
    assert value(con, "stage_days", APRIL) is None


# --- deals -------------------------------------------------------------------------------------------------------------


def test_sales_velocity_is_made_of_what_is_published_beside_it(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("touchpoints", [touch("A00", "2026-04-01")])
    lost = [deal(9, "A00", created_at=at("2026-01-01"), closed_at=at("2025-06-01"), is_won=False)]
    opened = [deal(n, "A00", advanced=n < 13, created_at=at("2026-05-01"), qualified_at=q and at(q))
              for n, q in enumerate(("2026-05-02", "2026-05-31 23:00", None, "2026-05-01"), 10)]  # fmt: skip
    lake.snapshot(
        "opportunities", lost + opened + [won(1, "A00", 40_000, 40), won(2, "A00", 20_000, 20), won(3, "A00", 9.0, 9, "2025-05-31")]
    )
    con = lake.judge()
    assert value(con, "advanced_deals", MAY) == 3
    assert value(con, "open_qualified_deals", MAY) == 3
    assert value(con, "trailing_win_rate", MAY) == 2 / 3
    assert value(con, "trailing_deal_size", MAY) == 30_000
    assert value(con, "trailing_cycle_days", MAY) == 30
    assert value(con, "sales_velocity", MAY) == pytest.approx(2_000)


def test_acceleration_compares_with_the_year_and_with_the_forecast(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("touchpoints", [touch("A00", "2026-04-01")])
    lake.snapshot(
        "opportunities",
        [won(1, "A00", 1, 30, "2026-05-20 18:00", expected_close_on=day("2026-05-25")),
         won(2, "A00", 1, 30, "2026-05-10", expected_close_on=day("2026-05-09")), won(3, "A00", 1, 30),
         won(4, "A00", 1, 70, "2025-06-01"),
         deal(5, "A00", created_at=at("2026-01-01"), closed_at=at("2026-05-01"), is_won=False,
              expected_close_on=day("2026-09-01"))],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "pipeline_acceleration", MAY) == pytest.approx(0.25)
    assert value(con, "pipeline_acceleration_vs_forecast", MAY) == 2, "five days ahead, one late"


def test_the_last_ten_of_abm_are_the_newest_with_a_first_engagement(lake):
    lake.snapshot("accounts", [{"account_id": "A00"}, {"account_id": "silent"}, {"account_id": "P", "region": "APAC"}])
    lake.events("touchpoints", [touch("A00", "2026-01-01"), touch("P", "2026-05-01")])
    qualified = lambda n, when, account="A00", origin="abm": deal(  # noqa: E731
        n, account, origin=origin, created_at=at("2026-01-01"), qualified_at=at(when))  # fmt: skip
    lake.snapshot(
        "opportunities",
        [qualified(n, f"2026-01-{n + 1:02}") for n in range(1, 13)]  # 1 to 12 days
        + [qualified(20, "2026-05-20", "silent"), qualified(21, "2026-05-20", origin="partner"), qualified(22, "2026-06-01"),
           qualified(23, "2026-05-11", "P")],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "engagement_to_opportunity_days_last10", APRIL) == 7.5, "3 to 12"
    assert value(con, "engagement_to_opportunity_days_last10", MAY) == 8.2, "4 to 12, and 10 of APAC"
    assert value(con, "engagement_to_opportunity_days_last10", MAY, region="APAC") == 10
    assert value(con, "engagement_to_opportunity_days", MAY, region="APAC") == 10


def test_influence_is_a_touch_of_a_personalised_campaign_within_two_years_before_closing(lake):
    lake.snapshot("accounts", accounts(5))
    lake.snapshot("campaigns", [{"campaign_id": "own"}, {"campaign_id": "all", "kind": "general"}])
    lake.events(
        "touchpoints",
        [
            touch("A00", "2024-05-20 00:00", campaign_id="own", direction="outbound"),
            touch("A01", "2024-05-19 23:59", campaign_id="own"),
            touch("A02", "2026-05-20 00:00", campaign_id="own"),  # not before
            touch("A03", "2026-05-19", campaign_id="all"),
            touch("A04", "2026-05-19"),
        ],
    )
    lake.snapshot("opportunities", [won(n, f"A0{n}", 10.0, 30) for n in range(5)])
    con = lake.judge()
    assert value(con, "tcv_influenced", MAY) == 20
    assert value(con, "tcv_influenced_share", MAY) == 0.2


def test_uplifts_divide_abm_by_the_rest(lake):
    lake.snapshot("accounts", [{"account_id": "abm"}, {"account_id": "rest", "program": "non_abm"}])
    lake.events("touchpoints", [touch("abm", "2026-05-01")])
    lost = {"created_at": at("2026-01-05"), "closed_at": at("2026-05-06"), "is_won": False}
    lake.snapshot("opportunities", [won(1, "abm", 30.0, 9), won(2, "rest", 10.0, 9), won(3, "rest", 20.0, 9)]
                  + [deal(10, "abm", **lost)] + [deal(n, "rest", **lost) for n in range(20, 26)])  # fmt: skip
    con = lake.judge()
    assert value(con, "win_rate_uplift", MAY) == pytest.approx(2), "half against a quarter"
    assert value(con, "tcv_uplift", MAY) == pytest.approx(2)
    assert value(con, "win_rate_uplift", MAY, program="abm") is None
