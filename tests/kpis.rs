//! Every KPI with a value that can be checked by hand from the rows of its family's fixture.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rstest::rstest;
use support::marts::assert_close;
use support::program::{Workshop, published};
use support::{Lake, Marts};

static COVERAGE: LazyLock<Marts> = LazyLock::new(|| published("coverage"));
static CONTACTS: LazyLock<Marts> = LazyLock::new(|| published("contacts"));
static ENGAGEMENT: LazyLock<Marts> = LazyLock::new(|| published("engagement"));
static SIGNALS: LazyLock<Marts> = LazyLock::new(|| published("signals"));
static CAMPAIGNS: LazyLock<Marts> = LazyLock::new(|| published("campaigns"));
static FUNNEL: LazyLock<Marts> = LazyLock::new(|| published("funnel"));
static DEALS: LazyLock<Marts> = LazyLock::new(|| published("deals"));
static MONEY: LazyLock<Marts> = LazyLock::new(|| published("money"));
static ALIGNMENT: LazyLock<Marts> = LazyLock::new(|| published("alignment"));
static STAGES: LazyLock<Marts> = LazyLock::new(|| published("stages"));
static SALES: LazyLock<Marts> = LazyLock::new(|| published("sales"));
static COSTS: LazyLock<Marts> = LazyLock::new(|| published("costs"));
static PRODUCTIVITY: LazyLock<Marts> = LazyLock::new(|| published("productivity"));
static PACKS: LazyLock<Marts> = LazyLock::new(|| published("packs"));
static ATTRIBUTION: LazyLock<Marts> = LazyLock::new(|| published("attribution"));
static BEST_PRACTICES: LazyLock<Marts> = LazyLock::new(|| published("best_practices"));

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

// Deals of 100, 200 and 700 that touches preceded, and one of 50 that none did; 50 spent on channels.
#[rstest]
#[case("attributed_revenue", 1000.0)]
#[case("attributed_conversions", 3.0)]
#[case::the_one_that_was_lost_and_not_that_of_50("attributed_pipeline", 999.0)]
#[case("channel_roi", 19.0)]
// 220 of web, 430 of email, 140 of ads and 210 of the event in 1,000.
#[case("attribution_concentration", 0.0484 + 0.1849 + 0.0196 + 0.0441)]
fn attribution(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&ATTRIBUTION, kpi, &[], value);
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
#[case::four_mails_of_the_first_answered_a_day_later("engagement_response_hours", 4.0 * 24.0, 4.0)]
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
#[case::from_two_accounts_to_three("account_health_change", (70.0 + 90.0 + 50.0) / 3.0 - 0.5 * (60.0 + 84.0))]
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
#[case::and_that_after_34_hours("response_within_48h_rate", 3.0, 4.0)]
#[case("alignment_satisfaction", 3.0 + 4.0 + 5.0, 3.0)]
#[case("account_team_feedback", 1.0 + 4.0, 2.0)]
fn alignment(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&ALIGNMENT, kpi, &[], numerator, denominator);
}

#[test]
fn the_promoter_score_takes_the_latest_answer_of_each_person() {
    assert_june(&ALIGNMENT, "net_promoter_score", &[], 100.0 * (2.0 - 1.0) / 4.0);
}

#[rstest]
#[case::j1_and_j2("apac_relationship_tenure_days", "APAC", 10.0 + 365.0, 2.0)]
#[case::only_j1_on_two_days("apac_repeat_meeting_rate", "APAC", 1.0, 3.0)]
#[case::u1_and_u2("amer_time_to_revenue_days", "AMER", 122.0 + 59.5, 2.0)]
#[case("amer_velocity", "AMER", 96_000.0 + 34_000.0 + 20_000.0, 96.0 + 29.0 + 15.0)]
fn a_pack_holds_in_its_region(
    #[case] kpi: &str,
    #[case] region: &str,
    #[case] numerator: f64,
    #[case] denominator: f64,
) {
    assert_ratio(&PACKS, kpi, &[("region", region)], numerator, denominator);
    let elsewhere = PACKS.cell(kpi, "month", JUNE, &[("region", "EMEA")]);
    assert_eq!((elsewhere.value, elsewhere.numerator, elsewhere.denominator), (None, None, None));
    assert_eq!(PACKS.cell(kpi, "month", JUNE, &[]).value, None);
}

