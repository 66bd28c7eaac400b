//! Night after night: backfills, the ledger, what `status` makes of it.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use rstest::rstest;
use serde_json::Value;
use support::Lake;
use support::program::{Outcome, Workshop};

const BACKFILL: [&str; 5] = ["backfill", "--from", "2026-06-28", "--to", "2026-07-01"];
/// The snapshot that only the night of 29 June reads.
const OF_29: &str = "accounts/dt=2026-06-29/part-0.parquet";

/// Three nights: 28, 29 and 30 June 2026. On the 29th and 30th there is one account more.
fn three_nights() -> Lake {
    Lake::parse(
        "{as_of: 2026-06-28,
          accounts: [{account_id: A, listed_on: 2026-01-01}],
          accounts@2026-06-29: [{account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}],
          accounts@2026-06-30: [{account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}],
          touchpoints: [{account_id: A, occurred_at: 2026-06-10}]}",
    )
}

fn broken_on_29() -> Workshop {
    Workshop::new(&three_nights().with_file(OF_29, b"no Parquet".to_vec()))
}

/// Runs of a night by the ledger: their states, oldest first.
fn attempts(place: &Workshop, night: &str) -> Vec<String> {
    let path = place.marts_folder().join(format!("_abmart/ledger/nightly/{night}.json"));
    let Ok(text) = std::fs::read(path) else { return Vec::new() };
    let night: Value = serde_json::from_slice(&text).expect("JSON");
    let all = night["attempts"].as_array().expect("a list").clone();
    all.iter().map(|attempt| attempt["state"].as_str().expect("a state").to_owned()).collect()
}

fn states(place: &Workshop) -> [Vec<String>; 3] {
    ["2026-06-28", "2026-06-29", "2026-06-30"].map(|night| attempts(place, night))
}

fn status(place: &Workshop, options: &[&str]) -> Value {
    let outcome = place.command(&[&["status", "--json"], options].concat()).ok();
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[track_caller]
fn says(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stdout.contains(word), "`{word}` is not in:\n{}", outcome.stdout);
    }
}

// ---- backfill -------------------------------------------------------------------------------------------------------

#[test]
fn a_backfill_runs_every_night_in_order_and_leaves_the_marts_of_the_last_one() {
    let place = Workshop::new(&three_nights());
    let outcome = place.command(&BACKFILL).ok();
    says(
        &outcome,
        &[
            "nights from 2026-06-28 up to, not including, 2026-07-01: 3 to run, 0 done before",
            "2026-06-28  done",
            "2026-06-30  done",
            "3 nights done, 0 done before, 0 failed",
            "the marts are those of 2026-06-30",
        ],
    );
    assert_eq!(states(&place), [["done"], ["done"], ["done"]]);
    assert_eq!(place.results()["as_of"], "2026-06-30");
    let single = Workshop::new(&three_nights());
    single.command(&["run", "--as-of", "2026-06-30"]).ok();
    // What goes on from night to night knows the earlier ones as well: findings, since when definitions hold, thresholds.
    let carried_on = ["data_quality", "kpi_catalog", "kpi_changes", "score_bands"];
    assert_eq!(place.marts().differing(&single.marts()), carried_on);
}

#[test]
fn a_backfill_stops_at_a_night_that_fails_and_the_same_command_goes_on_from_there() {
    let place = broken_on_29();
    place.command(&BACKFILL).fails(1, &["accounts", "night 2026-06-29 failed, 1 more were not begun"]);
    assert_eq!(states(&place), [vec!["done"], vec!["failed"], vec![]]);
    assert_eq!(place.results()["exit_code"], 1);
    place.relaid(&three_nights());
    let outcome = place.command(&BACKFILL).ok();
    says(&outcome, &["2 to run, 1 done before", "it goes on with the one begun"]);
    assert_eq!(states(&place), [vec!["done"], vec!["failed", "done"], vec!["done"]]);
    says(&place.command(&BACKFILL).ok(), &["3 to run, 0 done before"]);
}

#[test]
fn a_backfill_that_keeps_going_names_the_nights_that_failed_at_its_end() {
    let place = broken_on_29();
    let keeps_going = [&BACKFILL[..], &["--keep-going"]].concat();
    let outcome = place.command(&keeps_going).fails(1, &["1 nights failed: 2026-06-29 (exit code 1)"]);
    says(&outcome, &["2026-06-29  failed", "2026-06-30  done", "2 nights done, 0 done before, 1 failed"]);
    assert_eq!(states(&place), [["done"], ["failed"], ["done"]]);
}

