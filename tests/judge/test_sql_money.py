"""The judge's SQL for deals, cost, return and satisfaction, against figures worked out by hand."""

import pytest
from tiny import MAY, accounts, at, day, deal, touch, value, won


# --- deals -------------------------------------------------------------------------------------------------------------


def test_nine_opportunities_from_thirty_engaged_accounts_is_thirty_percent(lake):
    lake.snapshot("accounts", accounts(50))
    lake.events("touchpoints", [touch(f"A{n:02}", "2026-05-10") for n in range(30)])
    lake.snapshot("opportunities", [deal(n, f"A{n:02}", created_at=at("2026-05-12")) for n in range(9)])
    assert value(lake.judge(), "account_to_opportunity_rate", MAY) == 0.3


def test_sixty_against_ninety_days_and_45k_against_22k(lake):
    lake.snapshot("accounts", [{"account_id": "abm"}, {"account_id": "rest", "program": "non_abm"}])
    lake.snapshot("opportunities", [won(1, "abm", 45_000, 60), won(2, "rest", 22_000, 90)])
    lake.events("touchpoints", [touch("abm", "2026-05-01")])
    con = lake.judge()
    assert value(con, "sales_cycle_reduction", MAY) == pytest.approx(1 / 3)
    assert value(con, "deal_size_uplift", MAY) == pytest.approx(2.04545, rel=1e-5)
    assert value(con, "deal_size_uplift", MAY, program="abm") is None
    assert value(con, "average_deal_size", MAY) == 33_500
    assert value(con, "average_deal_size", MAY, program="abm") == 45_000
    assert value(con, "tcv_won", MAY) == 134_000


