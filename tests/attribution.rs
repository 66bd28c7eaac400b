//! Multi-touch attribution: credit of four deals, worked out by hand for every model, and what becomes of bad input.

#![expect(clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rstest::rstest;
use support::marts::assert_close;
use support::program::{Outcome, Project, Workshop, published};
use support::{Lake, Marts};

static MARTS: LazyLock<Marts> = LazyLock::new(|| published("attribution"));

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?} is a number"))
}

/// Column of a model's rows of June at a cut, summed by channel; channels with nothing are left out.
fn by_channel(marts: &Marts, model: &str, cut: &[(&str, &str)], column: &str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for row in marts.rows("attribution") {
        let period = row["period_grain"] == "month" && row["period_start"] == "2026-06-01";
        let dimensions = ["region", "bu", "tier", "industry", "program"];
        let wanted = |name: &str| cut.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
        if period && row["model"] == model && dimensions.iter().all(|name| row[*name] == wanted(name)) {
            *sums.entry(row["channel"].clone()).or_insert(0.0) += number(&row, column);
        }
    }
    sums.retain(|_, value| *value != 0.0);
    sums
}

#[track_caller]
fn assert_channels(found: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let mut wanted: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "{found:?}");
    for (name, value) in expected {
        assert_close(Some(found[*name]), *value);
    }
}

const THIRD: f64 = 1.0 / 3.0;

// Revenue of 100 for web, 200 for email and web, 700 for ads, email and event; 50 for nobody.
#[rstest]
#[case::all_to_the_first("first_touch", 100.0, 200.0, 700.0, 0.0)]
#[case::all_to_the_last("last_touch", 100.0 + 200.0, 0.0, 0.0, 700.0)]
#[case::halves_and_thirds("linear", 100.0 + 100.0, 100.0 + 700.0 * THIRD, 700.0 * THIRD, 700.0 * THIRD)]
#[case::one_to_two_and_one_to_two_to_four(
    "time_decay",
    100.0 + 200.0 * 2.0 / 3.0,
    200.0 / 3.0 + 700.0 * 2.0 / 7.0,
    700.0 / 7.0,
    700.0 * 4.0 / 7.0
)]
#[case::halves("u_shaped_50_50", 100.0 + 100.0, 100.0, 350.0, 350.0)]
#[case::halves_of_two_and_a_fifth_between("position_40_20_40", 100.0 + 100.0, 100.0 + 140.0, 280.0, 280.0)]
#[case::two_to_three_of_two("position_20_50_30", 100.0 + 120.0, 80.0 + 350.0, 140.0, 210.0)]
#[case::first_and_lead_in_one_touch("w_shaped", 100.0 + 200.0 / 3.0, 400.0 / 3.0 + 210.0, 420.0, 70.0)]
#[case::nothing_between("full_path", 100.0 + 100.0, 100.0 + 175.0, 350.0, 175.0)]
// 15 + 15 of 60 in one touch, 15 + 15 in the other; 30, 15 and 15 of 60 with nothing between.
#[case::own_weights("custom", 100.0 + 100.0, 100.0 + 175.0, 350.0, 175.0)]
#[case::channels_alike("shapley", 100.0 + 100.0, 100.0 + 700.0 * THIRD, 700.0 * THIRD, 700.0 * THIRD)]
// Removal effects, see below: web 18, email 15, event 9, ads 5 of 27.
#[case::in_proportion_to_removal_effects(
    "markov_journey",
    100.0 + 200.0 * 18.0 / 33.0,
    200.0 * 15.0 / 33.0 + 700.0 * 15.0 / 29.0,
    700.0 * 5.0 / 29.0,
    700.0 * 9.0 / 29.0
)]
#[case::all_deals_together("markov", 18_000.0 / 47.0, 15_000.0 / 47.0, 5_000.0 / 47.0, 9_000.0 / 47.0)]
#[case::by_what_is_added_to_the_rate("shapley_rate", 2_000.0 / 3.0, 1_000.0 / 9.0, 1_000.0 / 9.0, 1_000.0 / 9.0)]
fn revenue(#[case] model: &str, #[case] web: f64, #[case] email: f64, #[case] ads: f64, #[case] event: f64) {
    let found = by_channel(&MARTS, model, &[], "revenue");
    let all = [("web", web), ("email", email), ("ads", ads), ("event", event), ("unattributed", 50.0)];
    let all: Vec<_> = all.into_iter().filter(|(_, value)| *value != 0.0).collect();
    assert_channels(&found, &all);
}