#[test]
fn only_missing_nights_are_run_when_asked_for() {
    let place = Workshop::new(&three_nights());
    place.command(&["run", "--as-of", "2026-06-29"]).ok();
    let outcome = place.command(&[&BACKFILL[..], &["--missing-only"]].concat()).ok();
    says(&outcome, &["2 to run, 1 done before"]);
    assert_eq!(states(&place), [["done"], ["done"], ["done"]]);
    let outcome = place.command(&[&BACKFILL[..], &["--missing-only"]].concat()).ok();
    says(&outcome, &["0 to run, 3 done before"]);
}

#[cfg(unix)]
#[rstest]
#[case::killed("KILL", -1, "begun")]
#[case::stopped_by_ctrl_c("INT", 130, "failed")]
fn a_backfill_that_was_stopped_goes_on(#[case] signal: &str, #[case] code: i32, #[case] state: &str) {
    let place = Workshop::new(&three_nights());
    let outcome = place.signalled(&BACKFILL, signal, "run started", 2);
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
    assert_eq!(states(&place), [vec!["done"], vec![state], vec![]]);
    says(&place.command(&BACKFILL).ok(), &["2 to run, 1 done before", "it goes on with the one begun"]);
    assert_eq!(states(&place), [vec!["done"], vec![state, "done"], vec!["done"]]);
}

#[test]
fn a_backfill_begins_anew_when_asked_to() {
    let place = broken_on_29();
    place.command(&BACKFILL).fails(1, &[]);
    place.relaid(&three_nights());
    says(&place.command(&[&BACKFILL[..], &["--restart"]].concat()).ok(), &["3 to run, 0 done before"]);
}

#[rstest]
#[case::backwards(&["--from", "2026-06-30", "--to", "2026-06-30"], "`--to` is the day after the last night")]
#[case::after_the_lake(&["--from", "2026-06-28", "--to", "2026-07-02"], "`--to` is at most 2026-07-01")]
#[case::before_the_lake(&["--from", "2026-06-27", "--to", "2026-06-29"], "older than any snapshot")]
#[case::with_a_day(&["--from", "2026-06-28", "--to", "2026-06-29", "--as-of", "2026-06-28"], "instead of `--as-of`")]
#[case::of_no_pipeline(&["hourly", "--from", "2026-06-28", "--to", "2026-06-29"], "there is no pipeline `hourly`")]
#[case::with_metrics_nowhere(&["--from", "2026-06-28", "--to", "2026-06-29", "--metrics", "/nowhere/a.prom"], "in a folder that is there")]
fn a_backfill_that_cannot_be_is_refused_before_it_begins(#[case] options: &[&str], #[case] words: &str) {
    let place = Workshop::new(&three_nights());
    place.command(&[&["backfill"], options].concat()).fails(2, &[words]);
    assert_eq!(states(&place), [const { Vec::<String>::new() }; 3]);
}

#[test]
fn a_backfill_without_a_lake_is_the_environment_s_fault() {
    let place = Workshop::new(&three_nights());
    std::fs::remove_dir_all(place.lake()).expect("a lake");
    place.command(&BACKFILL).fails(3, &[&place.lake().to_string_lossy()]);
}

// ---- status ---------------------------------------------------------------------------------------------------------

#[test]
fn status_knows_done_failed_and_missing_nights() {
    let place = broken_on_29();
    place.command(&["run", "--as-of", "2026-06-28"]).ok();
    place.command(&["run", "--as-of", "2026-06-30"]).ok();
    let nights = &status(&place, &[])["pipelines"][0];
    assert_eq!((&nights["done"], &nights["missing"]), (&2.into(), &serde_json::json!(["2026-06-29"])));
    place.command(&["run", "--as-of", "2026-06-29"]).fails(1, &[]);
    let nights = &status(&place, &["--from", "2026-06-27", "--to", "2026-07-01"])["pipelines"][0];
    assert_eq!(nights["failed"], serde_json::json!(["2026-06-29"]));
    assert_eq!(nights["missing"], serde_json::json!(["2026-06-27"]));
    let last = &nights["runs"][0];
    assert_eq!((&last["night"], &last["exit_code"]), (&"2026-06-29".into(), &1.into()));
    assert!(last["error"].as_str().is_some_and(|error| error.contains("breaks its contracts")), "{last}");
    let outcome = place.command(&["status", "--last", "1"]).ok();
    says(&outcome, &["nights of nightly from 2026-06-28", "failed", "2026-06-29  failed", "exit code 1"]);
}