#[test]
fn a_view_for_a_region_holds_its_cells_alone() {
    let seen = PACKS.rows("apac_kpi_values");
    assert!(seen.iter().all(|row| row["region"] == "APAC"));
    let wanted = [("kpi", "target_accounts"), ("period_grain", "month"), ("period_start", JUNE), ("cut", "region")];
    let core: Vec<_> = seen.iter().filter(|row| wanted.iter().all(|(column, value)| row[*column] == *value)).collect();
    assert_eq!(core.len(), 1, "core KPIs are there as well");
    assert_close(core[0]["value"].parse().ok(), 0.0);
}

#[test]
fn an_answer_without_an_account_counts_where_it_says() {
    assert_ratio(&ALIGNMENT, "alignment_satisfaction", &[("region", "EMEA")], 4.0 + 5.0, 2.0);
}

#[rstest]
#[case::g1_to_g3("sqa", 3.0)]
#[case::g5_to_g8("opportunity_accounts", 4.0)]
#[case::g5("customer_accounts", 1.0)]
#[case::nine_times_30_and_70_and_a_half("engagement_to_opportunity_days_last10", (9.0 * 30.0 + 70.5) / 10.0)]
fn stages(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&STAGES, kpi, &[], value);
}

#[rstest]
#[case::g2("sqa_to_opportunity_rate", 1.0, 3.0)]
#[case::g5_and_g6("opportunity_to_customer_rate", 2.0, 4.0)]
#[case::all_three_of_p1("stage_conversion_rate", 3.0, 3.0 + 1.0 + 1.0 + 1.0)]
#[case::three_of_p1_one_of_p2_two_of_p4("stage_days", 4.0 + 10.0 + 10.0 + 10.0 + 20.0 + 20.0, 6.0)]
fn rates_of_stages(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&STAGES, kpi, &[], numerator, denominator);
}

#[rstest]
#[case("sqa_to_opportunity_rate", 0, 1.0 / 3.0)]
#[case::without_g8("opportunity_to_customer_rate", 1, 2.0 / 3.0)]
#[case::without_p3_and_p4("stage_conversion_rate", 2, 3.0 / 4.0)]
fn cohorts_tell_who_still_has_time(#[case] kpi: &str, #[case] immature: i64, #[case] mature: f64) {
    let cell = STAGES.cell(kpi, "month", JUNE, &[]);
    assert_eq!(cell.immature, Some(immature));
    assert_close(cell.mature_value, mature);
}

#[rstest]
#[case("advanced_deals", 3.0)]
#[case::one_of_the_three_and_the_one_lost_in_july("open_qualified_deals", 2.0)]
#[case::a_third_shorter("pipeline_acceleration", 1.0 - ((20.0 + 40.0 + 60.0) / 3.0) / ((20.0 + 40.0 + 60.0 + 120.0) / 4.0))]
#[case("sales_velocity", 2.0 * (4.0 / 7.0) * 40_000.0 / 60.0)]
#[case::two_of_three_against_one_of_three("win_rate_uplift", (2.0 / 3.0) / (1.0 / 3.0))]
#[case("tcv_uplift", 0.5 * (120_000.0 + 80_000.0) / 50_000.0)]
#[case::of_s1_and_s2("tcv_influenced", 120_000.0 + 50_000.0)]
fn sales(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&SALES, kpi, &[], value);
}

#[rstest]
#[case("trailing_win_rate", 4.0, 7.0)]
#[case("trailing_deal_size", 60_000.0 + 40_000.0 + 20_000.0 + 40_000.0, 4.0)]
#[case("trailing_cycle_days", 20.0 + 40.0 + 60.0 + 120.0, 4.0)]
#[case::five_ahead_two_late("pipeline_acceleration_vs_forecast", 5.0 - 2.0, 2.0)]
#[case("tcv_influenced_share", 170_000.0, 250_000.0)]
fn rates_of_sales(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&SALES, kpi, &[], numerator, denominator);
}

