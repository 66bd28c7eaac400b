//! `abmart diff`: each sort of change alone with figures that can be checked by hand, then all together; what is kept of
//! runs.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::Stdio;

use proptest::prelude::*;
use proptest::test_runner::Config;
use support::changes::{Account, Changes, Order};

const ACCOUNTS: [Account; 3] = [("A", "EMEA", "gold"), ("B", "EMEA", "silver"), ("C", "APAC", "gold")];
const MAY: [Order; 2] = [("o1", "A", "2026-05-10", 50.0), ("o2", "C", "2026-05-20", 150.0)];
const JUNE: [Order; 2] = [("o3", "A", "2026-06-02", 120.0), ("o4", "B", "2026-06-03", 80.0)];

/// Three accounts, two orders in May and two in June, and what was published on 5 June.
fn june_5() -> (Changes, String) {
    let place = Changes::new();
    place.accounts("2026-05-31", &ACCOUNTS).accounts("2026-06-05", &ACCOUNTS);
    place.orders("2026-05", "part-0", &MAY).orders("2026-06", "part-0", &JUNE);
    let run = place.night("2026-06-05", &[]);
    (place, run)
}

fn of(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(cell, change)| ((*cell).to_owned(), (*change).to_owned())).collect()
}

// ---- Each sort of change alone --------------------------------------------------------------------------------------

#[test]
fn where_nothing_happened_nothing_changed_and_nothing_is_computed() {
    let (place, run) = june_5();
    let again = place.night("2026-06-05", &[]);
    let diff = place.diff(&[&run, &again]);
    assert_eq!(diff.months(), of(&[]));
    assert_eq!(diff.0["computed"], 0, "no file, no day and no definition differs");
    let states = ["corrected", "new_data", "members", "definitions", "corrected_since"].map(|cause| diff.state(cause));
    assert_eq!(states, ["split", "nothing", "nothing", "nothing", "nothing"]);
    let text = place.command(&["diff", &run, &again]).ok().stdout;
    assert!(text.contains("changed    nothing"), "{text}");
}

#[test]
fn a_late_order_is_a_correction() {
    let (place, run) = june_5();
    place.orders("2026-05", "late", &[("o9", "B", "2026-05-30", 400.0)]);
    let diff = place.diff(&[&run, "2026-06-05", "--grain", "month"]);
    // Orders of B, which is in EMEA and silver; large from 100.
    let expected = of(&[
        ("average_order 2026-05 EMEA", "50.0 -> 225.0: corrected 175.0"),
        ("average_order 2026-05 all", "100.0 -> 200.0: corrected 100.0"),
        ("average_order 2026-05 silver", "null -> 400.0: corrected 400.0"),
        ("buyers 2026-05 EMEA", "0.5 -> 1.0: corrected 0.5"),
        ("buyers 2026-05 silver", "0.0 -> 1.0: corrected 1.0"),
        ("large_orders 2026-05 EMEA", "0.0 -> 1.0: corrected 1.0"),
        ("large_orders 2026-05 all", "1.0 -> 2.0: corrected 1.0"),
        ("large_orders 2026-05 silver", "0.0 -> 1.0: corrected 1.0"),
        ("orders 2026-05 EMEA", "1.0 -> 2.0: corrected 1.0"),
        ("orders 2026-05 all", "2.0 -> 3.0: corrected 1.0"),
        ("orders 2026-05 silver", "0.0 -> 1.0: corrected 1.0"),
    ]);
    let mut months = diff.adds_up().months();
    // Two thirds of the accounts, then all.
    let buyers = months.remove("buyers 2026-05 all").expect("a changed share");
    assert!(buyers.starts_with("0.666") && buyers.contains("-> 1.0: corrected 0.333"), "{buyers}");
    assert_eq!(months, expected);
    assert_eq!(diff.0["lake"]["orders"], serde_json::json!({"changed": 0, "gone": 0, "came": 1}));
    assert_eq!(diff.causes(), ["corrected"]);
    assert_eq!(diff.0["computed"], 1, "what was published is known, and both sides are of one day");
}

#[test]
fn a_day_computed_from_the_lake_does_not_know_what_was_corrected() {
    let (place, run) = june_5();
    place.orders("2026-05", "late", &[("o9", "B", "2026-05-30", 400.0)]);
    let diff = place.diff(&["2026-06-05", "2026-06-05"]);
    assert_eq!((diff.state("corrected"), diff.months()), ("unknown", of(&[])));
    // The other way round: the day is right, the run does not show it yet.
    let diff = place.diff(&["2026-06-05", &run, "--kpi", "orders", "--cut", "all", "--grain", "month"]);
    assert_eq!(diff.adds_up().months(), of(&[("orders 2026-05 all", "3.0 -> 2.0: corrected_since -1.0")]));
}