/// Journeys: web, email > web, ads > email > event convert; web of the fourth account and email of the fifth, which came
/// after its deal, do not.
///
/// (start) → web 2/5, email 2/5, ads 1/5; web → (conversion) 2/3; email → web 1/3, event 1/3; ads → email; event → (conversion).
/// P = 2/5 · 2/3 + 3/5 · (1/3 · 2/3 + 1/3) = 9/15. Without web 3/15, without email 4/15, without event 6/15, without ads 22/45.
#[rstest]
#[case("conversion_probability", "", 0.6)]
#[case("removal_effect", "web", 18.0 / 27.0)]
#[case("removal_effect", "email", 15.0 / 27.0)]
#[case("removal_effect", "event", 9.0 / 27.0)]
#[case("removal_effect", "ads", 5.0 / 27.0)]
fn what_a_markov_chain_has_learned(#[case] measure: &str, #[case] state: &str, #[case] value: f64) {
    let row = MARTS.row("attribution_diagnostics", &[("model", "markov"), ("measure", measure), ("state", state)]);
    assert_close(Some(number(&row, "value")), value);
}

#[rstest]
#[case("(start)", "web", 0.4, 2)]
#[case("(start)", "ads", 0.2, 1)]
#[case("web", "(conversion)", 2.0 / 3.0, 2)]
#[case("web", "(nothing)", THIRD, 1)]
#[case("email", "event", THIRD, 1)]
fn where_journeys_go_on(#[case] state: &str, #[case] next: &str, #[case] probability: f64, #[case] n: u32) {
    let wanted = [("model", "markov"), ("measure", "transition"), ("state", state), ("next_state", next)];
    let row = MARTS.row("attribution_diagnostics", &wanted);
    assert_close(Some(number(&row, "value")), probability);
    assert_eq!(row["n"], n.to_string());
}

// Web alone converts in one of two, email alone in none of one. Web adds 1/2 to every set but the three others, to which it
// adds 1/10: (1/2 + 1/2 + 1/2 + 1/10) / 4. The others add 1/2 once in three orders of two, and 1/10 as the last.
#[rstest]
#[case("web", 0.4)]
#[case("email", 1.0 / 15.0)]
#[case("ads", 1.0 / 15.0)]
#[case("event", 1.0 / 15.0)]
fn what_a_channel_adds_to_the_rate(#[case] channel: &str, #[case] value: f64) {
    let wanted = [("model", "shapley_rate"), ("measure", "shapley_value"), ("state", channel)];
    assert_close(Some(number(&MARTS.row("attribution_diagnostics", &wanted), "value")), value);
}

#[test]
fn credit_of_a_region_stays_in_it() {
    let emea = [("region", "EMEA")];
    assert_channels(&by_channel(&MARTS, "linear", &emea, "revenue"), &[("web", 200.0), ("email", 100.0)]);
    assert_channels(&by_channel(&MARTS, "linear", &emea, "conversions"), &[("web", 1.5), ("email", 0.5)]);
    // The channels of the region alone share what was won there.
    let markov = by_channel(&MARTS, "markov", &emea, "revenue");
    assert_channels(&markov, &[("web", 300.0 * 18.0 / 33.0), ("email", 300.0 * 15.0 / 33.0)]);
    let apac = by_channel(&MARTS, "linear", &[("region", "APAC")], "conversions");
    assert_channels(&apac, &[("ads", THIRD), ("email", THIRD), ("event", THIRD), ("unattributed", 1.0)]);
}

