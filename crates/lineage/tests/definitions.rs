//! What columns of rollups, facts, scores, KPIs, alerts and marts come from.

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
    assert_snapshot!(of(&Lineage::of(&small()), "touch_days"), @"");
}

#[test]
fn amounts_come_from_the_rate_of_their_day_too() {
    assert_snapshot!(of(&Lineage::of(&small()), "closings"), @"");
}

#[test]
fn a_table_of_a_period_goes_by_the_time_of_its_input() {
    assert_snapshot!(of(&Lineage::of(&small()), "table:signals"), @"");
}

#[test]
fn facts_go_by_key_and_time_and_stand_beside_the_members() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "closed"), @"");
    assert_snapshot!(of(&lineage, "listing"), @"");
}

#[test]
fn entities() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "account"), @"");
    assert_snapshot!(of(&lineage, "deal"), @"");
}

#[test]
fn a_score_with_its_components_and_band() {
    assert_snapshot!(of(&Lineage::of(&small()), "engagement"), @"");
}

#[test]
fn kpis_come_from_measures_and_other_kpis() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "coverage"), @"");
    assert_snapshot!(of(&lineage, "wins_by_coverage"), @"");
}

#[test]
fn an_alert() {
    let lineage = Lineage::of(&small());
    assert_snapshot!(of(&lineage, "quiet"), @"");
    assert_eq!(said(lineage.inputs(&column(&lineage, "open_alerts.value")))[0], "alert:quiet.value identity");
}

#[test]
fn the_cube_as_a_mart() {
    assert_snapshot!(of(&Lineage::of(&small()), "mart:kpi_values"), @"");
}

#[test]
fn a_condition_on_the_kpi_tells_which_ones_a_column_comes_from() {
    let lineage = Lineage::of(&small());
    let value = column(&lineage, "won.value");
    assert_eq!(said(lineage.inputs(&value)), ["kpi:won_deals.value identity"]);
    assert_snapshot!(of(&lineage, "wide"), @"");
}

#[test]
fn an_entity_in_a_mart_has_the_measures_of_its_facts() {
    assert_snapshot!(of(&Lineage::of(&small()), "accounts_seen"), @"");
}

#[test]
fn the_signals_of_a_score_and_the_other_tables_that_the_engine_makes() {
    let lineage = Lineage::of(&with(
        "marts:\n  explained: {from: engagement_signals, key: [period_start, account_id]}\n  cuts_seen: {sql: select cut from cuts, key: [cut]}\n",
    ));
    assert_snapshot!(of(&lineage, "explained"), @"");
    assert_snapshot!(of(&lineage, "cuts_seen"), @"cut <-");
}

#[test]
fn the_tables_of_an_attribution() {
    let lineage = Lineage::of(&with(
        "attributions:\n  credit:\n    per: account\n    touches: {from: touches, channel: kind}\n    conversions: {from: closings, key: deal_id, value: amount}\n    window: 30 days\n    models: {linear: {}}\n",
    ));
    assert_snapshot!(of(&lineage, "credit_credits"), @"");
    assert_snapshot!(of(&lineage, "credit_touches"), @"");
}
