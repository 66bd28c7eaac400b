//! Every KPI with a value that can be checked by hand from the rows of its family's fixture.

#[path = "support/mod.rs"]
mod support;

use std::sync::LazyLock;

use rstest::rstest;
use support::Marts;
use support::marts::assert_close;
use support::program::published;

static COVERAGE: LazyLock<Marts> = LazyLock::new(|| published("coverage"));
static CONTACTS: LazyLock<Marts> = LazyLock::new(|| published("contacts"));
static ENGAGEMENT: LazyLock<Marts> = LazyLock::new(|| published("engagement"));
static SIGNALS: LazyLock<Marts> = LazyLock::new(|| published("signals"));
static CAMPAIGNS: LazyLock<Marts> = LazyLock::new(|| published("campaigns"));
static FUNNEL: LazyLock<Marts> = LazyLock::new(|| published("funnel"));
static DEALS: LazyLock<Marts> = LazyLock::new(|| published("deals"));
static MONEY: LazyLock<Marts> = LazyLock::new(|| published("money"));
static ALIGNMENT: LazyLock<Marts> = LazyLock::new(|| published("alignment"));

const JUNE: &str = "2026-06-01";

/// A single figure of June.
#[track_caller]
fn assert_june(marts: &Marts, kpi: &str, cut: &[(&str, &str)], value: f64) {
    assert_close(marts.cell(kpi, "month", JUNE, cut).value, value);
}

/// A quotient of June, with what is divided.
#[track_caller]
fn assert_ratio(marts: &Marts, kpi: &str, cut: &[(&str, &str)], numerator: f64, denominator: f64) {
    let cell = marts.cell(kpi, "month", JUNE, cut);
    assert_close(cell.numerator, numerator);
    assert_close(cell.denominator, denominator);
    assert_close(cell.value, numerator / denominator);
}

#[rstest]
#[case("target_accounts", 5.0)]
#[case("new_target_accounts", 1.0)]
#[case::three_of_five_members_and_the_chief_of_b2("committee_ready_accounts", 1.0)]
fn coverage_counts(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&COVERAGE, kpi, &[], value);
}

#[rstest]
#[case::b1_b2_and_b9("target_account_coverage", 3.0, 5.0)]
#[case::and_b8_whose_touch_is_90_days_old("target_account_coverage_90d", 4.0, 5.0)]
#[case::c1_c2_c3_c6_c7_c8_c10_c13("contact_coverage", 8.0, 12.0)]
#[case::all_these_but_c2_and_c10("account_penetration_rate", 6.0, 12.0)]
#[case::c1_c6_c7_c8_c13_of_two_five_and_one("committee_penetration", 5.0, 8.0)]
#[case::it_and_legal_and_it_and_finance_and_operations("function_coverage", 5.0, 35.0)]
#[case::c1_c6_c12("consented_contact_rate", 3.0, 12.0)]
#[case::those_touched_in_june_and_c12_of_april("active_contact_rate", 9.0, 12.0)]
fn coverage_rates(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&COVERAGE, kpi, &[], numerator, denominator);
}

#[test]
fn the_functions_that_nobody_engaged_in_are_listed() {
    let b1 = COVERAGE.row("account_360", &[("account_id", "B1"), ("period_grain", "month"), ("period_start", JUNE)]);
    assert_eq!(b1["missing_functions"], "finance, hr, marketing, operations, procurement");
}

#[rstest]
#[case::a1_a2_and_b1_but_not_a4("decision_maker_coverage", 3.0, 4.0)]
#[case::fr_and_de_of_h1_and_us_of_h2("geography_coverage", 3.0, 4.0 + 2.0)]
#[case::a1_a3_and_b2("contact_seniority", 5.0 + 2.0 + 1.0, 3.0)]
#[case::only_h1("c_level_sponsor_rate", 1.0, 4.0)]
#[case::both_groups_of_h1_and_one_of_h2("buying_groups_targeted", 2.0 + 1.0, 4.0)]
fn people_of_target_accounts(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&CONTACTS, kpi, &[], numerator, denominator);
}