#[test]
fn opportunities_have_credit_of_their_own() {
    // Created in June: one of the account whose email came later, one of the account with three touches.
    let pipeline = by_channel(&MARTS, "linear", &[], "pipeline");
    assert_channels(&pipeline, &[("ads", 333.0), ("email", 333.0), ("event", 333.0), ("unattributed", 50.0)]);
    let opportunities = by_channel(&MARTS, "last_touch", &[], "opportunities");
    assert_channels(&opportunities, &[("event", 1.0), ("unattributed", 1.0)]);
}

#[rstest]
// 200 of the web, of which 100 carry a campaign that nothing was spent on.
#[case::channel("web", "", "100", "20", Some(4.0))]
#[case::campaign_without_spend("web", "C1", "100", "0", None)]
#[case::less_than_it_cost_is_less_than_nothing("email", "C2", "333.3333", "30", Some(303.333_333 / 30.0))]
fn channels_return_what_they_are_credited_with_less_what_they_cost(
    #[case] channel: &str,
    #[case] campaign: &str,
    #[case] revenue: &str,
    #[case] spend: &str,
    #[case] roi: Option<f64>,
) {
    let wanted = [
        ("period_grain", "month"),
        ("period_start", "2026-06-01"),
        ("model", "linear"),
        ("cut", "all"),
        ("channel", channel),
        ("campaign_id", campaign),
    ];
    let row = MARTS.row("attribution", &wanted);
    assert!(row["revenue"].starts_with(revenue), "{row:?}");
    assert!(row["spend"].starts_with(spend), "{row:?}");
    let found = row["channel_roi"].parse::<f64>().ok();
    assert_eq!(found.is_some(), roi.is_some(), "{row:?}");
    assert!(found.zip(roi).is_none_or(|(found, roi)| (found - roi).abs() < 1e-6), "{row:?}");
}

#[test]
fn spend_without_a_channel_is_nobodys() {
    let spend = by_channel(&MARTS, "shapley", &[], "spend");
    assert_channels(&spend, &[("web", 20.0), ("email", 30.0), ("unattributed", 99.0)]);
}

#[test]
fn models_stand_side_by_side() {
    let row = MARTS.row("attribution_comparison", &[("channel", "email")]);
    assert_close(Some(number(&row, "first_touch")), 200.0);
    assert_close(Some(number(&row, "position_20_50_30")), 430.0);
    assert_close(Some(number(&row, "markov")), 15_000.0 / 47.0);
    // The email of the fifth account came after its deal.
    assert_eq!([&row["touches"], &row["touches_in_window"], &row["journeys"]], ["3", "2", "2"]);
    let nobody = MARTS.row("attribution_comparison", &[("channel", "unattributed")]);
    assert_eq!([&nobody["first_touch"], &nobody["markov"], &nobody["touches"]], ["50", "50", ""]);
}

#[test]
fn a_deal_can_be_followed_down_to_the_touches_of_people() {
    let email = MARTS.row("attribution_touches", &[("opportunity_id", "W2"), ("channel", "email")]);
    assert_eq!([&email["contact_id"], &email["kind"], &email["campaign_id"]], ["P2", "email_sent", "C2"]);
    assert_close(Some(number(&email, "position_20_50_30")), 0.4);
    let web = MARTS.row("attribution_touches", &[("opportunity_id", "W2"), ("channel", "web")]);
    assert_eq!(web["contact_id"], "P3");
    assert_close(Some(number(&web, "w_shaped")), THIRD);
    let of_third = MARTS.rows("attribution_touches").into_iter().filter(|row| row["opportunity_id"] == "W3");
    let decayed: Vec<f64> = of_third.map(|row| number(&row, "time_decay") * 7.0).collect();
    assert_eq!(decayed.iter().map(|share| share.round()).collect::<Vec<_>>(), [1.0, 2.0, 4.0]);
}

