//! The worked examples of the documents that the KPIs come from, with their own numbers, through the whole program.
//!
//! The lakes are in `tests/fixtures`; every expected value can be checked by hand from the rows there.

#![expect(clippy::expect_used, clippy::float_cmp, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rstest::rstest;
use support::Marts;
use support::marts::assert_close;
use support::program::published;

static ONE_QUARTER: LazyLock<Marts> = LazyLock::new(|| published("one_quarter"));
static ENGAGEMENT_SCORE: LazyLock<Marts> = LazyLock::new(|| published("engagement_score"));
static VELOCITY: LazyLock<Marts> = LazyLock::new(|| published("velocity"));
static LIFETIME_VALUE: LazyLock<Marts> = LazyLock::new(|| published("lifetime_value"));

#[rstest]
#[case::of_50_target_accounts_30_engaged_which_is_60_percent("target_account_coverage", 30.0, 50.0, 0.6, "healthy")]
#[case::of_30_engaged_accounts_came_9_opportunities_which_is_30_percent(
    "account_to_opportunity_rate",
    9.0,
    30.0,
    0.3,
    "healthy"
)]
#[case::of_8_stakeholders_3_engaged_which_is_37_5_percent("account_penetration_rate", 3.0, 8.0, 0.375, "healthy")]
#[case::the_committee_of_8_is_penetrated_to_37_5_percent("committee_penetration", 3.0, 8.0, 0.375, "low")]
#[case::deals_of_45_against_22_thousand_are_2_045_times_as_big("deal_size_uplift", 45_000.0, 22_000.0, 45.0 / 22.0, "strong")]
#[case::abm_brings_45_percent_of_the_pipeline_with_15_percent_of_the_spend(
    "pipeline_to_investment_index",
    0.45,
    0.15,
    3.0,
    ""
)]
fn a_quarter_of_a_small_company(
    #[case] kpi: &str,
    #[case] numerator: f64,
    #[case] denominator: f64,
    #[case] value: f64,
    #[case] status: &str,
) {
    let cell = ONE_QUARTER.cell(kpi, "quarter", "2026-04-01", &[]);
    assert_close(cell.numerator, numerator);
    assert_close(cell.denominator, denominator);
    assert_close(cell.value, value);
    assert_eq!(cell.status.as_deref().unwrap_or_default(), status);
}

#[test]
fn a_cycle_of_60_days_is_a_third_shorter_than_one_of_90() {
    let in_quarter = |kpi: &str, cut: &[(&str, &str)]| ONE_QUARTER.cell(kpi, "quarter", "2026-04-01", cut).value;
    assert_close(in_quarter("sales_cycle_days", &[("program", "abm")]), 60.0);
    assert_close(in_quarter("sales_cycle_days", &[("program", "non_abm")]), 90.0);
    assert_close(in_quarter("sales_cycle_reduction", &[]), 1.0 / 3.0);
}

#[test]
fn spending_15_thousand_for_90_thousand_signed_returns_500_percent() {
    let abm = |kpi: &str| ONE_QUARTER.cell(kpi, "quarter", "2026-04-01", &[("program", "abm")]);
    assert_close(abm("cost_total").value, 15_000.0);
    assert_close(abm("average_deal_size").value, 45_000.0);
    assert_close(abm("roi").value, 5.0);
    assert_eq!(abm("roi").status.as_deref(), Some("strong"));
    let summary = ONE_QUARTER.row(
        "executive_summary",
        &[("period_grain", "quarter"), ("period_start", "2026-04-01"), ("region", ""), ("bu", "")],
    );
    assert_eq!((summary["abm_roi"].as_str(), summary["engaged_accounts"].as_str()), ("5", "30"));
    assert_eq!(summary["opportunities_created"], "9");
}

#[test]
fn a_comparison_of_abm_with_the_rest_has_no_value_inside_one_of_the_two() {
    for kpi in ["sales_cycle_reduction", "deal_size_uplift", "pipeline_to_investment_index"] {
        let cell = ONE_QUARTER.cell(kpi, "quarter", "2026-04-01", &[("program", "abm")]);
        assert_eq!((cell.value, cell.numerator, cell.denominator), (None, None, None), "{kpi}");
    }
}

/// Points of touches + 2 x people + 1.5 x content + 3 x intent, each signal with its part.
#[rstest]
#[case::a_demo_of_the_chief_at_headquarters("touch", "demo_request", 5.0 * 3.0 * 1.25, 1.0)]
#[case::a_download_of_the_vice_president_at_headquarters("touch", "download", 2.0 * 2.0 * 1.25, 1.0)]
#[case::two_page_views_of_a_manager("touch", "page_view", 2.0, 1.0)]
#[case::a_call_to_a_director("touch", "sales_call", 2.0 * 1.5, 1.0)]
#[case::a_webinar_of_somebody("touch", "webinar", 4.0, 1.0)]
#[case::three_people_came_by_themselves("reach", "reach", 3.0, 2.0)]
#[case::half_of_a_download("content", "download", 0.5, 1.5)]
#[case::a_whole_webinar("content", "webinar", 1.0, 1.5)]
#[case::two_looks_at_the_prices("intent", "intent_pricing", 2.0, 3.0)]
fn the_engagement_score_is_explained(
    #[case] component: &str,
    #[case] signal: &str,
    #[case] measure: f64,
    #[case] weight: f64,
) {
    let row = ENGAGEMENT_SCORE.row(
        "account_scores",
        &[
            ("account_id", "formula"),
            ("period_grain", "month"),
            ("period_start", "2026-06-01"),
            ("component", component),
            ("signal", signal),
        ],
    );
    let number = |column: &str| row[column].parse::<f64>().ok();
    assert_close(number("measure"), measure);
    assert_close(number("weight"), weight);
    assert_close(number("contribution"), measure * weight);
}