#[rstest]
#[case("H1", "BE, IT", "0.5")]
#[case::all_that_are_known("H4", "", "")]
fn the_countries_that_nobody_engaged_in_are_listed(#[case] account: &str, #[case] missing: &str, #[case] share: &str) {
    let wanted = [("account_id", account), ("period_grain", "month"), ("period_start", JUNE)];
    let row = CONTACTS.row("account_360", &wanted);
    assert_eq!((row["missing_countries"].as_str(), row["geography_coverage"].as_str()), (missing, share));
}

#[rstest]
#[case("engaged_accounts", 3.0)]
#[case::e1_with_15_and_e5_with_exactly_5_points("highly_engaged_accounts", 2.0)]
#[case::webinar_event_and_exclusive_event("event_participations", 3.0)]
#[case::forward_and_share_over_four_content_touches("virality_score", 100.0 * 2.0 / 4.0)]
fn engagement_counts_and_scores(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&ENGAGEMENT, kpi, &[], value);
}

#[rstest]
#[case::five_touches_of_p1_and_two_of_p2("engagement_depth", 7.0, 2.0)]
#[case::over_the_three_that_are_known("content_consumption_rate", 0.8 + 0.4 + 0.6, 3.0)]
#[case("email_open_rate", 1.0, 8.0)]
#[case::with_those_that_nobody_knows_who_saw("ad_click_through_rate", 8.0, 1600.0)]
fn engagement_rates(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&ENGAGEMENT, kpi, &[], numerator, denominator);
}

#[rstest]
#[case::in_seconds("session_duration", 30.0 + 90.0 + 60.0, 3.0)]
#[case::demo_request_and_premium_download("engagement_quality", 2.0, 17.0)]
#[case("email_click_rate", 2.0, 10.0)]
#[case("email_reply_rate", 1.0, 10.0)]
#[case::the_latest_of_each("account_health", 70.0 + 90.0 + 50.0, 3.0)]
fn signals_and_their_shares(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&SIGNALS, kpi, &[], numerator, denominator);
}

#[rstest]
#[case::a_demo_and_a_reply("inbound_requests", 2.0)]
#[case::the_outbound_one_does_not_count("social_interactions", 3.0)]
#[case::v1_and_v3("unique_visitors", 2.0)]
#[case("downloads", 2.0 + 1.0)]
#[case("form_submits", 2.0)]
#[case::from_two_accounts_to_three("account_health_change", (70.0 + 90.0 + 50.0) / 3.0 - (60.0 + 84.0) / 2.0)]
fn signals_and_health(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&SIGNALS, kpi, &[], value);
}

#[test]
fn health_has_not_changed_where_there_was_none_before() {
    assert_eq!(SIGNALS.cell("account_health_change", "month", "2026-05-01", &[]).value, None);
}

#[rstest]
#[case::c1_to_c4("campaign_accounts_targeted", 4.0)]
#[case::c1_and_c3("campaign_accounts_responded", 2.0)]
#[case::c1_and_c4("campaign_accounts_engaged", 2.0)]
#[case::spring_and_the_last_day_of_evergreen("active_campaigns_personalised", 2.0)]
#[case("active_campaigns_general", 1.0)]
#[case::of_c3_and_the_unknown_one_of_c4("new_segments_activated", 2.0)]
fn campaigns(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&CAMPAIGNS, kpi, &[], value);
}

#[rstest]
#[case("campaign_response_rate", 2.0, 4.0)]
#[case("campaign_engagement_rate", 2.0, 4.0)]
#[case::spring_and_summer("campaign_time_to_market_days", 20.0 + 10.0, 2.0)]
#[case::no_signal_prompted_summer("campaign_pivot_days", 30.0, 1.0)]
fn rates_of_campaigns(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&CAMPAIGNS, kpi, &[], numerator, denominator);
}

#[test]
fn accounts_whose_30_days_are_not_over_are_told_apart() {
    let june = CAMPAIGNS.cell("campaign_engagement_rate", "month", JUNE, &[]);
    assert_eq!((june.immature, june.mature_value), (Some(0), Some(0.5)));
    // C1 has engaged already, C5 has not in its time.
    let july = CAMPAIGNS.cell("campaign_engagement_rate", "month", "2026-07-01", &[]);
    assert_close(july.value, 1.0 / 3.0);
    assert_eq!((july.immature, july.mature_value), (Some(2), Some(0.0)));
}

