"""The judge's journeys, shares, chains and games, on lakes and journeys that can be worked out by head."""

from fractions import Fraction

import pytest
from attribution import attribute
from games import conversion_probability, removal_effects, shapley_values, transitions
from tiny import MAY, accounts, at, day, deal, touch, value, won


def shares(con, model: str, opportunity: str = "O01", purpose: str = "revenue") -> list[float]:
    """What each touch of the journey is worth, in its order."""
    rows = con.execute(
        "select share from touch_share where model = ? and opportunity_id = ? and purpose = ? order by place",
        [model, opportunity, purpose],
    ).fetchall()
    return [pytest.approx(share) for (share,) in rows]


def credit(con, model: str, column: str = "conversions", cut: str = "all", member: str = "all") -> dict:
    """What May's cell gives to each channel and campaign."""
    rows = con.execute(
        f"select channel, campaign_id, {column} from cell where grain = 'month' and period_start = ? and model = ? "
        f"and cut = ? and member = ? and {column} <> 0",
        [day(MAY), model, cut, member],
    ).fetchall()
    return {(channel, campaign) if campaign else channel: pytest.approx(figure) for channel, campaign, figure in rows}


def attributed(lake):
    con = lake.judge()
    attribute(con)
    return con


# --- journeys and places ----------------------------------------------------------------------------------------------


def walk(lake, *days: str, channel: str = "web"):
    """The account's touches on these days, then a deal that is opened on 1 May and won on 20 May."""
    lake.snapshot("accounts", accounts(1))
    lake.snapshot("opportunities", [won(1, "A00", 1000.0, 19)])
    lake.events("touchpoints", [touch("A00", when, channel=channel) for when in days])
    return lake


def test_a_journey_begins_two_calendar_years_before_its_end_and_does_not_contain_it(lake):
    walk(lake, "2024-05-19 23:59", "2024-05-20 00:00", "2026-05-19 23:59", "2026-05-20 00:00")
    assert shares(attributed(lake), "linear") == [0.5, 0.5]


def test_milestones_belong_to_the_last_touch_before_them_and_the_rest_is_the_middle(lake):
    walk(lake, "2026-03-01", "2026-04-01", "2026-04-10", "2026-05-01", "2026-05-10", "2026-05-12")
    entries = [at(when) for when in ("2026-03-20", "2026-04-11", "2026-05-21")]
    lake.events("account_stages", [{"account_id": "A00", "stage": "mqa", "entered_at": each} for each in entries])
    con = attributed(lake)
    assert shares(con, "first_touch") == [1, 0, 0, 0, 0, 0]
    assert shares(con, "last_touch") == [0, 0, 0, 0, 0, 1]
    assert shares(con, "position_20_50_30") == [0.2, 0.125, 0.125, 0.125, 0.125, 0.3]
    assert shares(con, "w_shaped") == [0.3, 0.1 / 3, 0.3, 0.3, 0.1 / 3, 0.1 / 3]
    assert shares(con, "full_path") == [0.225, 0.05, 0.225, 0.225, 0.05, 0.225]
    assert shares(con, "custom") == [0.15, 0.2, 0.15, 0.15, 0.2, 0.15]
    assert shares(con, "custom", purpose="pipeline") == [0.15, 0.4, 0.45], "the third is last, and both milestones'"


def test_what_nobody_holds_is_shared_by_the_others(lake):
    walk(lake, "2026-05-10", "2026-05-12")
    con = attributed(lake)
    assert shares(con, "position_40_20_40") == [0.5, 0.5]
    assert shares(con, "w_shaped") == [0.75, 0.25], "neither a lead nor a touch before the opportunity"
    assert shares(con, "u_shaped_50_50") == [0.5, 0.5]


def test_time_halves_the_weight_in_thirty_days(lake):
    walk(lake, "2026-04-10", "2026-05-10")
    assert shares(attributed(lake), "time_decay") == [1 / 3, 2 / 3]


