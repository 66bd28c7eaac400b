//! What columns of rollups, facts, scores, KPIs, alerts and marts come from.

#![expect(clippy::expect_used, reason = "tests")]

mod support;

use abmart_lineage::Lineage;
use insta::assert_snapshot;
use support::{column, said, small, with, written};

fn of(lineage: &Lineage, name: &str) -> String {
    let target = lineage.find(name).expect("a definition");
    written(lineage.definition(target.definition()).expect("a definition"))
}

#[test]
fn a_rollup() {
    assert_snapshot!(of(&Lineage::of(&small()), "touch_days"), @"
    account_id <- source:touches.account_id identity
    day <- source:touches.at transformation
    touches <-
    inbound <- source:touches.direction filter
    (rows) <- source:touches.account_id group_by, source:touches.at group_by, source:touches.kind filter
    ");
}

#[test]
fn amounts_come_from_the_rate_of_their_day_too() {
    assert_snapshot!(of(&Lineage::of(&small()), "closings"), @"
    deal_id <- source:deals.deal_id identity
    account_id <- source:deals.account_id identity
    amount <- source:deals.amount transformation, source:deals.closed_on join, source:deals.currency join, source:fx_rates.currency join, source:fx_rates.day join, source:fx_rates.rate transformation
    currency <- source:deals.currency identity
    closed_on <- source:deals.closed_on identity
    is_won <- source:deals.is_won identity
    (rows) <- source:deals.closed_on filter
    ");
}

#[test]
fn a_table_of_a_period_goes_by_the_time_of_its_input() {
    assert_snapshot!(of(&Lineage::of(&small()), "table:signals"), @"
    account_id <- rollup:touch_days.account_id identity
    kind <-
    points <- rollup:touch_days.touches aggregation
    (rows) <- rollup:touch_days.account_id group_by, rollup:touch_days.day filter
    ");
}

#[test]
fn facts_go_by_key_and_time_and_stand_beside_the_members() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "closed"), @"
    won <- table:closings.is_won filter
    amount <- table:closings.amount aggregation
    (rows) <- table:closings.account_id group_by, table:closings.closed_on filter, table:closings.deal_id group_by, entity:deal.deal_id join
    ");
    assert_snapshot!(of(&lineage, "listing"), @"
    on_list <- source:accounts.listed_on transformation
    industry <- source:accounts.industry identity
    (rows) <- source:accounts.account_id join, entity:account.account_id join
    ");
}

#[test]
fn entities() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "account"), @"
    account_id <- source:accounts.account_id identity
    region <- source:accounts.region identity
    ");
    assert_snapshot!(of(&lineage, "deal"), @"
    account_id <- entity:account.account_id identity
    deal_id <-
    region <- entity:account.region identity
    ");
}

#[test]
fn a_score_with_its_components_and_band() {
    assert_snapshot!(of(&Lineage::of(&small()), "engagement"), @"
    score <- table:signals.points aggregation
    touch <- table:signals.points aggregation
    band <- table:signals.points conditional, entity:account.region conditional
    signal <- table:signals.kind identity
    (rows) <- table:signals.account_id group_by, entity:account.account_id join
    ");
}

#[test]
fn kpis_come_from_measures_and_other_kpis() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "coverage"), @"
    value <- fact:activity.inbound filter, fact:listing.on_list filter
    (rows) <- entity:account.region group_by
    ");
    assert_snapshot!(of(&lineage, "wins_by_coverage"), @"
    value <- kpi:coverage.value transformation, kpi:won_deals.value transformation
    (rows) <- entity:account.region group_by
    ");
}

#[test]
fn an_alert() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "quiet"), @"
    account_id <- entity:account.account_id identity
    region <- entity:account.region identity
    subject <- entity:account.account_id identity
    value <- fact:activity.inbound identity
    threshold <-
    owner <-
    (rows) <- fact:activity.inbound filter, fact:listing.on_list filter
    ");
    assert_eq!(said(lineage.inputs(&column(&lineage, "open_alerts.value")))[0], "alert:quiet.value identity");
}