#[rstest]
#[case("active_campaigns_personalised", &[("region", "EMEA")], Some(1.0))]
#[case::for_everybody("active_campaigns_general", &[("region", "(unknown)")], Some(1.0))]
#[case("campaign_pivot_days", &[("region", "EMEA")], Some(30.0))]
#[case("new_segments_activated", &[("region", "AMER")], Some(1.0))]
#[case::campaigns_have_no_industry("active_campaigns_general", &[("industry", "(unknown)")], None)]
fn campaigns_count_in_their_scope(#[case] kpi: &str, #[case] cut: &[(&str, &str)], #[case] value: Option<f64>) {
    assert_eq!(CAMPAIGNS.cell(kpi, "month", JUNE, cut).value, value);
}

#[test]
fn a_campaign_is_seen_with_its_accounts_touches_and_cost() {
    let wanted = [("campaign_id", "spring"), ("period_grain", "month"), ("period_start", JUNE)];
    let spring = CAMPAIGNS.row("campaign_performance", &wanted);
    let seen = |columns: &[&str]| columns.iter().map(|column| spring[*column].clone()).collect::<Vec<_>>();
    assert_eq!(seen(&["name", "kind", "region", "bu"]), ["Spring", "personalised", "EMEA", ""]);
    // C3 answered the other campaign.
    assert_eq!(seen(&["accounts_targeted", "accounts_responded", "accounts_engaged"]), ["4", "1", "2"]);
    assert_eq!(seen(&["touches", "inbound_touches", "content_touches"]), ["7", "3", "1"]);
    assert_eq!(seen(&["cost", "response_rate", "engagement_rate", "cost_per_response"]), ["600", "0.25", "0.5", "600"]);
}

#[rstest]
#[case("linkedin", "C1", ["1500", "15", "30", "0.01", "2"])]
#[case::without_a_click("display", "(unknown)", ["200", "0", "7", "0", ""])]
fn advertising_is_seen_by_source_and_account(#[case] source: &str, #[case] account: &str, #[case] seen: [&str; 5]) {
    let wanted = [("month", JUNE), ("source", source), ("account_id", account)];
    let row = CAMPAIGNS.row("ad_performance", &wanted);
    let columns = ["impressions", "clicks", "cost", "click_through_rate", "cost_per_click"];
    assert_eq!(columns.map(|column| row[column].as_str()), seen);
}

#[test]
fn what_belongs_to_no_account_stays_apart_and_in_the_total() {
    assert_ratio(&ENGAGEMENT, "ad_click_through_rate", &[("region", "(unknown)")], 8.0, 1600.0);
    assert_eq!(ENGAGEMENT.cell("engaged_accounts", "month", JUNE, &[]).n, 3);
}

#[test]
fn a_cohort_is_made_of_first_entries_and_converts_within_180_days() {
    let april = |kpi: &str| FUNNEL.cell(kpi, "month", "2026-04-01", &[]);
    assert_close(april("mqa").value, 5.0);
    let rate = april("mqa_to_sqa_rate");
    assert_eq!((rate.numerator, rate.denominator), (Some(3.0), Some(5.0)));
    assert_close(rate.value, 0.6);
    assert_eq!((rate.immature, rate.mature_value), (Some(0), Some(0.6)));
}

#[test]
fn members_of_a_cohort_that_still_have_time_are_told_apart() {
    let rate = FUNNEL.cell("mqa_to_sqa_rate", "month", "2026-11-01", &[]);
    assert_close(rate.value, 0.5);
    assert_eq!((rate.immature, rate.mature_value), (Some(2), None));
}

#[test]
fn days_to_an_opportunity_begin_with_the_first_visit() {
    assert_ratio(&FUNNEL, "engagement_to_opportunity_days", &[], 61.0 + 30.5, 2.0);
}

#[test]
fn opportunities_are_held_against_engaged_accounts() {
    let may = FUNNEL.cell("account_to_opportunity_rate", "month", "2026-05-01", &[]);
    assert_eq!((may.numerator, may.denominator, may.value), (Some(3.0), Some(1.0), Some(3.0)));
    let june = FUNNEL.cell("account_to_opportunity_rate", "month", JUNE, &[]);
    assert_eq!((june.denominator, june.value), (Some(0.0), None), "nobody engaged in June");
}