def test_cycle_quantiles_interpolate(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot("opportunities", [won(n, "A00", 1.0, days) for n, days in enumerate((10, 20, 40, 100.5))])
    lake.events("touchpoints", [touch("A00", "2026-05-01")])
    con = lake.judge()
    assert value(con, "sales_cycle_days", MAY) == pytest.approx(42.625)
    assert value(con, "sales_cycle_days_median", MAY) == 30
    assert value(con, "sales_cycle_days_p90", MAY) == pytest.approx(40 + 0.7 * 60.5)


def test_win_rates_go_by_closing_and_count_losses(lake):
    lake.snapshot("accounts", accounts(1))
    lost = {"created_at": at("2026-01-05"), "closed_at": at("2026-05-06"), "is_won": False}
    lake.snapshot(
        "opportunities",
        [won(1, "A00", 300, 10), deal(2, "A00", amount=100.0, **lost), deal(3, "A00", amount=200.0, **lost),
         deal(4, "A00", amount=900.0, created_at=at("2026-05-07"))],
    )  # fmt: skip
    lake.events("touchpoints", [touch("A00", "2026-05-01")])
    con = lake.judge()
    assert value(con, "win_rate", MAY) == 1 / 3
    assert value(con, "win_rate_value", MAY) == 0.5


def test_open_pipeline_is_the_state_at_the_end(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot(
        "opportunities",
        [
            deal(1, "A00", amount=100.0, probability=0.5, created_at=at("2026-04-10")),
            deal(2, "A00", amount=200.0, probability=None, created_at=at("2026-04-10"), closed_at=at("2026-05-01"), is_won=False),
            deal(3, "A00", amount=400.0, probability=0.25, created_at=at("2026-05-31 23:00")),
        ],
    )
    lake.events("touchpoints", [touch("A00", "2026-04-01")])
    con = lake.judge()
    assert value(con, "open_pipeline", "2026-04-01") == 300
    assert value(con, "open_pipeline", MAY) == 500
    assert value(con, "weighted_pipeline", MAY) == 150
    assert value(con, "pipeline_created", MAY) == 400
    assert value(con, "opportunities_created", "2026-04-01") == 2


def test_velocity_is_advanced_deals_times_size_over_cycle_in_months(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot(
        "opportunities",
        [won(1, "A00", 40_000, 60.875), won(2, "A00", 60_000, 60.875, closed="2025-06-01"),
         won(3, "A00", 1.0, 1.0, closed="2025-05-31 23:59")]
        + [deal(10 + n, "A00", advanced=n < 4, created_at=at("2026-05-07")) for n in range(6)],
    )  # fmt: skip
    lake.events("touchpoints", [touch("A00", "2026-04-01")])
    con = lake.judge()
    assert value(con, "pipeline_velocity", MAY) == pytest.approx(4 * 50_000 / 2)


def test_days_from_the_first_engagement_ever_to_qualification(lake):
    lake.snapshot("accounts", accounts(2))
    lake.events(
        "touchpoints",
        [touch("A00", "2026-01-01", direction="outbound"), touch("A00", "2026-03-01 12:00"), touch("A00", "2026-04-01"),
         touch("A01", "2026-05-30")],
    )  # fmt: skip
    qualified = {"created_at": at("2026-04-01"), "qualified_at": at("2026-05-11")}
    lake.snapshot("opportunities", [deal(1, "A00", **qualified), deal(2, "A01", **qualified)])
    assert value(lake.judge(), "engagement_to_opportunity_days", MAY) == 70.5


def test_money_converts_at_the_day_it_goes_by(lake):
    lake.snapshot("accounts", accounts(1))
    rates = {"2026-04-10": 0.5, "2026-05-20": 2.0, "2026-05-01": 3.0}
    lake.snapshot("fx_rates", [{"day": day(d), "currency": "USD", "rate": rate} for d, rate in rates.items()])
    lake.snapshot(
        "opportunities",
        [
            deal(
                1,
                "A00",
                amount=100.0,
                tcv=10.0,
                currency="USD",
                created_at=at("2026-04-10"),
                closed_at=at("2026-05-20"),
                is_won=True,
            )
        ],
    )
    lake.events("revenue", [{"account_id": "A00", "month": day(MAY), "amount": 7.0, "currency": "USD"}])
    lake.events("touchpoints", [touch("A00", "2026-04-02")])
    con = lake.judge()
    assert value(con, "pipeline_created", "2026-04-01") == 50
    assert value(con, "open_pipeline", "2026-04-01") == 50
    assert value(con, "average_deal_size", MAY) == 200
    assert value(con, "tcv_won", MAY) == 20
    assert value(con, "revenue", MAY) == 21


def test_money_without_a_rate_is_refused(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("revenue", [{"account_id": "A00", "month": day(MAY), "amount": 7.0, "currency": "XXX"}])
    with pytest.raises(ValueError, match="XXX"):
        lake.judge()


# --- cost and return ---------------------------------------------------------------------------------------------------


def test_fifteen_thousand_spent_ninety_signed_is_five(lake):
    lake.snapshot("accounts", accounts(3))
    lake.events("spend", [{"month": day(MAY), "account_id": "A00", "amount": 15_000.0}])
    lake.snapshot("opportunities", [won(1, "A00", 90_000, 30)])
    lake.events("account_stages", [{"account_id": f"A0{n}", "stage": "customer", "entered_at": at("2026-05-20")} for n in range(3)])
    con = lake.judge()
    assert value(con, "roi", MAY) == 5
    assert value(con, "cac", MAY) == 5_000
    assert value(con, "roi", "2026-05-25", "week") == "no row"


def test_45_percent_of_pipeline_for_15_percent_of_spend_is_an_index_of_three(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events(
        "spend",
        [{"month": day(MAY), "account_id": "A00", "program": p, "amount": a} for p, a in (("abm", 15.0), ("non_abm", 85.0))],
    )
    lake.snapshot(
        "opportunities",
        [deal(n, "A00", origin=o, amount=a, marketing_sourced=o == "abm", created_at=at("2026-05-09"))
         for n, (o, a) in enumerate((("abm", 45.0), ("partner", 55.0)))],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "abm_pipeline_share", MAY) == 0.45
    assert value(con, "abm_investment_share", MAY) == 0.15
    assert value(con, "pipeline_to_investment_index", MAY) == pytest.approx(3)
    assert value(con, "marketing_pipeline_contribution", MAY) == 0.45
    assert value(con, "abm_pipeline_share", MAY, program="abm") is None


def test_spend_goes_to_account_then_targets_then_scope_then_nobody(lake):
    lake.snapshot(
        "accounts",
        [{"account_id": "A", "region": "EMEA"}, {"account_id": "B", "region": "APAC"},
         {"account_id": "C", "region": "AMER"}, {"account_id": "D", "region": "AMER"},
         {"account_id": "E", "region": "AMER", "program": "non_abm"}],
    )  # fmt: skip
    lake.events("touchpoints", [touch("A", "2026-05-02"), touch("A", "2026-05-03"), touch("A", "2026-05-04", direction="outbound"),
                                touch("B", "2026-05-05"), touch("C", "2026-04-30")])  # fmt: skip
    lake.events("campaign_targets", [{"campaign_id": "K", "account_id": a, "targeted_on": day("2026-05-31")} for a in "AB"])
    lake.events("campaign_targets", [{"campaign_id": "late", "account_id": "B", "targeted_on": day("2026-06-01")}])
    lake.events(
        "spend",
        [
            {"month": day(MAY), "account_id": "B", "campaign_id": "K", "amount": 1.0},
            {"month": day(MAY), "campaign_id": "K", "region": "LATAM", "amount": 40.0},  # A 30, B 10 by touches
            {"month": day(MAY), "campaign_id": "late", "region": "AMER", "amount": 600.0},  # C 300, D 300: none was touched
            {"month": day(MAY), "region": "LATAM", "tier": "scale", "amount": 5_000.0},  # nobody is there
        ],
    )
    con = lake.judge()
    assert value(con, "cost_total", MAY) == 5_641
    by_region = {r: value(con, "cost_total", MAY, region=r) for r in ("EMEA", "APAC", "AMER", "LATAM")}
    assert by_region == {"EMEA": 30, "APAC": 11, "AMER": 600, "LATAM": 5_000}
    unallocated = {"region": "LATAM", "bu": "(unknown)", "tier": "scale", "industry": "(unknown)", "program": "abm"}
    assert value(con, "cost_total", MAY, **unallocated) == 5_000
    assert value(con, "cost_total", MAY, program="non_abm") == 0


def test_allocation_is_made_per_month_and_placed_by_the_longer_period(lake):
    lake.snapshot("accounts", [{"account_id": "A", "region": "EMEA"}], "2026-04-30")
    lake.snapshot("accounts", [{"account_id": "A", "region": "APAC"}])
    lake.events("spend", [{"month": day("2026-04-01"), "region": "EMEA", "amount": 10.0}])
    con = lake.judge()
    assert value(con, "cost_total", "2026-04-01", region="EMEA") == 10
    assert value(con, "cost_total", "2026-04-01", "quarter", region="APAC") == 10


def test_clv_is_revenue_times_retention_times_expansion_less_cac(lake):
    lake.snapshot("accounts", accounts(3))
    lake.events("revenue", [{"account_id": a, "month": day(m), "amount": v} for a, m, v in (
        ("A00", "2025-06-01", 60_000.0), ("A01", MAY, 20_000.0), ("A02", "2025-05-01", 1_000.0))])  # fmt: skip
    lake.events(
        "spend", [{"month": day(m), "account_id": "A00", "amount": v} for m, v in (("2026-01-01", 3_000.0), (MAY, 1_000.0))]
    )
    lake.events("account_stages", [{"account_id": a, "stage": "customer", "entered_at": at(when)} for a, when in (
        ("A00", "2026-01-20"), ("A01", "2026-05-20"))])  # fmt: skip
    ended = lambda n, when, outcome, renewed, **more: {  # noqa: E731
        "contract_id": f"K{n}", "account_id": "A00", "end_on": day(when), "outcome": outcome, "arr": 100.0,
        "renewed_arr": renewed, **more}  # fmt: skip
    lake.snapshot(
        "contracts",
        [ended(1, "2025-06-01", "renewed", 100.0), ended(2, "2026-05-10", "expanded", 140.0, at_risk=True),
         ended(3, "2026-05-11", "contracted", 60.0), ended(4, "2026-05-12", "churned", None),
         ended(5, "2025-05-31", "churned", None), ended(6, "2026-05-20", None, None)],
    )  # fmt: skip
    con = lake.judge()
    # 80 000 over two accounts; three of four kept; 300 of 300 renewed; 4 000 for two customers.
    assert value(con, "clv", MAY) == pytest.approx(40_000 * 0.75 * 1.0 - 2_000)
    assert value(con, "cac", MAY) == 1_000
    assert value(con, "clv_to_cac", MAY) == pytest.approx(28)
    assert value(con, "retention_rate", MAY) == 2 / 3
    assert value(con, "net_revenue_retention", MAY) == pytest.approx(200 / 300)
    assert value(con, "gross_revenue_retention", MAY) == pytest.approx(160 / 300)
    assert value(con, "renewal_revenue_protected", MAY) == 140


def test_the_source_formula_reaches_its_threshold_of_ten_to_one(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("revenue", [{"account_id": "A00", "month": day(MAY), "amount": 110.0}])
    lake.events("spend", [{"month": day(MAY), "account_id": "A00", "amount": 10.0}])
    lake.events("account_stages", [{"account_id": "A00", "stage": "customer", "entered_at": at("2026-05-20")}])
    lake.snapshot("contracts", [{"contract_id": "K", "account_id": "A00", "end_on": day("2026-05-10"), "outcome": "renewed",
                                 "arr": 1.0, "renewed_arr": 1.0}])  # fmt: skip
    assert value(lake.judge(), "clv_to_cac", MAY) == pytest.approx(10)


def test_margin_and_what_customers_bring_beyond_their_contracts(lake):
    lake.snapshot("accounts", accounts(2))
    lake.events(
        "revenue",
        [{"account_id": a, "month": day(MAY), "kind": kind, "amount": v, "gross_margin": m}
         for a, kind, v, m in (("A00", "subscription", 600.0, 0.5), ("A00", "reference", 100.0, 1.0), ("A01", "services", 300.0, 0.0))],
    )  # fmt: skip
    lake.events("spend", [{"month": day(MAY), "account_id": "A00", "amount": 40.0}])
    lake.events("account_stages", [{"account_id": "A00", "stage": "customer", "entered_at": at("2026-05-20")}])
    ended = [("renewed", 100.0), ("expanded", 200.0), ("contracted", 60.0), ("churned", None)]
    lake.snapshot("contracts", [{"contract_id": outcome, "account_id": "A00", "end_on": day("2026-05-10"), "outcome": outcome,
                                 "arr": 100.0, "renewed_arr": renewed} for outcome, renewed in ended])  # fmt: skip
    con = lake.judge()
    assert value(con, "churn_rate", MAY) == 0.25
    assert value(con, "expansion_rate", MAY) == pytest.approx(1.2)
    # 500 a customer, 40 % of it margin, one in four lost.
    assert value(con, "clv_margin", MAY) == pytest.approx(500 * 0.4 / 0.25)
    assert value(con, "clv", MAY) == pytest.approx(500 * 0.75 * 1.2 - 40)
    assert value(con, "extended_clv", MAY) == pytest.approx(410 + 50)
    assert value(con, "cac_to_clv", MAY) == pytest.approx(40 / 410)


def test_margin_over_no_churn_has_no_value(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events("revenue", [{"account_id": "A00", "month": day(MAY), "amount": 110.0}])
    lake.snapshot("contracts", [{"contract_id": "K", "account_id": "A00", "end_on": day("2026-05-10"), "outcome": "renewed",
                                 "arr": 1.0, "renewed_arr": 1.0}])  # fmt: skip
    con = lake.judge()
    assert value(con, "churn_rate", MAY) == 0
    assert value(con, "clv_margin", MAY) is None


def test_clv_uplift_divides_the_programme_by_the_rest(lake):
    sides = {"abm": (320.0, 20.0), "non_abm": (110.0, 10.0)}
    lake.snapshot("accounts", [{"account_id": program, "program": program} for program in sides])
    lake.events("revenue", [{"account_id": a, "month": day(MAY), "amount": revenue} for a, (revenue, _) in sides.items()])
    lake.events("spend", [{"month": day(MAY), "account_id": a, "amount": cost} for a, (_, cost) in sides.items()])
    lake.events("account_stages", [{"account_id": a, "stage": "customer", "entered_at": at("2026-05-20")} for a in sides])
    lake.snapshot("contracts", [{"contract_id": a, "account_id": a, "end_on": day("2026-05-10"), "outcome": "renewed",
                                 "arr": 1.0, "renewed_arr": 1.0} for a in sides])  # fmt: skip
    con = lake.judge()
    assert value(con, "clv_uplift", MAY) == pytest.approx(3)
    assert value(con, "clv_uplift", MAY, region="EMEA") == pytest.approx(3)
    assert value(con, "clv_uplift", MAY, program="abm") is None
    assert value(con, "clv", MAY, program="abm") == pytest.approx(300)


def test_cost_is_told_by_its_nature_and_divided_by_what_it_brought(lake):
    lake.snapshot("accounts", accounts(4))
    lake.events("touchpoints", [touch(f"A0{n}", "2026-05-10") for n in range(2)])
    lake.events("spend", [{"month": day(MAY), "account_id": "A00", "nature": n, "amount": v} for n, v in (
        ("direct", 30.0), ("indirect", 6.0), ("indirect", 4.0))])  # fmt: skip
    lake.events("account_stages", [{"account_id": f"A0{n}", "stage": "mqa", "entered_at": at("2026-05-20")} for n in range(4)])
    lake.snapshot("opportunities", [deal(n, "A00", created_at=at("2026-04-09"), qualified_at=at(when)) for n, when in enumerate(
        ("2026-05-01", "2026-05-31 23:59", "2026-04-30"))])  # fmt: skip
    con = lake.judge()
    figures = {
        "cost_direct": 30,
        "cost_indirect": 10,
        "cost_per_engaged_account": 20,
        "cost_per_mqa": 10,
        "cost_per_qualified_opportunity": 20,
    }
    assert {kpi: value(con, kpi, MAY) for kpi in figures} == figures
    assert value(con, "cost_per_mqa", MAY, region="APAC") == "no row"


def test_potential_is_worth_what_its_currency_was_at_the_end(lake):
    lake.snapshot("fx_rates", [{"day": day(d), "currency": c, "rate": rate} for d, c, rate in (
        ("2026-04-01", "EUR", 1.0), (MAY, "EUR", 1.0), ("2026-04-10", "USD", 0.5), ("2026-05-15", "USD", 0.25),
        ("2026-06-01", "USD", 9.0), ("2027-01-01", "GBP", 2.0))])  # fmt: skip
    worth = [("A", "USD", 400.0), ("B", "GBP", 50.0), ("C", "EUR", None), ("D", "XXX", None)]
    lake.snapshot("accounts", [{"account_id": a, "currency": c, "potential_value": v} for a, c, v in worth])
    lake.events("spend", [{"month": day(m), "account_id": "A", "amount": 60.0} for m in ("2026-04-01", MAY)])
    con = lake.judge()
    assert value(con, "cost_to_potential", MAY) == 60 / (100 + 100)
    assert value(con, "cost_to_potential", "2026-04-01") == 60 / (200 + 100)


def test_potential_in_a_currency_without_any_rate_is_refused(lake):
    lake.snapshot("accounts", accounts(1, currency="XXX", potential_value=7.0))
    lake.events("touchpoints", [touch("A00", "2026-05-01")])
    with pytest.raises(ValueError, match="XXX"):
        lake.judge()


def test_a_click_costs_what_ads_cost_on_their_days(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot(
        "fx_rates", [{"day": day(d), "currency": "USD", "rate": rate} for d, rate in (("2026-05-25", 0.5), ("2026-05-26", 2.0))]
    )
    ad = lambda when, account, cost, clicks: {  # noqa: E731
        "day": day(when), "account_id": account, "cost": cost, "clicks": clicks, "impressions": 9, "currency": "USD"}  # fmt: skip
    lake.events("ad_stats", [ad("2026-05-25", "A00", 8.0, 2), ad("2026-05-26", None, 3.0, 3)])
    con = lake.judge()
    assert value(con, "cost_per_click", MAY) == 2
    assert value(con, "cost_per_click", "2026-05-25", "week", region="EMEA") == 2
    assert value(con, "cost_per_click", MAY, program="(unknown)") == 2


def test_abm_revenue_follows_the_program_of_the_account(lake):
    lake.snapshot("accounts", [{"account_id": "A"}, {"account_id": "B", "program": "non_abm"}])
    lake.events("revenue", [{"account_id": a, "month": day(MAY), "amount": v} for a, v in (("A", 30.0), ("B", 70.0))])
    con = lake.judge()
    assert value(con, "abm_revenue", MAY) == 30
    assert value(con, "abm_revenue_share", MAY) == 0.3
    assert value(con, "abm_revenue_share", MAY, program="abm") is None


# --- satisfaction ------------------------------------------------------------------------------------------------------


def test_acceptance_goes_by_the_day_of_the_decision(lake):
    lake.snapshot("accounts", accounts(3))
    mqa = lambda n, decision, decided: {  # noqa: E731
        "account_id": f"A0{n}", "stage": "mqa", "entered_at": at("2026-04-20"), "decision": decision, "decided_at": decided}  # fmt: skip
    lake.events("account_stages", [mqa(0, "accepted", at("2026-05-02")), mqa(1, "rejected", at("2026-05-03")), mqa(2, None, None)])
    con = lake.judge()
    assert value(con, "mqa_acceptance_rate", MAY) == 0.5
    assert value(con, "mqa_acceptance_rate", "2026-04-01") is None


def test_unanswered_signals_count_against_the_rate_only(lake):
    lake.snapshot("accounts", accounts(1))
    lake.events(
        "follow_ups",
        [
            {"account_id": "A00", "signalled_at": at("2026-05-02"), "responded_at": at("2026-05-02 06:00")},
            {"account_id": "A00", "signalled_at": at("2026-05-03"), "responded_at": at("2026-05-04 06:00")},
            {"account_id": "A00", "signalled_at": at("2026-05-05"), "responded_at": None},
            {"account_id": "A00", "signalled_at": at("2026-05-06"), "responded_at": at("2026-05-08")},
            {"account_id": "A00", "signalled_at": at("2026-05-31 20:00"), "responded_at": at("2026-06-01 02:00")},
        ],
    )
    con = lake.judge()
    assert value(con, "response_hours", MAY) == 28
    assert value(con, "response_within_24h_rate", MAY) == 0.2
    assert value(con, "response_within_48h_rate", MAY) == 0.6


def test_nps_takes_the_latest_answer_of_each_contact(lake):
    lake.snapshot("accounts", accounts(1))
    answer = lambda n, contact, score, when, **more: {  # noqa: E731
        "survey_id": f"S{n}", "kind": "nps", "account_id": "A00", "contact_id": contact, "score": score, "answered_at": at(when)} | more  # fmt: skip
    lake.events(
        "surveys",
        [
            answer(1, "C1", 2.0, "2026-05-02"),
            answer(2, "C1", 9.0, "2026-05-20"),
            answer(3, "C2", 10.0, "2026-05-03"),
            answer(4, "C3", 6.0, "2026-05-04"),
            answer(5, None, 8.0, "2026-05-05", account_id=None, region="APAC"),
            answer(6, None, 10.0, "2026-05-06", account_id=None, region="APAC"),
        ],
    )
    con = lake.judge()
    assert value(con, "net_promoter_score", MAY) == pytest.approx(40)
    assert value(con, "net_promoter_score", MAY, region="EMEA") == pytest.approx(100 / 3)
    assert value(con, "net_promoter_score", MAY, region="APAC", bu="(unknown)") == 50