#[test]
fn a_programme_is_not_held_against_itself() {
    assert_eq!(SALES.cell("win_rate_uplift", "month", JUNE, &[("program", "abm")]).value, None);
}

#[test]
fn account_executives_are_seen_with_their_deals_and_answers() {
    let of = |owner: &str| {
        let wanted = [("owner_id", owner), ("period_grain", "month"), ("period_start", JUNE)];
        SALES.row("executive_velocity", &wanted)
    };
    let ann = of("ann");
    let seen = |columns: &[&str]| columns.iter().map(|column| ann[*column].clone()).collect::<Vec<_>>();
    assert_eq!(seen(&["name", "region", "open_pipeline", "advanced_deals"]), ["Ann", "EMEA", "7000", "1"]);
    assert_eq!(seen(&["deals_closed", "deals_won", "won_amount"]), ["3", "2", "100000"]);
    assert_eq!(seen(&["average_deal_size_12m", "sales_cycle_days_12m", "response_hours"]), ["50000", "30", "16"]);
    assert_close(ann["pipeline_velocity"].parse().ok(), 50_000.0 / (30.0 / 30.4375));
    assert_close(ann["response_within_24h_rate"].parse().ok(), 1.0 / 3.0);
    // Whoever sells is in it, whatever the role; so is an account executive without deals.
    assert_eq!(of("bob")["deals_won"], "1");
    assert_eq!((of("cat")["deals_won"].as_str(), of("cat")["pipeline_velocity"].as_str()), ("0", ""));
    let rows = SALES.rows("executive_velocity");
    let owners: BTreeSet<&str> = rows.iter().map(|row| row["owner_id"].as_str()).collect();
    assert_eq!(owners, BTreeSet::from(["ann", "bob", "cat"]));
}

#[rstest]
#[case("cost_direct", 4000.0 + 2000.0)]
#[case::with_what_finds_no_account("cost_indirect", 3000.0 + 1000.0)]
#[case("clv", 82_000.0 * 0.5 * 1.75 - 5000.0)]
#[case("extended_clv", 66_750.0 + (12_000.0 + 5000.0 + 3000.0) / 2.0)]
#[case::at_a_margin_of_60_k_of_164_k_and_half_of_it_churns("clv_margin", 82_000.0 * (40_000.0 + 20_000.0 + 16_000.0) / 164_000.0 / 0.5)]
#[case::and_unlike_them_the_rest("clv_uplift", 92_000.0 / 46_000.0)]
fn costs(#[case] kpi: &str, #[case] value: f64) {
    assert_june(&COSTS, kpi, &[], value);
}

#[rstest]
#[case("cac_to_clv", 5000.0, 66_750.0)]
#[case::t1_and_t2("cost_per_engaged_account", 10_000.0, 2.0)]
#[case::dollars_and_pounds_at_100_k("cost_to_potential", 10_000.0, 300_000.0 + 100_000.0 + 100_000.0)]
#[case::t1_and_t3("cost_per_mqa", 10_000.0, 2.0)]
#[case::wherever_they_came_from("cost_per_qualified_opportunity", 10_000.0, 4.0)]
#[case::dollars_at_their_day("cost_per_click", 20.0 + 0.5 * 60.0, 10.0 + 15.0)]
#[case("churn_rate", 2.0, 4.0)]
#[case("expansion_rate", 2000.0 + 1500.0, 2000.0)]
fn rates_of_costs(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&COSTS, kpi, &[], numerator, denominator);
}