#[test]
fn ways_to_a_deal() {
    let row = MARTS.row("attribution_paths", &[("path", "ads > email > event")]);
    assert_eq!([&row["conversions"], &row["revenue"], &row["touches"], &row["days"]], ["1", "700", "3", "100"]);
    let nobody = MARTS.row("attribution_paths", &[("path", "unattributed")]);
    assert_eq!([&nobody["conversions"], &nobody["touches"], &nobody["days"]], ["1", "0", ""]);
}

#[test]
fn credit_adds_up_to_what_was_won() {
    let mut sums: BTreeMap<(String, String, String, String), [f64; 4]> = BTreeMap::new();
    for row in MARTS.rows("attribution") {
        let cell = format!("{} {} {} {}", row["region"], row["bu"], row["tier"], row["industry"]);
        let period = format!("{} {}", row["period_grain"], row["period_start"]);
        let cell = (row["model"].clone(), period, format!("{cell} {}", row["program"]), row["cut"].clone());
        let sum = sums.entry(cell).or_default();
        for (sum, column) in sum.iter_mut().zip(["conversions", "revenue", "opportunities", "pipeline"]) {
            *sum += number(&row, column);
        }
    }
    let linear: BTreeMap<_, _> = sums
        .iter()
        .filter(|((model, ..), _)| model == "linear")
        .map(|((_, period, cell, cut), sums)| ((period, cell, cut), sums))
        .collect();
    assert!(linear.len() > 30, "there are cells to look at: {}", linear.len());
    let mut models = std::collections::BTreeSet::new();
    for ((model, period, cell, cut), sums) in &sums {
        models.insert(model);
        for (sum, expected) in sums.iter().zip(linear[&(period, cell, cut)]) {
            assert!(
                (sum - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                "{model} {period} {cell}: {sum} is not {expected}"
            );
        }
    }
    assert_eq!(models.len(), 14);
}

// ---- What is not as it should be -------------------------------------------------------------------------------------

fn ran(place: &Workshop, arguments: &[&str]) -> Outcome {
    let all: Vec<&str> = ["run"].iter().chain(arguments).copied().collect();
    place.command(&all)
}

#[test]
fn touches_outside_the_window_do_not_count() {
    let place = Workshop::new(&Lake::fixture("attribution"));
    ran(&place, &["--var", "ATTRIBUTION_WINDOW_MONTHS=1"]).ok();
    // From 10 May: the web of the second deal; from 20 May nothing of the third, and the first lies on 1 May.
    let found = by_channel(&place.marts(), "linear", &[], "revenue");
    assert_channels(&found, &[("web", 200.0), ("unattributed", 100.0 + 700.0 + 50.0)]);
    let row = place.marts().row("attribution_comparison", &[("channel", "email")]);
    assert_eq!([&row["touches"], &row["touches_in_window"]], ["3", "0"]);
}

#[rstest]
#[case::each_by_itself("path: every", &[("ads", 1.0), ("web", 3.0)])]
#[case::in_a_row("path: collapse", &[("ads", 4.0 / 3.0), ("web", 8.0 / 3.0)])]
#[case::of_each_channel("path: first_occurrence", &[("ads", 2.0), ("web", 2.0)])]
#[case::of_each_campaign("path: unique", &[("ads", 4.0 / 3.0), ("web", 8.0 / 3.0)])]
#[case::without_ads("leave_out: [ads]", &[("web", 4.0)])]
#[case::grouped("channels: {digital: [ads, web]}", &[("digital", 4.0)])]
#[case::all_that_there_is_is_kept("leave_out: [ads, web]", &[("ads", 1.0), ("web", 3.0)])]
fn which_touches_are_steps(#[case] rule: &str, #[case] expected: &[(&str, f64)]) {
    // web, web of a campaign, ads, web; four euros.
    let lake = Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A}],
          touchpoints: [{account_id: A, channel: web, occurred_at: 2026-06-01},
                        {account_id: A, channel: web, campaign_id: C1, occurred_at: 2026-06-02},
                        {account_id: A, channel: ads, occurred_at: 2026-06-03},
                        {account_id: A, channel: web, occurred_at: 2026-06-04}],
          opportunities: [{opportunity_id: W, account_id: A, amount: 4, created_at: 2026-06-05, closed_at: 2026-06-06, is_won: true}]}",
    );
    let window = "    window: ${ATTRIBUTION_WINDOW_MONTHS} months\n";
    let project = Project::copy().edit("jobs/attribution.yaml", window, &format!("{window}    {rule}\n"));
    let place = Workshop::new(&lake).with_project(&project);
    place.run().ok();
    assert_channels(&by_channel(&place.marts(), "linear", &[], "revenue"), expected);
}

