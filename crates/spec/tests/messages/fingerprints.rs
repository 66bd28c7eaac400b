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