def test_touches_of_one_moment_go_by_channel_and_campaign(lake):
    walk(lake)
    same = "2026-05-10"
    ads = [touch("A00", same, channel="ads", campaign_id=campaign) for campaign in ("C2", None, "C1")]
    lake.events("touchpoints", [touch("A00", same), *ads])
    con = attributed(lake)
    assert credit(con, "first_touch") == {"ads": 1}
    assert credit(con, "position_20_50_30") == {"ads": 0.2, ("ads", "C1"): 0.25, ("ads", "C2"): 0.25, "web": 0.3}
    assert credit(con, "last_touch") == {"web": 1}
    assert shares(con, "shapley") == [1 / 6, 1 / 6, 1 / 6, 0.5]


# --- chains and games -------------------------------------------------------------------------------------------------


def test_removing_a_channel_takes_the_conversions_that_pass_it():
    journeys = [(("a", "b"), True), (("a",), False), (("b",), True), (("b",), False)]
    counted = transitions(journeys)
    assert conversion_probability(counted) == Fraction(1, 2)
    # a leads to b in one of two cases, b to the conversion in two of three.
    assert conversion_probability(counted, "a") == Fraction(1, 2) * Fraction(2, 3)
    assert removal_effects(counted) == {"a": Fraction(1, 3), "b": 1}


def test_a_chain_may_stay_where_it_is():
    counted = transitions([(("a", "a", "b"), True), (("a",), False)])
    assert conversion_probability(counted) == Fraction(1, 2)
    assert removal_effects(counted) == {"a": 1, "b": 1}


def test_shapley_pays_what_is_added_on_average():
    journeys = [(("a",), True), (("a",), False), (("b",), False), (("a", "b", "a"), True), (("b", "a"), True)]
    # Rates: nobody 0, a alone 1/2, b alone 0, both 3/5.
    assert shapley_values(journeys) == {"a": Fraction(11, 20), "b": Fraction(1, 20)}


def test_a_channel_that_only_harms_is_worth_less_than_nothing():
    assert shapley_values([(("a",), True), (("b",), False)]) == {"a": Fraction(3, 4), "b": Fraction(-1, 4)}


# --- cells ------------------------------------------------------------------------------------------------------------


def three_deals(lake):
    """A large deal by sales alone, a small one by web and sales, one of nobody's; an account that came to nothing."""
    regions = {"A": "APAC", "B": "EMEA", "C": "EMEA", "D": "AMER"}
    lake.snapshot("accounts", [{"account_id": account, "region": region} for account, region in regions.items()])
    lake.snapshot("opportunities", [won(1, "A", 1_000_000.0, 200), won(2, "B", 400.0, 200), won(3, "C", 100.0, 200)])
    lake.events("touchpoints", [touch("A", "2026-05-02", channel="sales"), touch("B", "2026-05-02", campaign_id="X"),
                                touch("B", "2026-05-03"), touch("B", "2026-05-04", channel="sales"),
                                touch("D", "2026-05-05")])  # fmt: skip
    return lake


def test_a_cell_divides_by_what_the_channels_that_it_saw_are_worth(lake):
    con = attributed(three_deals(lake))
    # From the start one of three goes to sales and two to web, from web one each to web, sales and nothing, and from
    # sales all to the conversion. Without web 1/3 is left of 2/3, without sales nothing: effects of 1/2 and 1.
    money = 1_000_400
    assert credit(con, "markov") == {"sales": 4 / 3, ("web", "X"): 1 / 3, "web": 1 / 3, "unattributed": 1}
    assert credit(con, "markov", "revenue") == {
        "sales": money * 2 / 3, ("web", "X"): money / 6, "web": money / 6, "unattributed": 100,
    }  # fmt: skip
    assert credit(con, "markov", cut="region", member="APAC") == {"sales": 1}, "web is no channel of APAC"
    assert credit(con, "markov_journey") == {"sales": 1 + 2 / 3, ("web", "X"): 1 / 6, "web": 1 / 6, "unattributed": 1}
    assert credit(con, "markov", "large_conversions") == {"sales": 1}
    assert credit(con, "linear", "large_revenue") == {"sales": 1_000_000}


def test_channels_of_no_worth_share_alike(lake):
    con = attributed(three_deals(lake))
    values = "select state, value from fitted where model = 'shapley_rate' and purpose = 'revenue'"
    # Rates: sales alone 1, web alone 0, both 2/3.
    assert dict(con.execute(values).fetchall()) == {"sales": pytest.approx(5 / 6), "web": pytest.approx(-1 / 6)}
    assert credit(con, "shapley_rate") == {"sales": 2, "unattributed": 1}


