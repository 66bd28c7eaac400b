"""The judge's SQL for who was reached in an account and how people and accounts behave, worked out by hand."""

import pytest
from tiny import MAY, accounts, at, day, touch, value


# --- coverage ----------------------------------------------------------------------------------------------------------


def test_decision_makers_are_directors_and_above_of_target_accounts(lake):
    lake.snapshot("accounts", [{"account_id": "A00"}, {"account_id": "unlisted", "listed_on": None}])
    people = {"boss": "c_level", "head": "director", "second": "director", "clerk": "manager", "odd": "visitor"}
    lake.snapshot("contacts", [{"contact_id": c, "account_id": "A00", "seniority": s} for c, s in people.items()])
    lake.snapshot("contacts", [{"contact_id": "elsewhere", "account_id": "unlisted", "seniority": "c_level"}])
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-05-02", "head", direction="outbound"),
            touch("A00", "2026-05-03", "clerk"),
            touch("A00", "2026-05-04", "odd"),
            touch("unlisted", "2026-05-05", "elsewhere"),
        ],
    )
    con = lake.judge()
    assert value(con, "decision_maker_coverage", MAY) == 1 / 3
    assert value(con, "contact_coverage", MAY) == 3 / 5
    assert value(con, "contact_seniority", MAY) == 2, "of those engaged and known to the ranks: the clerk"
    assert value(con, "c_level_sponsor_rate", MAY) == 0


def test_countries_are_counted_account_by_account(lake):
    lake.snapshot("accounts", accounts(3))
    at_home = {"a": ("A00", "FR"), "b": ("A00", "FR"), "c": ("A00", "JP"), "d": ("A01", "FR"), "e": ("A01", "US")}
    lake.snapshot("contacts", [{"contact_id": c, "account_id": a, "country": country} for c, (a, country) in at_home.items()])
    lake.events("touchpoints", [touch("A00", "2026-05-02", "a"), touch("A00", "2026-05-03", "b"),
                                touch("A01", "2026-05-04", "e", direction="outbound")])  # fmt: skip
    con = lake.judge()
    assert value(con, "geography_coverage", MAY, column="numerator") == 1
    assert value(con, "geography_coverage", MAY, column="denominator") == 4
    assert value(con, "geography_coverage", MAY) == 0.25


def test_buying_groups_are_those_reached_and_silent_accounts_have_none(lake):
    lake.snapshot("accounts", accounts(4))
    groups = {"a": "users", "b": "users", "c": "buyers", "d": None}
    lake.snapshot("contacts", [{"contact_id": c, "account_id": "A00", "buying_group": g} for c, g in groups.items()])
    lake.snapshot("contacts", [{"contact_id": "e", "account_id": "A01", "buying_group": "users"}])
    sent = {"kind": "email_sent", "direction": "outbound"}
    lake.events("touchpoints", [touch("A00", f"2026-05-0{n}", c, **sent) for n, c in enumerate("abcd", 1)]
                + [touch("A01", "2026-05-09", "e")])  # fmt: skip
    assert value(lake.judge(), "buying_groups_targeted", MAY) == 0.5


# --- engagement --------------------------------------------------------------------------------------------------------


def test_an_answer_is_the_next_inbound_touch_of_the_account_up_to_as_of(lake):
    lake.snapshot("accounts", accounts(2))
    out = {"kind": "email_sent", "direction": "outbound"}
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-05-02 00:00", "someone", **out),  # 10 hours to the answer
            touch("A00", "2026-05-02 06:00", **out),  # 4 hours to the same answer
            touch("A00", "2026-05-02 10:00", "someone else"),
            touch("A00", "2026-05-02 10:00", **out),  # not at the same moment: 38 hours
            touch("A00", "2026-05-04 00:00"),
            touch("A00", "2026-05-30", **out),  # no answer
            touch("A01", "2026-04-30 12:00", **out),  # of April; the answer comes in May
            touch("A01", "2026-05-01 00:00"),
            touch("A01", "2026-05-31 20:00", **out),
            touch("A01", "2026-06-01 00:00"),  # not known yet
        ],
    )
    con = lake.judge()
    assert value(con, "engagement_response_hours", MAY) == pytest.approx(52 / 3)
    assert value(con, "engagement_response_hours", "2026-04-01") == 12