#[rstest]
#[case("opportunities_created", 3.0)]
#[case("pipeline_created", 100_000.0 + 60_000.0 + 40_000.0)]
#[case("tcv_created", 250_000.0 + 60_000.0 + 80_000.0)]
#[case::dollars_at_the_day_they_were_opened("open_pipeline", 100_000.0 + 40_000.0 + 0.9 * 200_000.0 + 10_000.0)]
#[case("weighted_pipeline", 50_000.0 + 10_000.0 + 18_000.0)]
#[case::dollars_at_the_day_they_were_won("tcv_won", 90_000.0 + 0.8 * 25_000.0 + 100_000.0)]
#[case("sales_cycle_days", (10.0 + 20.0 + 60.0) / 3.0)]
#[case("sales_cycle_days_median", 20.0)]
#[case::four_fifths_of_the_way_from_20_to_60("sales_cycle_days_p90", 52.0)]
fn deals(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&DEALS, kpi, &[], value);
}

#[rstest]
#[case("win_rate", 3.0, 4.0)]
#[case("win_rate_value", 90_000.0, 150_000.0)]
#[case("average_deal_size", 90_000.0, 3.0)]
#[case("abm_pipeline_share", 100_000.0, 200_000.0)]
#[case("marketing_pipeline_contribution", 160_000.0, 200_000.0)]
fn rates_of_deals(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&DEALS, kpi, &[], numerator, denominator);
}

#[test]
fn velocity_goes_by_the_deals_of_12_months() {
    // Nothing advanced is open.
    assert_june(&DEALS, "pipeline_velocity", &[], 0.0);
}

#[rstest]
#[case::credit_notes_count("revenue", 100_000.0)]
#[case("abm_revenue", 30_000.0)]
#[case("cost_total", 1000.0 + 600.0 + 300.0 + 50.0)]
#[case("renewal_revenue_protected", 120_000.0 + 30_000.0)]
fn money(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&MONEY, kpi, &[], value);
}

#[rstest]
#[case("abm_revenue_share", 30_000.0, 100_000.0)]
#[case("abm_investment_share", 1350.0, 1950.0)]
#[case::two_customers_are_new("cac", 1950.0, 2.0)]
#[case::five_times_the_cost_was_won("roi", 9750.0 - 1950.0, 1950.0)]
#[case("retention_rate", 2.0, 3.0)]
#[case("net_revenue_retention", 150_000.0, 200_000.0)]
#[case::growth_does_not_make_up_for_losses("gross_revenue_retention", 130_000.0, 200_000.0)]
fn returns(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&MONEY, kpi, &[], numerator, denominator);
}

/// Spend goes to the account it names, else by touches to the campaign's accounts, else to those of its scope.
#[rstest]
#[case::its_own_two_thirds_of_the_campaign_and_the_region(&[("region", "EMEA"), ("program", "abm")], 1000.0 + 400.0 + 300.0)]
#[case::a_third_of_the_campaign(&[("region", "AMER"), ("program", "non_abm")], 200.0)]
#[case::what_finds_no_account_keeps_its_scope(&[("region", "MARS"), ("program", "abm")], 50.0)]
fn cost_finds_its_accounts(#[case] cut: &[(&str, &str)], #[case] value: f64) {
    assert_june(&MONEY, "cost_total", cut, value);
}

#[rstest]
#[case("mqa_acceptance_rate", 3.0, 4.0)]
#[case::of_those_that_got_an_answer("response_hours", 2.0 + 24.0 + 34.0, 3.0)]
#[case::of_all("response_within_24h_rate", 2.0, 4.0)]
fn alignment(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&ALIGNMENT, kpi, &[], numerator, denominator);
}

#[test]
fn the_promoter_score_takes_the_latest_answer_of_each_person() {
    assert_june(&ALIGNMENT, "net_promoter_score", &[], 100.0 * (2.0 - 1.0) / 4.0);
}

/// A KPI that is added without a worked example fails here.
#[test]
fn every_kpi_has_an_example() {
    let examples = [include_str!("kpis.rs"), include_str!("worked_examples.rs")].concat();
    let catalogue = COVERAGE.rows("kpi_catalog");
    let missing: Vec<&String> =
        catalogue.iter().map(|row| &row["kpi"]).filter(|kpi| !examples.contains(&format!("\"{kpi}\""))).collect();
    assert!(missing.is_empty(), "without an example: {missing:?}");
}
