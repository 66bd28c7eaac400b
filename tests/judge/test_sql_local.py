"""The judge's SQL for KPIs of single regions, worked out by hand."""

from tiny import MAY, at, day, touch, value, won


def test_a_regional_kpi_has_figures_in_its_region_only(lake):
    lake.snapshot(
        "accounts",
        [
            {"account_id": "J", "region": "APAC", "customer_since": day("2026-05-22")},
            {"account_id": "K", "region": "APAC", "customer_since": day("2026-05-02")},
            {"account_id": "L", "region": "APAC", "customer_since": day("2026-06-01")},
            {"account_id": "E", "region": "EMEA", "customer_since": day("2020-01-01")},
        ],
    )
    meeting = lambda account, when: touch(account, when, kind="sales_meeting", direction="outbound")  # noqa: E731
    lake.events(
        "touchpoints",
        [meeting("J", "2026-03-03 00:00"), meeting("J", "2026-05-01"), meeting("K", "2026-05-02 09:00"), meeting("K", "2026-05-02 18:00"),
         meeting("L", "2026-03-02"), meeting("E", "2026-05-02"), meeting("E", "2026-05-03")],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "apac_relationship_tenure_days", MAY, region="APAC") == 20, "10 and 30"
    assert value(con, "apac_repeat_meeting_rate", MAY, region="APAC") == 0.5
    assert value(con, "apac_repeat_meeting_rate", MAY, region="APAC", tier="scale") == 0.5
    for elsewhere in ({}, {"region": "EMEA"}, {"tier": "scale"}):
        assert value(con, "apac_relationship_tenure_days", MAY, **elsewhere) is None
        assert value(con, "apac_repeat_meeting_rate", MAY, **elsewhere) is None


def test_time_to_revenue_ends_with_the_first_month_of_revenue_from_the_closing_on(lake):
    lake.snapshot("accounts", [{"account_id": a, "region": "AMER"} for a in ("A", "B")])
    lake.snapshot(
        "opportunities",
        [won(1, "A", 60.0, 10, "2026-04-20"), won(2, "B", 90.0, 20, "2026-05-21"), won(3, "A", 1.0, 20, "2025-05-31 23:59"),
         won(4, "B", 0.0, 10, "2026-05-11", kind="renewal")],
    )  # fmt: skip
    paid = (("A", "2026-03-01"), ("A", MAY), ("B", MAY))
    lake.events("revenue", [{"account_id": a, "month": day(month), "amount": 1.0} for a, month in paid])
    lake.events("account_stages", [{"account_id": "A", "stage": "mqa", "entered_at": at("2025-05-02")}])
    con = lake.judge()
    # From 10 April and from 1 May to the end of May; the deal of 2025 saw its account's revenue in March.
    assert value(con, "amer_time_to_revenue_days", MAY, region="AMER") == (52 + 31) / 2
    assert value(con, "amer_time_to_revenue_days", "2026-04-01", region="AMER") is None
    assert value(con, "amer_velocity", MAY, region="AMER") == 150 / 40
    assert value(con, "amer_velocity", MAY) is None
