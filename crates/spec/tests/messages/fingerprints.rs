//! What changes the fingerprint of a KPI, and where a piece of SQL stands.

use abmart_spec::fingerprint::fingerprints;
use abmart_spec::model::TableBody;
use abmart_spec::sql::locate;
use rstest::rstest;
use sqlparser::tokenizer::{Location, Span};

use crate::{BASE, load};

fn win_rate(base: &str) -> String {
    let (project, _) = load(&[("jobs/base.yaml", base)], &[]).unwrap();
    fingerprints(&project)["win_rate"].clone()
}

#[rstest]
#[case::layout("sum(deals.won) / sum(deals.closed)", "sum( deals.won )/sum(deals.closed)")]
#[case::title("{en: Win rate, ", "{en: Rate of wins, ")]
#[case::owner("owner: operations", "owner: sales")]
#[case::another_measure_of_the_fact("amount: sum(amount) filter", "amount: 2 * sum(amount) filter")]
#[case::another_fact("measures: {on_list: listed_on < cutoff()}", "measures: {on_list: listed_on <= cutoff()}")]
#[case::remark("      from opportunities\n", "      from opportunities -- all of them\n")]
fn what_does_not_change_the_meaning(#[case] from: &str, #[case] to: &str) {
    assert!(BASE.contains(from));
    assert_eq!(win_rate(BASE), win_rate(&BASE.replace(from, to)));
}

#[rstest]
#[case::formula("sum(deals.won) / sum(deals.closed)", "sum(deals.closed) / sum(deals.won)")]
#[case::measure("won: count(*) filter (where is_won)", "won: count(*) filter (where not is_won)")]
#[case::sql_upstream("where closed_at is not null", "where closed_at is not null and amount > 0")]
#[case::contract_upstream("is_won: boolean?}", "is_won: boolean}")]
#[case::dimensions("dimensions: [region, industry, program]", "dimensions: [region, program, industry]")]
fn what_changes_the_meaning(#[case] from: &str, #[case] to: &str) {
    assert!(BASE.contains(from));
    assert_ne!(win_rate(BASE), win_rate(&BASE.replace(from, to)));
}

/// An attribution with everything that it can have, and a KPI of its credit.
const ATTRIBUTION: &str = "job: case
title: {en: Case, fr: Cas}
attributions:
  signed:
    description: Who made the deals.
    touches: {from: touchpoints, channel: kind, campaign: contact_id, key: [touch_id]}
    conversions: {from: opportunities, key: opportunity_id, time: closed_at, value: amount, milestones: {lead: created_at}}
    window: 12 months
    channels: {digital: [web]}
    path: collapse
    models:
      linear: {}
      mine: {weights: {first: 0.5, lead: 0.5}}
      markov_journey: {order: 1}
      time_decay: {half_life: 7 days}
facts:
  credit: {per: account, from: signed_credits, measures: {deals: sum(conversions)}}
kpis:
  credited: {title: {en: Credit, fr: Crédit}, formula: sum(credit.deals), unit: count, better: higher, level: [executive], cadence: monthly}
";

fn credited(job: &str) -> String {
    let (project, _) = load(&[("jobs/case.yaml", job)], &[]).unwrap();
    fingerprints(&project)["credited"].clone()
}

#[rstest]
#[case::window("window: 12 months", "window: 24 months")]
#[case::path("path: collapse", "path: unique")]
#[case::group("digital: [web]", "digital: [web, email]")]
#[case::left_out("path: collapse", "path: collapse\n    leave_out: [digital]")]
#[case::reset("path: collapse", "path: collapse\n    reset_on_conversion: true")]
#[case::non_converting("path: collapse", "path: collapse\n    non_converting: false")]
#[case::channel("channel: kind", "channel: direction")]
#[case::campaign(", campaign: contact_id", "")]
#[case::order("key: [touch_id]", "show: [touch_id, cost]")]
#[case::value("value: amount, ", "")]
#[case::milestone("lead: created_at", "lead: closed_at")]
#[case::weights("first: 0.5, lead: 0.5", "first: 0.4, lead: 0.6")]
#[case::order_of_a_chain("order: 1", "order: 2")]
#[case::half_life("half_life: 7 days", "half_life: 8 days")]
#[case::model("      linear: {}\n", "")]
fn what_changes_the_meaning_of_credit(#[case] from: &str, #[case] to: &str) {
    assert!(ATTRIBUTION.contains(from));
    assert_ne!(credited(ATTRIBUTION), credited(&ATTRIBUTION.replace(from, to)));
}

#[test]
fn words_do_not_change_the_meaning_of_credit() {
    assert_eq!(credited(ATTRIBUTION), credited(&ATTRIBUTION.replace("Who made", "Which touches made")));
}

#[test]
fn a_column_in_a_query_is_found_in_the_file() {
    let (project, _) = load(&[], &[]).unwrap();
    let TableBody::Sql(sql) = &project.tables["signals"].body else {
        panic!("signals is a query");
    };
    // `w.kind`, in the third line of the query.
    let place = Span::new(Location::new(3, 28), Location::new(3, 34));
    let span = locate(sql, place);
    assert_eq!(project.files.text(span), "w.kind");
    let (path, line, column) = project.files.position(span).unwrap();
    assert_eq!((path.to_str().unwrap(), line, column), ("jobs/base.yaml", 62, 34));
}