#[test]
fn an_order_of_a_new_day_is_new_data() {
    let (place, run) = june_5();
    place.orders("2026-06", "part-1", &[("o5", "C", "2026-06-08", 300.0)]);
    let diff = place.diff(&[&run, "2026-06-09", "--grain", "month", "--kpi", "orders,average_order"]);
    // The file is there now, but on 5 June its row was still to come.
    let expected = of(&[
        ("average_order 2026-06 APAC", "null -> 300.0: new_data 300.0"),
        ("average_order 2026-06 gold", "120.0 -> 210.0: new_data 90.0"),
        ("orders 2026-06 APAC", "0.0 -> 1.0: new_data 1.0"),
        ("orders 2026-06 all", "2.0 -> 3.0: new_data 1.0"),
        ("orders 2026-06 gold", "1.0 -> 2.0: new_data 1.0"),
    ]);
    let mut months = diff.adds_up().months();
    let average = months.remove("average_order 2026-06 all").expect("a changed average");
    assert!(average.starts_with("100.0 -> 166.66") && average.contains(": new_data 66.66"), "{average}");
    assert_eq!(months, expected);
    assert_eq!(diff.causes(), ["new_data"]);
}

#[test]
fn an_account_that_moves_changes_the_cuts_and_not_the_total() {
    let (place, run) = june_5();
    let moved = [("A", "EMEA", "gold"), ("B", "APAC", "silver"), ("C", "APAC", "gold")];
    place.accounts("2026-06-06", &moved);
    let diff = place.diff(&[&run, "2026-06-06", "--grain", "month", "--kpi", "accounts,orders"]);
    let expected = of(&[
        ("accounts 2026-06 APAC", "1.0 -> 2.0: members 1.0"),
        ("accounts 2026-06 EMEA", "2.0 -> 1.0: members -1.0"),
        ("orders 2026-06 APAC", "0.0 -> 1.0: members 1.0"),
        ("orders 2026-06 EMEA", "2.0 -> 1.0: members -1.0"),
    ]);
    assert_eq!(diff.adds_up().months(), expected, "in May it was where it was");
    assert_eq!(diff.causes(), ["members"]);
}

#[test]
fn another_variable_is_another_definition() {
    let (place, run) = june_5();
    let after = place.night("2026-06-05", &["--var", "LARGE=60"]);
    let diff = place.diff(&[&run, &after, "--grain", "month", "--cut", "all"]);
    let expected = of(&[("large_orders 2026-06 all", "1.0 -> 2.0: definitions 1.0")]);
    assert_eq!(diff.adds_up().months(), expected, "80 is large now, 50 is not");
    assert_eq!(diff.causes(), ["definitions"]);
    assert_eq!(diff.0["computed"], 0, "both runs are kept, on equal files");
    let definitions = diff.definitions();
    assert_eq!(definitions.len(), 1, "{definitions:?}");
    assert!(
        definitions[0]
            .starts_with("meaning-changed-silently: KPI `large_orders` means something else under the same version 1")
    );
}

// ---- Together -------------------------------------------------------------------------------------------------------

#[test]
fn all_at_once_is_told_apart() {
    let (place, run) = june_5();
    place.orders("2026-06", "late", &[("o8", "A", "2026-06-01", 70.0)]);
    place.orders("2026-06", "part-1", &[("o5", "B", "2026-06-07", 90.0)]);
    let moved = [("A", "APAC", "gold"), ("B", "EMEA", "silver"), ("C", "APAC", "gold"), ("D", "EMEA", "gold")];
    place.accounts("2026-06-08", &moved);
    place.edit("amount >= ${LARGE}", "amount >= ${LARGE} - 30");
    let after = place.night("2026-06-08", &[]);
    let diff =
        place.diff(&[&run, &after, "--grain", "month", "--kpi", "large_orders,orders,accounts", "--period", "2026-06"]);
    // EMEA keeps two accounts and two orders: one goes with A, another comes.
    let expected = of(&[
        ("accounts 2026-06 APAC", "1.0 -> 2.0: members 1.0"),
        ("accounts 2026-06 all", "3.0 -> 4.0: members 1.0"),
        ("accounts 2026-06 gold", "2.0 -> 3.0: members 1.0"),
        ("orders 2026-06 APAC", "0.0 -> 2.0: members 2.0"),
        ("orders 2026-06 all", "2.0 -> 4.0: corrected 1.0, new_data 1.0"),
        ("orders 2026-06 gold", "1.0 -> 2.0: corrected 1.0"),
        ("orders 2026-06 silver", "1.0 -> 2.0: new_data 1.0"),
        // Large from 70: the late 70, the 80 of B and the new 90 are so by definition.
        ("large_orders 2026-06 APAC", "0.0 -> 2.0: members 1.0, definitions 1.0"),
        ("large_orders 2026-06 EMEA", "1.0 -> 2.0: members -1.0, definitions 2.0"),
        ("large_orders 2026-06 all", "1.0 -> 4.0: definitions 3.0"),
        ("large_orders 2026-06 gold", "1.0 -> 2.0: definitions 1.0"),
        ("large_orders 2026-06 silver", "0.0 -> 2.0: definitions 2.0"),
    ]);
    assert_eq!(diff.adds_up().months(), expected);
    assert_eq!(diff.causes(), ["corrected", "new_data", "members", "definitions"]);
}