#[rstest]
#[case::nothing_churned("clv_margin", &[("industry", "fintech")], None)]
#[case::nobody_knows_whose_click_it_was("cost_per_click", &[("program", "(unknown)")], Some(30.0 / 15.0))]
#[case::nobody_qualified("cost_per_mqa", &[("program", "non_abm")], None)]
fn costs_in_a_cut(#[case] kpi: &str, #[case] cut: &[(&str, &str)], #[case] value: Option<f64>) {
    assert_eq!(COSTS.cell(kpi, "month", JUNE, cut).value, value);
}

#[rstest]
#[case("pipeline_per_fte", 150_000.0, 2.0 + 3.0)]
#[case("revenue_per_fte", 20_000.0 + 40_000.0, 5.0)]
#[case::p1_and_p2("accounts_activated_per_fte", 2.0, 5.0)]
#[case("campaigns_per_fte", 2.0, 5.0)]
#[case("contents_per_fte", 3.0, 5.0)]
#[case("pipeline_per_euro", 150_000.0, 30_000.0)]
fn productivity(#[case] kpi: &str, #[case] numerator: f64, #[case] denominator: f64) {
    assert_ratio(&PRODUCTIVITY, kpi, &[], numerator, denominator);
}

#[rstest]
#[case("fte", "month", JUNE, &[], Some(5.0))]
#[case::four_in_may_five_in_june("fte", "quarter", "2026-04-01", &[], Some(4.5))]
#[case::nobody_in_may("fte", "quarter", "2026-04-01", &[("region", "AMER")], Some(1.5))]
#[case("fte", "month", JUNE, &[("bu", "cloud"), ("program", "abm")], Some(2.0))]
#[case::staff_has_no_industry("fte", "month", JUNE, &[("industry", "saas")], None)]
#[case("pipeline_per_fte", "month", JUNE, &[("region", "EMEA")], Some(100_000.0 / 2.0))]
#[case::not_even_beside_a_region("pipeline_per_fte", "month", JUNE, &[("region", "EMEA"), ("industry", "saas")], None)]
#[case::campaigns_have_no_programme("campaigns_per_fte", "month", JUNE, &[("program", "abm")], None)]
#[case::one_is_for_everybody("campaigns_per_fte", "month", JUNE, &[("region", "EMEA")], Some(1.0 / 2.0))]
#[case::of_50_k_and_30_k("productivity_index", "month", JUNE, &[("region", "EMEA")], Some(50_000.0 / 30_000.0))]
#[case("productivity_index", "month", JUNE, &[], Some(1.0))]
fn people_are_counted_where_staff_data_tells(
    #[case] kpi: &str,
    #[case] grain: &str,
    #[case] start: &str,
    #[case] cut: &[(&str, &str)],
    #[case] value: Option<f64>,
) {
    assert_eq!(PRODUCTIVITY.cell(kpi, grain, start, cut).value, value);
}

#[rstest]
#[case::an_event_against_letters("EMEA", "event", ["25", "25", "15", "0.6", "40", "40", "0.25", "2.4", "true", "1"])]
#[case::letters_against_an_event("EMEA", "email", ["40", "40", "10", "0.25", "25", "25", "0.6", "0.4166666666666667", "false", ""])]
#[case::three_accounts_and_eight_campaigns("APAC", "web", ["24", "3", "24", "1", "30", "30", "0.1", "10", "false", ""])]
fn a_tactic_stands_out_where_enough_accounts_prove_it(
    #[case] region: &str,
    #[case] channel: &str,
    #[case] seen: [&str; 10],
) {
    let wanted = [("cut", "region"), ("region", region), ("tactic_channel", channel)];
    let pair = BEST_PRACTICES.row("best_practices", &wanted);
    let columns = ["n", "accounts", "engaged", "engagement_rate", "base_n", "base_accounts", "base_rate", "lift"];
    let judged = ["significant", "rank"];
    assert_eq!(columns.iter().chain(&judged).map(|column| pair[*column].as_str()).collect::<Vec<_>>(), seen);
}