#[rstest]
#[case::counts_for_both("false", &[("web", 10.0 + 10.0), ("ads", 10.0)])]
#[case::counts_for_the_first("true", &[("web", 10.0), ("ads", 20.0)])]
fn a_touch_before_two_deals(#[case] reset: &str, #[case] expected: &[(&str, f64)]) {
    let lake = Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A}],
          touchpoints: [{account_id: A, channel: web, occurred_at: 2026-06-01},
                        {account_id: A, channel: ads, occurred_at: 2026-06-10}],
          opportunities: [{opportunity_id: W, account_id: A, amount: 10, created_at: 2026-06-05, closed_at: 2026-06-06, is_won: true},
                          {opportunity_id: X, account_id: A, amount: 20, created_at: 2026-06-05, closed_at: 2026-06-16, is_won: true}]}",
    );
    let window = "    window: ${ATTRIBUTION_WINDOW_MONTHS} months\n";
    let rule = format!("{window}    reset_on_conversion: {reset}\n");
    let project = Project::copy().edit("jobs/attribution.yaml", window, &rule);
    let place = Workshop::new(&lake).with_project(&project);
    place.run().ok();
    assert_channels(&by_channel(&place.marts(), "linear", &[], "revenue"), expected);
}

#[test]
fn touches_of_one_instant_have_an_order_of_their_own() {
    let lake = |touches: &str| {
        Lake::parse(&format!(
            "{{as_of: 2026-06-30, accounts: [{{account_id: A}}], touchpoints: [{touches}],
               opportunities: [{{opportunity_id: W, account_id: A, amount: 1, created_at: 2026-06-05, closed_at: 2026-06-06, is_won: true}}]}}"
        ))
    };
    let [web, ads] = ["web", "ads"]
        .map(|channel| format!("{{account_id: A, channel: {channel}, touch_id: {channel}, occurred_at: 2026-06-01}}"));
    let marts = [format!("{web}, {ads}"), format!("{ads}, {web}")].map(|touches| {
        let place = Workshop::new(&lake(&touches));
        place.run().ok();
        place.marts()
    });
    assert_channels(&by_channel(&marts[0], "first_touch", &[], "revenue"), &[("ads", 1.0)]);
    assert_eq!(marts[0].differing(&marts[1]), Vec::<&str>::new());
}

#[test]
fn a_chain_of_the_second_order_remembers_two_channels() {
    let project = Project::copy().edit("jobs/attribution.yaml", "markov: {order: 1}", "markov: {order: 2}");
    let place = Workshop::new(&Lake::fixture("attribution")).with_project(&project);
    place.run().ok();
    // The email of the third journey comes after ads and leads to the event; that of the second leads to the web.
    let probability = |state: &str, next: &str| {
        let wanted = [("model", "markov"), ("measure", "transition"), ("state", state), ("next_state", next)];
        number(&place.marts().row("attribution_diagnostics", &wanted), "value")
    };
    assert_close(Some(probability("ads > email", "event")), 1.0);
    assert_close(Some(probability("email", "web")), 0.5);
    assert_close(Some(probability("email > event", "(conversion)")), 1.0);
}