#[test]
fn deeper_cuts_are_computed_and_known_of_the_run_that_is_published() {
    let (place, run) = june_5();
    place.orders("2026-05", "late", &[("o9", "B", "2026-05-30", 400.0)]);
    let asked = |run: &str| {
        place.diff(&[run, "2026-06-05", "--kpi", "orders", "--cut", "region=EMEA,tier", "--grain", "month"])
    };
    let diff = asked(&run);
    assert_eq!(diff.months(), of(&[("orders 2026-05 EMEA+silver", "0.0 -> 1.0: corrected 1.0")]));
    place.night("2026-06-05", &[]);
    assert_eq!(
        asked(&run).state("corrected"),
        "unknown",
        "another run is published now, and records hold no such cells"
    );
}

#[test]
fn what_the_cache_knows_of_nights_stays_as_it_is() {
    let (place, run) = june_5();
    let moved = [("A", "APAC", "gold"), ("B", "EMEA", "silver"), ("C", "APAC", "gold")];
    place.accounts("2026-06-20", &moved);
    place.night("2026-07-02", &[]);
    // With the accounts of 5 June, June is another period than the night's.
    let diff = place.diff(&[&run, "2026-07-02", "--grain", "month", "--kpi", "orders"]);
    assert_eq!(diff.causes(), ["members"]);
    place.night("2026-07-02", &[]);
    let periods = &place.results()["cache"]["periods"];
    assert_eq!((&periods["reused"], &periods["computed"]), (&2.into(), &0.into()), "May and June are over");
}

// ---- What is kept of runs -------------------------------------------------------------------------------------------

#[test]
fn as_many_runs_are_kept_as_the_settings_say() {
    let (place, first) = june_5();
    let (second, third) = (place.night("2026-06-06", &[]), place.night("2026-06-07", &[]));
    let mut kept = vec![second.clone(), third];
    kept.sort();
    assert_eq!(place.kept(), (kept.clone(), kept));
    // A run that the ledger knows still has its day.
    let diff = place.diff(&[&first, "2026-06-05"]);
    assert_eq!(diff.state("corrected"), "unknown");
    let outcome = place.command(&["diff", "20200101T000000Z-1", "2026-06-05"]);
    outcome.fails(2, &["no run of pipeline `nightly` that has published", "runs that are kept:", &second]);
}

#[test]
fn a_run_that_fails_leaves_no_record() {
    let (place, first) = june_5();
    place.orders("2026-06", "broken", &[]);
    let broken = place.project().parent().expect("a folder").join("lake/orders/ym=2026-06/broken.parquet");
    std::fs::write(broken, b"no Parquet").expect("a file that can be written");
    place.command(&["run"]).fails(1, &["orders"]);
    assert_eq!(place.kept(), (vec![first.clone()], vec![first]));
}

#[test]
fn killed_at_any_time_a_run_leaves_a_whole_record_or_none_in_use() {
    let (place, _) = june_5();
    let begun = std::time::Instant::now();
    place.night("2026-06-05", &[]);
    let whole = begun.elapsed();
    for step in 0..12_u32 {
        place.orders("2026-06", "part-1", &[("o5", "C", "2026-06-04", f64::from(step))]);
        let mut run = place.program(&["run", "--as-of", "2026-06-05"]);
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(whole * (step + 1) / 12);
        let _ = run.kill();
        run.wait().expect("the program ends");
        let (named, _) = place.kept();
        for run in &named {
            // Each record that is named is whole: its figures are those of its run.
            assert_eq!(place.diff(&[run, "2026-06-05"]).state("corrected"), "split", "{run}");
        }
    }
    let last = place.night("2026-06-05", &[]);
    let (named, there) = place.kept();
    assert!(named.len() == 2 && named.contains(&last), "{named:?}");
    assert_eq!(named, there, "nothing of killed runs is left");
    let diff = place.diff(&[&last, "2026-06-05"]);
    assert_eq!((diff.months(), &diff.0["computed"]), (of(&[]), &serde_json::json!(0)));
}