#[test]
fn how_sure_it_is_goes_by_the_rate_of_both() {
    let wanted = [("cut", "region"), ("region", "EMEA"), ("tactic_channel", "event")];
    let pooled: f64 = (15.0 + 10.0) / (25.0 + 40.0);
    let error = (pooled * (1.0 - pooled) * (1.0 / 25.0 + 1.0 / 40.0)).sqrt();
    assert_close(BEST_PRACTICES.row("best_practices", &wanted)["z"].parse().ok(), (0.6 - 0.25) / error);
}

#[rstest]
#[case::g2_of_three("account", "sqa", ["3", "1", "0.3333333333333333", "0", "0.3333333333333333", "", "0"])]
#[case::g5_after_25_days_and_g6("account", "opportunity", ["4", "2", "0.5", "1", "0.6666666666666666", "25", "1"])]
#[case::nothing_comes_after_it("account", "customer", ["1", "", "", "", "", "", "0"])]
#[case::p1_of_three_and_p4_that_came_before("opportunity", "discovery", ["3", "1", "0.3333333333333333", "1", "0.5", "11.333333333333334", "3"])]
#[case::p1_after_10_days_and_p4_after_20("opportunity", "qualification", ["2", "1", "0.5", "1", "1", "15", "2"])]
#[case::p1("opportunity", "proposal", ["1", "1", "1", "0", "1", "10", "1"])]
fn cohorts_are_seen_stage_by_stage(#[case] funnel: &str, #[case] stage: &str, #[case] seen: [&str; 7]) {
    let period = [("period_grain", "month"), ("period_start", JUNE), ("cut", "all")];
    let row = STAGES.row("funnel", &[&period[..], &[("funnel", funnel), ("stage", stage)]].concat());
    let columns = ["entered", "reached_next", "conversion_rate", "immature", "mature_rate", "days", "days_n"];
    assert_eq!(columns.map(|column| row[column].as_str()), seen);
}

/// December holds the last day of the data and so is not over.
#[test]
fn a_review_shows_the_newest_month_that_is_over() {
    let place = Workshop::new(&Lake::fixture("funnel"));
    place.run().ok();
    place.command(&["run", "monthly"]).ok();
    let marts = place.marts();
    let seen = |kpi: &str| {
        let row = marts.row("monthly_review", &[("kpi", kpi), ("cut", "all")]);
        ["period_start", "value", "prior_value", "trend", "status"].map(|column| row[column].clone())
    };
    assert_eq!(seen("mqa"), ["2026-11-01", "2", "0", "better", ""]);
    assert_eq!(seen("cost_total"), ["2026-11-01", "0", "0", "flat", ""]);
    assert_eq!(seen("mqa_to_sqa_rate"), ["2026-11-01", "0.5", "", "", "healthy"]);
}

/// The answer to a touch may come in a later month, never at the same instant, and counts where the touch does.
#[test]
fn a_touch_is_answered_by_the_next_one_however_late() {
    let place = Workshop::new(&Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A}, {account_id: B}],
          touchpoints: [{account_id: A, direction: outbound, occurred_at: 2026-04-30T20:00:00},
                        {account_id: A, direction: outbound, occurred_at: 2026-05-31T20:00:00},
                        {account_id: B, occurred_at: 2026-06-01T01:00:00},
                        {account_id: A, occurred_at: 2026-06-01T08:00:00},
                        {account_id: A, direction: outbound, occurred_at: 2026-06-10T10:00:00},
                        {account_id: A, occurred_at: 2026-06-10T10:00:00},
                        {account_id: A, occurred_at: 2026-06-11T10:00:00},
                        {account_id: A, direction: outbound, occurred_at: 2026-06-20T10:00:00}]}",
    ));
    place.run().ok();
    let marts = place.marts();
    let of = |month: &str| {
        let cell = marts.cell("engagement_response_hours", "month", month, &[]);
        (cell.numerator, cell.denominator)
    };
    assert_eq!(of("2026-04-01"), (Some(31.0 * 24.0 + 12.0), Some(1.0)));
    assert_eq!(of("2026-05-01"), (Some(12.0), Some(1.0)));
    assert_eq!(of("2026-06-01"), (Some(24.0), Some(1.0)), "the last one waits still");
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