def test_signals_are_counted_by_kind_direction_and_channel(lake):
    lake.snapshot("accounts", accounts(1))
    lake.snapshot("contacts", [{"contact_id": c, "account_id": "A00"} for c in ("a", "b", "c")])
    lake.events(
        "touchpoints",
        [
            touch("A00", "2026-05-01", "a", duration_s=30.0),
            touch("A00", "2026-05-02", "a", duration_s=90.0),
            touch("A00", "2026-05-03", "stranger", duration_s=None),
            touch("A00", "2026-05-04", "b", channel="event", duration_s=3600.0),
            touch("A00", "2026-05-05", "c", channel="web", direction="outbound"),
            touch("A00", "2026-05-06", channel="social", kind="social_interaction"),
            touch("A00", "2026-05-07", channel="social", kind="linkedin_interaction", direction="outbound"),
            touch("A00", "2026-05-08", kind="demo_request", requested=True),
            touch("A00", "2026-05-09", kind="premium_download"),
            touch("A00", "2026-05-10", kind="download"),
            touch("A00", "2026-05-11", kind="form_submit"),
        ]
        + [touch("A00", f"2026-05-{n}", channel="email", kind="email_sent", direction="outbound") for n in (12, 13, 14, 15)]
        + [touch("A00", "2026-05-16", channel="email", kind="email_click")]
        + [touch("A00", f"2026-05-{n}", channel="email", kind="email_reply") for n in (17, 18)],
    )
    con = lake.judge()
    figures = {
        "session_duration": 60, "unique_visitors": 1, "social_interactions": 1, "inbound_requests": 1, "downloads": 2,
        "form_submits": 1, "email_click_rate": 0.25, "email_reply_rate": 0.5, "engagement_quality": 1 / 12,
    }  # fmt: skip
    assert {kpi: value(con, kpi, MAY) for kpi in figures} == figures


def test_health_is_the_latest_score_of_each_account_that_has_one(lake):
    lake.snapshot("accounts", accounts(4))
    score = lambda account, when, points: {"account_id": account, "day": day(when), "score": points}  # noqa: E731
    lake.events(
        "account_health",
        [score("A00", "2026-01-05", 40.0), score("A00", "2026-05-31", 60.0), score("A00", "2026-06-01", 99.0),
         score("A01", "2026-03-31", 80.0), score("A02", "2026-05-04", 10.0), score("A02", "2026-05-18", 40.0)],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "account_health", MAY) == 60
    assert value(con, "account_health_change", MAY) == 0, "60 now, 60 of the two accounts known in April"
    assert value(con, "account_health", "2026-04-01") == 60
    assert value(con, "account_health_change", "2026-04-01", "quarter") == 0
    assert value(con, "account_health", "2026-01-01") == 40
    assert value(con, "account_health_change", "2026-01-01") is None


def test_answers_to_surveys_fall_to_the_dimensions_that_they_name(lake):
    lake.snapshot("accounts", accounts(1))
    answer = lambda n, kind, score, **more: {  # noqa: E731
        "survey_id": f"S{n}", "kind": kind, "score": score, "answered_at": at("2026-05-09")} | more  # fmt: skip
    alignment, team = "sales_marketing_alignment", "account_team"
    lake.events(
        "surveys",
        [answer(1, alignment, 5.0, region="APAC", bu="data"), answer(2, alignment, 3.0, region="APAC"),
         answer(3, alignment, 1.0, account_id="A00", region="APAC"), answer(4, team, 4.0, account_id="A00", contact_id="C"),
         answer(5, team, 2.0, account_id="A00", contact_id="C")],
    )  # fmt: skip
    con = lake.judge()
    assert value(con, "alignment_satisfaction", MAY) == 3
    assert value(con, "alignment_satisfaction", MAY, region="APAC") == 4
    assert value(con, "alignment_satisfaction", MAY, region="APAC", bu="(unknown)") == 3
    assert value(con, "account_team_feedback", MAY, region="EMEA") == 3