// ---- Two versions of the project ------------------------------------------------------------------------------------

#[test]
fn breaking_changes_come_first_each_with_both_places() {
    let (place, _) = june_5();
    let before = place.version("before", "job: orders", "job: orders");
    place.edit("select region, count(*) as accounts from", "select region, count(*) as members, 1.5 as weight from");
    place.edit(
        "      accounts: {description: How many there are., unit: count}",
        "      members: {description: Accounts., unit: count}\n      weight: {description: W.}",
    );
    place.edit("sum(sales.orders)\n    unit: count", "sum(sales.orders) + 1\n    unit: count");
    let folder = before.display().to_string();
    let text = place.command(&["diff", "--project-before", &folder, "--no-data"]).ok().stdout;
    insta::assert_snapshot!(text, @r"
    definitions: breaking changes
      meaning-changed-silently: KPI `orders` means something else under the same version 1: `sum(sales.orders) + 1` instead of `sum(sales.orders)`
          before jobs/orders.yaml:40, after jobs/orders.yaml:40
          help: raise its `version` to 2, so that readers are told
      column-renamed: column `accounts` of mart `regions` is called `members` now
          before jobs/orders.yaml:109, after jobs/orders.yaml:109

    definitions: other changes
      mart-redefined: the rows of mart `regions` are computed otherwise
          before jobs/orders.yaml:104, after jobs/orders.yaml:104
      column-added: column `weight` of mart `regions` is new
          before jobs/orders.yaml:102, after jobs/orders.yaml:110
    ");
    let check = place.command(&["diff", "--project-before", &folder, "--no-data", "--check"]);
    check.fails(1, &["2 changes of the definitions break what reads the marts"]);
}

#[test]
fn equal_definitions_are_no_change() {
    let place = Changes::new();
    let same = place.version("same", "job: orders", "job: orders").display().to_string();
    let text = place.command(&["diff", "--project-before", &same, "--no-data", "--check"]).ok().stdout;
    assert_eq!(text, "the definitions are the same for readers of the marts\n");
}

#[test]
fn two_versions_on_one_lake_differ_by_definitions_only() {
    let (place, _) = june_5();
    let before = place.version("before", "job: orders", "job: orders").display().to_string();
    place.edit("amount >= ${LARGE}", "amount >= 60");
    let diff = place.diff(&["--project-before", &before, "--grain", "month", "--cut", "all"]);
    assert_eq!(diff.months(), of(&[("large_orders 2026-06 all", "1.0 -> 2.0: definitions 1.0")]));
    assert_eq!(diff.causes(), ["definitions"]);
    assert_eq!(diff.0["breaking"], 1);
}

// ---- The law --------------------------------------------------------------------------------------------------------

/// What happens between two nights.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each may happen or not")]
struct Happens {
    corrected: bool,
    new_data: bool,
    members: bool,
    definitions: bool,
}

fn happens() -> impl Strategy<Value = Happens> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(corrected, new_data, members, definitions)| Happens { corrected, new_data, members, definitions })
}

proptest! {
    #![proptest_config(Config { cases: 12, failure_persistence: None, ..Config::default() })]

    #[test]
    fn parts_add_up_and_what_did_not_happen_has_no_part(happens in happens(), cents in 1_u32..100_000, who in 0_usize..3) {
        let (place, run) = june_5();
        let amount = f64::from(cents) / 100.0;
        let account = ACCOUNTS[who].0;
        if happens.corrected {
            place.orders("2026-05", "late", &[("o8", account, "2026-05-07", amount)]);
        }
        if happens.new_data {
            place.orders("2026-06", "part-1", &[("o9", account, "2026-06-07", amount)]);
        }
        if happens.members {
            let mut moved = ACCOUNTS;
            moved[who].1 = "LATAM";
            place.accounts("2026-06-07", &moved);
        }
        if happens.definitions {
            place.edit("sum(sales.amount) / sum(sales.orders)", "sum(sales.amount) * 1.1 / sum(sales.orders)");
        }
        let after = place.night("2026-06-08", &[]);
        let diff = place.diff(&[&run, &after]);
        diff.adds_up();
        let expected = [
            ("corrected", happens.corrected),
            ("new_data", happens.new_data),
            ("members", happens.members),
            ("definitions", happens.definitions),
        ];
        let expected: Vec<&str> = expected.iter().filter(|(_, happened)| *happened).map(|(cause, _)| *cause).collect();
        prop_assert_eq!(diff.causes(), expected);
    }
}