def test_a_cell_without_any_channel_of_worth_divides_evenly(lake):
    lake.snapshot("accounts", [{"account_id": "A", "region": "APAC"}, *accounts(4)])
    closed = [won(n, f"A0{n}", 10.0, 200) for n in range(2)]
    lake.snapshot("opportunities", [won(9, "A", 100.0, 200), *closed])
    lake.events("touchpoints", [touch("A", "2026-05-02", channel=channel) for channel in ("ads", "email")])
    lake.events("touchpoints", [touch("A00", "2026-05-02"), touch("A01", "2026-05-02")])
    lost = [touch(f"A0{n}", "2026-05-02", channel=channel) for n, channel in ((2, "ads"), (3, "email"))]
    con = attributed(lake.events("touchpoints", lost))
    # Web alone always converts, ads and email alone never; together those two convert one time in three.
    values = "select state, value from fitted where model = 'shapley_rate' and purpose = 'revenue'"
    worth = dict(con.execute(values).fetchall())
    assert worth["web"] > 0 > worth["ads"] == worth["email"]
    assert credit(con, "shapley_rate", cut="region", member="APAC") == {"ads": 0.5, "email": 0.5}
    assert credit(con, "shapley_rate", cut="region", member="EMEA") == {"web": 2}
    assert credit(con, "shapley_rate") == {"web": 3}


def test_campaigns_of_a_channel_share_money_by_the_money_that_another_model_gives_them(lake):
    lake.snapshot("accounts", accounts(2))
    lake.snapshot("opportunities", [won(0, "A00", 900.0, 200), won(1, "A01", 100.0, 200)])
    lake.events("touchpoints", [touch(f"A0{n}", "2026-05-02", campaign_id=f"C{n}") for n in range(2)])
    con = attributed(lake)
    assert credit(con, "markov") == {("web", "C0"): 1, ("web", "C1"): 1}
    for model in ("markov", "markov_journey"):
        assert credit(con, model, "revenue") == {("web", "C0"): 900, ("web", "C1"): 100}


def test_spend_stands_beside_what_its_channel_and_campaign_brought(lake):
    three_deals(lake)
    paid = [{"channel": "web", "campaign_id": "X", "amount": 50.0}, {"amount": 7.0}, {"channel": "ads", "amount": 3.0}]
    lake.events("spend", [{"month": day(MAY), "account_id": "B", **row} for row in paid])
    con = attributed(lake)
    assert credit(con, "linear", "spend") == {("web", "X"): 50, "unattributed": 7, "ads": 3}
    assert credit(con, "linear", "channel_roi")[("web", "X")] == (400 / 3 - 50) / 50
    assert credit(con, "linear", "channel_roi")["ads"] == -1
    assert credit(con, "last_touch", "spend") == credit(con, "linear", "spend"), "spend is there by every model"


# --- KPIs -------------------------------------------------------------------------------------------------------------


def test_kpis_leave_out_what_nobody_touched(lake):
    three_deals(lake)
    lake.snapshot("opportunities", [deal(4, "B", amount=60.0, created_at=at("2026-05-09")),
                                    deal(5, "C", amount=9.0, created_at=at("2026-05-09"))])  # fmt: skip
    lake.events("spend", [{"month": day(MAY), "account_id": "B", "channel": "ads", "amount": 100.0},
                          {"month": day(MAY), "account_id": "B", "amount": 1.0}])  # fmt: skip
    con = lake.judge()
    assert value(con, "attributed_revenue", MAY) == pytest.approx(1_000_400)
    assert value(con, "attributed_conversions", MAY) == pytest.approx(2)
    assert value(con, "attributed_pipeline", MAY) == pytest.approx(60)
    assert value(con, "channel_roi", MAY, region="EMEA") == pytest.approx(3)
    assert value(con, "channel_roi", MAY, region="APAC") is None
    assert value(con, "channel_roi", "2026-05-18", grain="week") == "no row"
    # The first touch and half of the middle are of the web, three tenths of sales.
    assert value(con, "attribution_concentration", MAY, region="EMEA") == pytest.approx(0.7**2 + 0.3**2)
    assert value(con, "attribution_concentration", MAY, region="APAC") == 1
    assert value(con, "attribution_concentration", MAY, region="AMER") is None
