//! What breaks and what changes without a column.

#![expect(clippy::expect_used, reason = "tests")]

mod support;

use abmart_lineage::{Lineage, Removal};
use rstest::rstest;
use support::{small, with};

fn removed(lineage: &Lineage, text: &str) -> Removal {
    lineage.if_removed(&lineage.find(text).expect("a definition or column"))
}

fn ids<'a>(affected: impl Iterator<Item = &'a abmart_lineage::Affected>) -> Vec<String> {
    affected.map(|affected| affected.node.to_string()).collect()
}

/// `industry` is handed on by the fact as it is: whoever names the measure has nothing to name any more. Nothing is computed
/// from it.
#[test]
fn what_hands_a_column_on_breaks_with_what_names_it_there() {
    let lineage = Lineage::of(&small());
    let removal = removed(&lineage, "accounts.industry");
    assert_eq!(ids(removal.broken()), ["mart:accounts_seen", "fact:listing"]);
    assert_eq!(ids(removal.changed()), Vec::<String>::new());
    let mart = &removal.affected[0];
    assert_eq!(
        (mart.gone.as_slice(), mart.changed.as_slice(), mart.rows),
        (["industry".to_owned()].as_slice(), [].as_slice(), false)
    );
    let path: Vec<String> = mart.path.iter().map(|(column, how)| format!("{column} {}", how.word())).collect();
    assert_eq!(path, ["source:accounts.industry as it is", "fact:listing.industry as it is"]);
}

/// The rollup counts by `direction`; what reads the count computes with another one.
#[test]
fn what_reads_what_was_computed_changes() {
    let lineage = Lineage::of(&small());
    let removal = removed(&lineage, "touches.direction");
    assert_eq!(ids(removal.broken()), ["rollup:touch_days"]);
    assert_eq!(
        ids(removal.changed()),
        [
            "mart:accounts_seen",
            "mart:kpi_values",
            "mart:open_alerts",
            "mart:wide",
            "kpi:coverage",
            "kpi:wins_by_coverage",
            "alert:quiet",
            "fact:activity"
        ]
    );
}

/// A mart that shows one KPI does not change with another one.
#[test]
fn a_mart_of_one_kpi_changes_with_this_one_alone() {
    let lineage = Lineage::of(&small());
    let of = |text: &str| ids(removed(&lineage, text).affected.iter());
    assert!(of("deals.is_won").contains(&"mart:won".to_owned()));
    assert!(!of("touches.direction").contains(&"mart:won".to_owned()));
}

#[test]
fn a_column_that_other_parts_of_a_union_have_is_not_gone() {
    let lineage = Lineage::of(&with(
        "tables:\n  both: {sql: select industry as what from accounts union all select kind from touches}\n  reader: {sql: select what from both}\n",
    ));
    let removal = removed(&lineage, "accounts.industry");
    assert!(ids(removal.broken()).contains(&"table:both".to_owned()));
    assert!(ids(removal.changed()).contains(&"table:reader".to_owned()));
}

#[test]
fn a_wildcard_names_nothing() {
    let lineage = Lineage::of(&with(
        "tables:\n  all_of_it: {sql: select * from accounts}\n  reader: {sql: select industry from all_of_it}\n",
    ));
    let removal = removed(&lineage, "accounts.industry");
    assert!(ids(removal.changed()).contains(&"table:all_of_it".to_owned()));
    assert!(ids(removal.broken()).contains(&"table:reader".to_owned()));
}

#[test]
fn without_a_source_everything_that_reads_it_breaks() {
    let lineage = Lineage::of(&small());
    let removal = removed(&lineage, "source:touches");
    // The rollup hands the account on as it is, and they name it.
    assert_eq!(ids(removal.broken()), ["score:engagement", "fact:activity", "table:signals", "rollup:touch_days"]);
    assert!(ids(removal.changed()).contains(&"kpi:coverage".to_owned()));
    assert_eq!(ids(removed(&lineage, "weights").affected.iter()), Vec::<String>::new());
}

#[rstest]
#[case("touches.direction")]
#[case("accounts.region")]
#[case("deals")]
fn a_path_leads_from_what_is_removed_along_edges(#[case] text: &str) {
    let lineage = Lineage::of(&small());
    let removal = removed(&lineage, text);
    for affected in &removal.affected {
        let mut steps = affected.path.iter().map(|(column, _)| column).peekable();
        assert_eq!(steps.peek().map(|column| &column.of), Some(removal.target.definition()));
        while let Some(column) = steps.next() {
            let next = steps.peek().map_or(&affected.node, |column| &column.of);
            assert!(lineage.outputs(column).iter().any(|output| output.of == *next), "{column} to {next}");
        }
    }
}