#[test]
fn touches_without_a_channel_have_credit_and_are_reported() {
    let nameless = "channel: case when campaign_id = 'C2' then null else channel end";
    let project = Project::copy().edit(
        "jobs/attribution.yaml",
        "      channel: channel\n      kind: kind",
        &format!("      {nameless}\n      kind: kind"),
    );
    let place = Workshop::new(&Lake::fixture("attribution")).with_project(&project);
    place.run().ok();
    let found = by_channel(&place.marts(), "linear", &[], "revenue");
    let (ads, event) = (700.0 * THIRD, 700.0 * THIRD);
    let all =
        [("web", 200.0), ("(unknown)", 100.0 + 700.0 * THIRD), ("ads", ads), ("event", event), ("unattributed", 50.0)];
    assert_channels(&found, &all);
    let said = finding(&place.marts(), "revenue_attribution", "channel", "not_null");
    assert_eq!(said, ("2".to_owned(), "touches without a channel count as (unknown)".to_owned()));
}

/// What `data_quality` says of a column of an attribution: rows that fail, and the words.
fn finding(marts: &Marts, attribution: &str, column: &str, check: &str) -> (String, String) {
    let row = marts.row("data_quality", &[("source", attribution), ("column", column), ("check", check)]);
    (row["rows_failed"].clone(), row["detail"].clone())
}

#[test]
fn what_is_missing_is_counted_and_nothing_is_dropped() {
    // The query takes the value of the first deal, makes the second one a credit note and forgets whose the third is.
    let deal = |id: &str, day: u8, amount: u8| {
        format!(
            "{{opportunity_id: {id}, account_id: A, amount: {amount}, created_at: 2026-06-05, closed_at: 2026-06-{day:02}, is_won: true}}"
        )
    };
    let lake = Lake::parse(&format!(
        "{{as_of: 2026-06-30, accounts: [{{account_id: A}}],
           touchpoints: [{{account_id: A, channel: web, occurred_at: 2026-06-01}}],
           opportunities: [{}, {}, {}]}}",
        deal("W1", 6, 10),
        deal("W2", 7, 5),
        deal("W3", 8, 20),
    ));
    let project = Project::copy().edit(
        "jobs/attribution.yaml",
        "select d.opportunity_id, d.account_id, d.amount, d.created_at, d.closed_at, l.before_closing as mqa_at,",
        "select d.opportunity_id, case when d.opportunity_id <> 'W3' then d.account_id end as account_id, \
         case d.opportunity_id when 'W2' then -d.amount when 'W3' then d.amount end as amount, \
         d.created_at, d.closed_at, l.before_closing as mqa_at,",
    );
    let place = Workshop::new(&lake).with_project(&project);
    place.run().ok();
    let marts = place.marts();
    let said = |column: &str, check: &str| finding(&marts, "revenue_attribution", column, check);
    assert_eq!(
        said("amount", "not_null"),
        ("1".to_owned(), "conversions without a value are worth nothing".to_owned())
    );
    assert_eq!(said("amount", "range"), ("1".to_owned(), "values below 0 take credit away".to_owned()));
    let alone = "conversions without an entity or a time are unattributed";
    assert_eq!(said("conversions", "not_null"), ("1".to_owned(), alone.to_owned()));
    let lead = "no conversion has the milestone; its share goes to the other positions";
    assert_eq!(said("lead", "not_null"), ("3".to_owned(), lead.to_owned()));
    assert_eq!(said("opportunity", "not_null"), ("0".to_owned(), String::new()));
    assert_channels(&by_channel(&marts, "w_shaped", &[], "conversions"), &[("web", 2.0), ("unattributed", 1.0)]);
    assert_channels(&by_channel(&marts, "w_shaped", &[], "revenue"), &[("web", -5.0), ("unattributed", 20.0)]);
}