#[test]
fn a_run_that_fails_before_its_day_is_known_is_told_without_one() {
    let place = Workshop::new(&three_nights());
    std::fs::remove_dir_all(place.lake()).expect("a lake");
    place.run().fails(3, &[]);
    let run = &status(&place, &[])["pipelines"][0]["runs"][0];
    assert_eq!((&run["night"], &run["exit_code"]), (&Value::Null, &3.into()));
}

#[test]
fn status_works_without_a_lake_and_says_so() {
    let place = Workshop::new(&three_nights());
    place.run().ok();
    std::fs::remove_dir_all(place.lake()).expect("a lake");
    says(&place.command(&["status"]).ok(), &["2026-06-30  done", "lake      cannot be listed"]);
    place.command(&["status", "--check"]).fails(1, &["the lake cannot be listed"]);
}

#[test]
fn a_probe_fails_for_old_data_and_for_a_night_that_failed() {
    let place = broken_on_29();
    place.command(&["run", "--as-of", "2026-06-29"]).fails(1, &[]);
    let words = ["the newest night, 2026-06-29, failed", "source `accounts` is stale: its newest day is 2026-06-30"];
    place.command(&["status", "--check"]).fails(1, &words);
    let ages = &status(&place, &[])["lake"]["sources"];
    let accounts = ages.as_array().and_then(|all| all.iter().find(|source| source["source"] == "accounts"));
    let accounts = accounts.expect("accounts");
    assert_eq!((&accounts["files"], &accounts["stale"]), (&3.into(), &true.into()));
    assert_eq!(accounts["newest_day"], "2026-06-30");
}

#[test]
fn a_damaged_record_counts_as_none_and_is_replaced() {
    let place = Workshop::new(&three_nights());
    place.command(&["run", "--as-of", "2026-06-30"]).ok();
    let path = place.marts_folder().join("_abmart/ledger/nightly/2026-06-30.json");
    std::fs::write(&path, "{").expect("a record");
    let outcome = place.command(&["status"]).ok();
    assert!(outcome.stderr.contains("damaged"), "{}", outcome.stderr);
    place.command(&["run", "--as-of", "2026-06-30"]).ok();
    assert_eq!(attempts(&place, "2026-06-30"), ["done"]);
}

// ---- gc -------------------------------------------------------------------------------------------------------------

/// Makes all files of a folder so many days old.
fn age(folder: &std::path::Path, days: u64) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            age(&path, days);
        } else {
            let file = std::fs::File::options().write(true).open(path).expect("a file");
            let then = std::time::SystemTime::now() - std::time::Duration::from_secs(days * 86_400);
            file.set_modified(then).expect("a time that can be set");
        }
    }
}

fn gc(place: &Workshop, options: &[&str]) -> (u64, u64) {
    let outcome = place.command(&[&["gc", "--json"], options].concat()).ok();
    let found: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    (found["removed"].as_u64().expect("a number"), found["kept"].as_u64().expect("a number"))
}

#[test]
fn what_no_run_of_the_last_days_has_used_is_removed_from_the_cache() {
    let place = Workshop::new(&three_nights());
    place.run().ok();
    let (removed, all) = gc(&place, &[]);
    assert!(removed == 0 && all > 3, "{removed} removed, {all} kept");
    age(&place.cache_folder(), 10);
    assert_eq!(gc(&place, &[]), (0, all), "a run of ten days ago has used them");
    // Entries that a run of today uses stay, however old they are.
    place.run().ok();
    assert_eq!(gc(&place, &["--days", "1"]), (0, all));
    age(&place.cache_folder(), 10);
    assert_eq!(gc(&place, &["--days", "9", "--dry-run"]), (all, 0));
    assert_eq!(gc(&place, &["--days", "9"]), (all, 0));
    assert_eq!(gc(&place, &[]), (0, 0));
    let before = place.marts();
    place.run().ok();
    assert_eq!(place.marts().differing(&before), Vec::<&str>::new());
    let outcome = place.command(&["gc"]).ok();
    says(&outcome, &["removed 0 entries (0 B) that no run of the last 30 days has used", "stay"]);
    place.command(&["gc", "--days", "0"]).fails(2, &["--days"]);
}