#[test]
fn the_contributions_make_up_the_score() {
    let (touch, reach, content, intent) = (18.75 + 5.0 + 2.0 + 3.0 + 4.0, 2.0 * 3.0, 1.5 * (0.5 + 1.0), 3.0 * 2.0);
    let rows = ENGAGEMENT_SCORE.rows("account_scores");
    let of_june = |row: &&BTreeMap<String, String>| {
        row["account_id"] == "formula" && row["period_grain"] == "month" && row["period_start"] == "2026-06-01"
    };
    let signals: Vec<_> = rows.iter().filter(of_june).collect();
    assert_eq!(signals.len(), 9, "signals that add nothing are not listed");
    let sum: f64 = signals.iter().map(|row| row["contribution"].parse::<f64>().expect("a number")).sum();
    assert_close(Some(sum), touch + reach + content + intent);
    let account = account_in_june("formula");
    assert_close(account["engagement_score"].parse().ok(), 47.0);
    assert_eq!(touch + reach + content + intent, 47.0);
}

/// Above the upper limit hot, below the lower one cold, on a limit or between them warm.
#[rstest]
#[case("saas-75.5", "hot")]
#[case("saas-75", "warm")]
#[case("saas-45", "warm")]
#[case("saas-44.5", "cold")]
#[case("healthtech-60.5", "hot")]
#[case("healthtech-60", "warm")]
#[case("healthtech-35", "warm")]
#[case("healthtech-34.5", "cold")]
#[case("fintech-80.5", "hot")]
#[case("fintech-80", "warm")]
#[case("fintech-50", "warm")]
#[case("fintech-49.5", "cold")]
#[case::other_industries_have_the_limits_of_saas("energy-75.5", "hot")]
#[case::and_so_have_accounts_without_one("nameless-75", "warm")]
#[case("silent-0", "cold")]
fn the_band_goes_by_the_industry(#[case] account: &str, #[case] band: &str) {
    let (name, score) = account.split_once('-').expect("industry and score");
    let row = account_in_june(if name == "silent" { name } else { account });
    assert_eq!((row["engagement_score"].as_str(), row["engagement_band"].as_str()), (score, band));
}

#[rstest]
#[case("hot_accounts", 4.0)]
#[case("warm_accounts", 8.0)]
#[case("cold_accounts", 4.0)]
#[case::silent_accounts_count_in_the_mean("account_engagement_score", (47.0 + 240.0 + 190.0 + 260.0 + 75.5 + 75.0) / 16.0)]
fn bands_and_scores_of_sixteen_accounts(#[case] kpi: &str, #[case] value: f64) {
    assert_close(ENGAGEMENT_SCORE.cell(kpi, "month", "2026-06-01", &[]).value, value);
}

fn account_in_june(account: &str) -> BTreeMap<String, String> {
    let june = [("account_id", account), ("period_grain", "month"), ("period_start", "2026-06-01")];
    ENGAGEMENT_SCORE.row("account_360", &june)
}

/// Advanced open deals x mean deal size / mean cycle in months of 30.4375 days.
#[rstest]
#[case::four_deals_of_45_thousand_in_two_months("energy", 4.0 * 45_000.0 / 2.0)]
#[case::three_deals_of_47_thousand_in_72_days("saas", 3.0 * 47_000.0 / (72.0 / 30.4375))]
#[case::two_deals_of_125_thousand_in_156_days("healthtech", 2.0 * 125_000.0 / (156.0 / 30.4375))]
fn pipeline_velocity_is_per_month(#[case] industry: &str, #[case] value: f64) {
    let cell = VELOCITY.cell("pipeline_velocity", "month", "2026-06-01", &[("industry", industry)]);
    assert_close(cell.value, value);
}

#[test]
fn where_nothing_was_won_there_is_no_velocity() {
    assert_eq!(VELOCITY.cell("pipeline_velocity", "month", "2026-06-01", &[("industry", "retail")]).value, None);
}

/// Revenue x retention x expansion - acquisition cost, and what that is worth beside the acquisition cost.
#[rstest]
#[case::saas("saas", 180_000.0, 12_000.0, 15.0, "strong")]
#[case::healthtech("healthtech", 450_000.0, 28_000.0, 450.0 / 28.0, "strong")]
#[case::fintech_is_strong_from_18_on("fintech", 320_000.0, 18_000.0, 320.0 / 18.0, "healthy")]
#[case::ten_to_one_is_healthy("energy", 120_000.0, 12_000.0, 10.0, "healthy")]
#[case::a_little_less_is_not("retail", 119_250.0, 12_000.0, 9.9375, "low")]
#[case::three_to_one_is_the_last_that_is_not_alarming("media", 36_000.0, 12_000.0, 3.0, "low")]
#[case::below_that_it_is("travel", 33_000.0, 12_000.0, 2.75, "alarm")]
fn lifetime_value_is_held_against_acquisition_cost(
    #[case] industry: &str,
    #[case] clv: f64,
    #[case] cac: f64,
    #[case] ratio: f64,
    #[case] status: &str,
) {
    let in_2026 = |kpi: &str| LIFETIME_VALUE.cell(kpi, "year", "2026-01-01", &[("industry", industry)]);
    assert_close(in_2026("clv").value, clv);
    assert_close(in_2026("cac").value, cac);
    assert_close(in_2026("clv_to_cac").value, ratio);
    assert_eq!(in_2026("clv_to_cac").status.as_deref(), Some(status));
}