#[test]
fn the_cube_as_a_mart() {
    assert_snapshot!(of(&Lineage::of(&small()), "mart:kpi_values"), @"
    as_of <-
    period_grain <-
    period_start <-
    period_end <-
    partial <-
    cut <-
    region <- entity:account.region identity
    kpi <-
    value <- kpi:coverage.value identity, kpi:wins_by_coverage.value identity, kpi:won_deals.value identity
    numerator <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    denominator <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    n <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    prior_value <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    change <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    yoy_value <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    target <- source:targets.kpi join, source:targets.period_grain join, source:targets.period_start join, source:targets.region join, source:targets.target identity
    attainment <- source:targets.kpi join, source:targets.period_grain join, source:targets.period_start join, source:targets.region join, source:targets.target transformation, kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    benchmark <-
    status <- kpi:coverage.value conditional, kpi:wins_by_coverage.value conditional, kpi:won_deals.value conditional
    share_of_parent <- kpi:coverage.value transformation, kpi:wins_by_coverage.value transformation, kpi:won_deals.value transformation
    rank <- kpi:coverage.value window, kpi:wins_by_coverage.value window, kpi:won_deals.value window
    immature <-
    mature_value <-
    definition <-
    ");
}

#[test]
fn a_condition_on_the_kpi_tells_which_ones_a_column_comes_from() {
    let lineage = Lineage::of(&small());
    let value = column(&lineage, "won.value");
    assert_eq!(said(lineage.inputs(&value)), ["kpi:won_deals.value identity"]);
    assert_snapshot!(of(&lineage, "wide"), @"
    period_start <-
    region <- entity:account.region identity
    coverage <- kpi:coverage.value aggregation
    either <- kpi:coverage.value aggregation, kpi:won_deals.value aggregation
    any_of_them <- kpi:coverage.value aggregation, kpi:wins_by_coverage.value aggregation, kpi:won_deals.value aggregation
    (rows) <- entity:account.region group_by
    ");
}

#[test]
fn an_entity_in_a_mart_has_the_measures_of_its_facts() {
    assert_snapshot!(of(&Lineage::of(&small()), "accounts_seen"), @"
    period_start <-
    account_id <- entity:account.account_id identity
    region <- entity:account.region identity
    industry <- fact:listing.industry identity
    band <- score:engagement.band identity
    engaged <- fact:activity.inbound transformation
    ");
}

#[test]
fn the_signals_of_a_score_and_the_other_tables_that_the_engine_makes() {
    let lineage = Lineage::of(&with(
        "marts:\n  explained: {from: engagement_signals, key: [period_start, account_id]}\n  cuts_seen: {sql: select cut from cuts, key: [cut]}\n",
    ));
    assert_snapshot!(of(&lineage, "explained"), @"
    period_grain <-
    period_start <-
    period_end <-
    partial <-
    account_id <- entity:account.account_id identity
    component <-
    signal <- score:engagement.signal identity
    measure <- score:engagement.touch transformation
    weight <-
    contribution <- score:engagement.touch transformation
    ");
    assert_snapshot!(of(&lineage, "cuts_seen"), @"cut <-");
}

#[test]
fn the_tables_of_an_attribution() {
    let lineage = Lineage::of(&with(
        "attributions:\n  credit:\n    per: account\n    touches: {from: touches, channel: kind}\n    conversions: {from: closings, key: deal_id, value: amount}\n    window: 30 days\n    models: {linear: {}}\n",
    ));
    assert_snapshot!(of(&lineage, "credit_credits"), @"
    model <-
    account_id <- table:closings.account_id identity
    deal_id <- table:closings.deal_id identity
    converted_at <- table:closings.closed_on identity
    conversion_value <- table:closings.amount identity
    channel <- source:touches.kind identity
    touches <-
    conversions <- source:touches.at sort, source:touches.kind aggregation
    value <- source:touches.at sort, source:touches.kind aggregation, table:closings.amount aggregation
    (rows) <- source:touches.account_id join, source:touches.at window, table:closings.account_id join, table:closings.closed_on window
    ");
    assert_snapshot!(of(&lineage, "credit_touches"), @"
    account_id <- table:closings.account_id identity
    deal_id <- table:closings.deal_id identity
    converted_at <- table:closings.closed_on identity
    value <- table:closings.amount identity
    touched_at <- source:touches.at identity
    channel <- source:touches.kind identity
    linear <- source:touches.at sort, source:touches.kind aggregation
    (rows) <- source:touches.account_id join, source:touches.at window, table:closings.account_id join, table:closings.closed_on window
    ");
}
