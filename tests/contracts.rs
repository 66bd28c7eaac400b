//! Every check of a contract, at every severity, on rows that can be counted on the page.
//!
//! The project here is a copy of the shipped one with other severities; the lake is `healthy`, with one fault.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use proptest::prelude::*;
use proptest::test_runner::Config;
use rstest::rstest;
use serde_json::{Value, json};
use support::marts::batches;
use support::program::{Project, Workshop};
use support::{Lake, Marts};

const SOURCES: &str = "jobs/sources.yaml";
const JUNE: &str = "2026-06-01";

fn healthy() -> Lake {
    Lake::fixture("healthy")
}

/// A row of `data_quality` of 30 June: severity, status, rows in, failed and quarantined.
fn quality(marts: &Marts, source: &str, check: &str, column: &str) -> [String; 5] {
    let key = [("as_of", "2026-06-30"), ("source", source), ("check", check), ("column", column)];
    let row = marts.row("data_quality", &key);
    ["severity", "status", "rows_in", "rows_failed", "rows_quarantined"].map(|name| row[name].clone())
}

fn detail(marts: &Marts, as_of: &str, source: &str, check: &str, column: &str) -> String {
    let key = [("as_of", as_of), ("source", source), ("check", check), ("column", column)];
    marts.row("data_quality", &key)["detail"].clone()
}

/// Rows set aside of a source: (file, reasons), sorted.
fn set_aside(place: &Workshop, source: &str) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for batch in place.set_aside(source).map_or_else(Vec::new, |file| batches(&file.into())) {
        let column = |name: &str| cast(batch.column_by_name(name).expect("a column"), &DataType::Utf8).expect("texts");
        let (files, reasons) = (column("_file"), column("_reason"));
        let text = |array: &ArrayRef, row: usize| array.as_string::<i32>().value(row).to_owned();
        rows.extend((0..batch.num_rows()).map(|row| (text(&files, row), text(&reasons, row))));
    }
    rows.sort();
    rows
}

/// In = used + set aside + later, of a source of the last run.
fn adds_up(place: &Workshop, source: &str) -> [u64; 4] {
    let rows = place.source_rows(source);
    let [all, used, aside, later] =
        ["rows_in", "rows_used", "rows_quarantined", "rows_later"].map(|name| rows[name].as_u64().expect("a count"));
    assert_eq!(all, used + aside + later);
    [all, used, aside, later]
}

fn change(lake: &mut Lake, table: &str, row: usize, column: &str, value: Value) {
    lake.rows(table).nth(row).expect("a row").insert(column.to_owned(), value);
}

fn row(row: Value) -> [support::lake::Row; 1] {
    [serde_json::from_value(row).expect("a row")]
}

// ---- Checks of rows, at each severity -------------------------------------------------------------------------------

/// A column of opportunities, of which the second of two rows is broken, the change of its contract by which the check
/// has a severity, and the check.
#[rstest]
#[case::a_null("stage", Value::Null, "stage: {type: string,", "not_null", "null")]
#[case::a_value_that_is_not_known("kind", json!("trial"), "kind: {type: string, values: [new, expansion, renewal],", "accepted_values", "trial")]
#[case::a_number_out_of_range("probability", json!(1.5), "probability: {type: number, nullable: true, min: 0, max: 1,", "range", "1.5")]
#[case::an_account_that_does_not_exist("account_id", json!("H9"), "account_id: {type: string, references: accounts, description: Account that would buy", "references", "H9")]
#[case::a_number_that_is_none("probability", json!("NaN"), "probability: {type: number, nullable: true, min: 0, max: 1,", "finite", "NaN")]
fn a_broken_row(
    #[case] column: &str,
    #[case] value: Value,
    #[case] contract: &str,
    #[case] check: &str,
    #[case] example: &str,
) {
    let mut lake = healthy();
    change(&mut lake, "opportunities", 1, column, value);
    let with = |severity: &str| {
        let (type_, rest) = contract.split_once("type:").expect("a type");
        Project::copy().edit(SOURCES, contract, &format!("{type_}on_breach: {{{check}: {severity}}}, type:{rest}"))
    };
    let (warn, quarantine, fail) = (with("warn"), with("quarantine"), with("fail"));

    // A NaN that is used makes every sum NaN, which the audit of the marts does not let pass: see below.
    if check != "finite" {
        let place = Workshop::new(&lake).with_project(&warn);
        place.run().ok();
        assert_eq!(quality(&place.marts(), "opportunities", check, column), ["warn", "warned", "2", "1", "0"]);
        assert_eq!(adds_up(&place, "opportunities"), [2, 2, 0, 0]);
        assert_eq!(set_aside(&place, "opportunities"), []);
    }

    let place = Workshop::new(&lake).with_project(&quarantine);
    place.run().ok();
    assert_eq!(quality(&place.marts(), "opportunities", check, column), ["quarantine", "quarantined", "2", "1", "1"]);
    assert_eq!(quality(&place.marts(), "opportunities", "rows", ""), ["quarantine", "quarantined", "2", "1", "1"]);
    assert_eq!(adds_up(&place, "opportunities"), [2, 1, 1, 0]);
    let file = "opportunities/dt=2026-06-30/part-0.parquet".to_owned();
    assert_eq!(set_aside(&place, "opportunities"), [(file.clone(), format!("{check} {column}"))]);
    let pipeline = place.marts().cell("pipeline_created", "month", JUNE, &[]).value;
    assert_eq!(pipeline, Some(60_000.0), "the other row is used");

    let place = Workshop::new(&lake).with_project(&fail);
    let words = [
        format!("source `opportunities`, file `{file}`, column `{column}`: 1 rows fail the check `{check}`"),
        format!("for example `{example}`"),
    ];
    place.run().fails(1, &words.each_ref().map(String::as_str));
    assert_eq!(place.results()["exit_code"], json!(1));
    assert_eq!(
        place.published_files().keys().filter(|key| key.ends_with(".parquet")).count(),
        0,
        "nothing is published"
    );
}

#[rstest]
#[case::used("warn", [3, 3, 0, 0], "warned", 110_000.0)]
#[case::set_aside("quarantine", [3, 2, 1, 0], "quarantined", 100_000.0)]
fn a_key_that_repeats(#[case] severity: &str, #[case] rows: [u64; 4], #[case] status: &str, #[case] pipeline: f64) {
    let project = unique_opportunities(severity);
    let place = Workshop::new(&with_a_repeated_key()).with_project(&project);
    place.run().ok();
    assert_eq!(adds_up(&place, "opportunities"), rows);
    let found = quality(&place.marts(), "opportunities", "unique", "opportunity_id");
    assert_eq!(found, [severity, status, "3", "1", &rows[2].to_string()]);
    assert_eq!(place.marts().cell("pipeline_created", "month", JUNE, &[]).value, Some(pipeline));
}

#[test]
fn a_key_that_repeats_and_must_not() {
    let project = unique_opportunities("fail");
    let place = Workshop::new(&with_a_repeated_key()).with_project(&project);
    place.run().fails(1, &["column `opportunity_id`: 1 rows fail the check `unique`, for example `o1`"]);
}

/// `o1` again, with 10 000 euros.
fn with_a_repeated_key() -> Lake {
    let mut lake = healthy();
    lake.add(
        "opportunities",
        row(json!({"opportunity_id": "o1", "account_id": "H3", "amount": 10_000, "created_at": "2026-06-09"})),
    );
    lake
}

fn unique_opportunities(severity: &str) -> Project {
    let key = "    key: [opportunity_id]\n";
    Project::copy().edit(SOURCES, key, &format!("{key}    on_breach: {{unique: {severity}}}\n"))
}

#[test]
fn what_must_not_be_is_told_of_all_sources_at_once() {
    let project = Project::copy()
        .edit(
            SOURCES,
            "stage: {type: string, description: Current",
            "stage: {type: string, on_breach: fail, description: Current",
        )
        .edit(
            SOURCES,
            "function:\n        type: string\n",
            "function:\n        type: string\n        on_breach: {accepted_values: fail}\n",
        );
    let mut lake = healthy();
    change(&mut lake, "opportunities", 0, "stage", Value::Null);
    change(&mut lake, "contacts", 1, "function", json!("magic"));
    let words = [
        "the lake breaks its contracts; nothing was published",
        "column `stage`: 1 rows fail the check `not_null`",
        "column `function`: 1 rows fail the check `accepted_values`, for example `magic`",
    ];
    Workshop::new(&lake).with_project(&project).run().fails(1, &words);
}

#[test]
fn a_row_is_set_aside_with_all_its_reasons_and_its_file() {
    let project = Project::copy()
        .edit(SOURCES, "references: accounts, description: Customer", "references: accounts, on_breach: {references: quarantine}, description: Customer")
        .edit(SOURCES, "values: [subscription, services, reference, co_innovation, partnership]", "values: [subscription, services, reference, co_innovation, partnership]\n        on_breach: {accepted_values: quarantine}");
    let mut lake = healthy();
    // Dealt out to two files, the third row comes to the first one, and the fourth, which repeats it, to the second.
    for _ in 0..2 {
        lake.add("revenue", row(json!({"account_id": "H9", "month": "2026-06-01", "kind": "gift", "amount": "inf"})));
    }
    let place = Workshop::new(&lake.dealt("revenue", 2)).with_project(&project);
    place.run().ok();
    let reasons = "references account_id; accepted_values kind; finite amount";
    let expected = [
        ("revenue/ym=2026-06/part-0.parquet".to_owned(), reasons.to_owned()),
        ("revenue/ym=2026-06/part-1.parquet".to_owned(), format!("{reasons}; unique account_id, month, kind")),
    ];
    assert_eq!(set_aside(&place, "revenue"), expected);
    assert_eq!(adds_up(&place, "revenue"), [4, 2, 2, 0]);
    // Two rows fail each check of rows, one of them the key as well; a row counts once.
    let marts = place.marts();
    assert_eq!(quality(&marts, "revenue", "references", "account_id"), ["quarantine", "quarantined", "4", "2", "2"]);
    assert_eq!(
        quality(&marts, "revenue", "unique", "account_id, month, kind"),
        ["quarantine", "quarantined", "4", "1", "1"]
    );
    assert_eq!(quality(&marts, "revenue", "rows", ""), ["quarantine", "quarantined", "4", "2", "2"]);
}

// ---- References -----------------------------------------------------------------------------------------------------

#[test]
fn touches_of_accounts_that_do_not_exist_are_counted_over_all_files_and_slices() {
    let mut lake = healthy();
    lake.add("touchpoints", row(json!({"account_id": "H8", "occurred_at": "2026-06-29", "contact_id": "nobody"})));
    lake.add("touchpoints", row(json!({"account_id": "H9", "occurred_at": "2026-06-29"})));
    lake.add("touchpoints", row(json!({"account_id": "H9", "occurred_at": "2026-06-30"})));
    // The last three of eight rows: of three files each holds one.
    for parts in [1, 3] {
        let place = Workshop::new(&lake.clone().dealt("touchpoints", parts));
        for _ in 0..2 {
            // The second time, what came of the files is in the cache.
            place.run().ok();
            let marts = place.marts();
            assert_eq!(quality(&marts, "touchpoints", "references", "account_id"), ["warn", "warned", "8", "3", "0"]);
            assert_eq!(quality(&marts, "touchpoints", "references", "contact_id"), ["warn", "warned", "8", "1", "0"]);
            assert_eq!(quality(&marts, "touchpoints", "references", "campaign_id"), ["warn", "passed", "8", "0", "0"]);
        }
        let key = [("source", "touchpoints"), ("check", "references"), ("column", "account_id")];
        let files = place.marts().row("data_quality", &key)["files"].clone();
        assert_eq!(files.split(", ").count(), parts, "{files}");
    }
}

/// The accounts change from one night to the next, the touches do not: nothing of what is kept of their files is stale.
#[test]
fn an_account_that_comes_later_mends_its_touches() {
    let mut lake = healthy();
    lake.add("touchpoints", row(json!({"account_id": "H4", "occurred_at": "2026-06-29"})));
    let place = Workshop::new(&lake);
    place.run().ok();
    assert_eq!(quality(&place.marts(), "touchpoints", "references", "account_id")[1], "warned");
    lake.add("accounts", row(json!({"account_id": "H4"})));
    place.relaid(&lake).run().ok();
    assert_eq!(quality(&place.marts(), "touchpoints", "references", "account_id"), ["warn", "passed", "6", "0", "0"]);
}

#[test]
fn touches_of_accounts_that_must_exist_stop_the_run() {
    let project = Project::copy().edit(
        SOURCES,
        "references: accounts, description: Account that took part",
        "references: accounts, on_breach: {references: fail}, description: Account that took part",
    );
    let mut lake = healthy();
    lake.add("touchpoints", row(json!({"account_id": "H9", "occurred_at": "2026-06-29"})));
    let words = [
        "source `touchpoints`, file `touchpoints/ym=2026-06/part-0.parquet`, column `account_id`: 1 rows fail the check `references`, for example `H9`",
    ];
    Workshop::new(&lake).with_project(&project).run().fails(1, &words);
}

#[test]
fn references_are_those_of_the_newest_copies() {
    let mut lake = healthy();
    // In May there was a person of an account that is gone; the account of May refers to nobody of today.
    lake.add("accounts@2026-05-31", row(json!({"account_id": "H1", "owner_id": "gone"})));
    lake.add("contacts@2026-05-31", row(json!({"contact_id": "h0", "account_id": "H0"})));
    lake.add("touchpoints", row(json!({"account_id": "H1", "occurred_at": "2026-05-20"})));
    let place = Workshop::new(&lake);
    place.run().ok();
    assert_eq!(quality(&place.marts(), "accounts", "references", "owner_id"), ["warn", "passed", "3", "0", "0"]);
    assert_eq!(quality(&place.marts(), "contacts", "references", "account_id"), ["warn", "passed", "2", "0", "0"]);
}

#[test]
fn references_to_a_source_that_is_absent_are_not_checked_and_that_is_said() {
    let place = Workshop::new(&healthy().without("contents"));
    place.run().ok();
    let marts = place.marts();
    assert_eq!(quality(&marts, "touchpoints", "references", "content_id"), ["warn", "passed", "0", "0", "0"]);
    let said = detail(&marts, "2026-06-30", "touchpoints", "references", "content_id");
    assert_eq!(said, "not checked: `contents` is absent");
}

// ---- Sources as a whole ---------------------------------------------------------------------------------------------

/// The newest touch is of 28 June, the newest revenue of 1 June, the snapshots of 30 June.
#[rstest]
#[case::of_events_that_are_reduced(
    "touchpoints",
    "occurred_at",
    2,
    "the newest row is of 2026-06-28; on 2026-06-30 it may be of 2026-06-28 at the earliest"
)]
#[case::of_events_that_are_read_whole(
    "revenue",
    "month",
    29,
    "the newest row is of 2026-06-01; on 2026-06-30 it may be of 2026-06-01 at the earliest"
)]
fn age(#[case] source: &str, #[case] column: &str, #[case] days: u32, #[case] words: &str) {
    let limit = match source {
        "touchpoints" => "    freshness: 7 days\n    description: Interactions",
        _ => "    freshness: 2 months\n    description: Recognised",
    };
    let with = |days: u32, severity: &str| {
        let (_, description) = limit.split_once("    description").expect("a description");
        let age = format!(
            "    freshness: {days} days\n    on_breach: {{freshness: {severity}}}\n    description{description}"
        );
        Project::copy().edit(SOURCES, limit, &age)
    };
    let project = with(days, "warn");
    let place = Workshop::new(&healthy()).with_project(&project);
    place.run().ok();
    assert_eq!(quality(&place.marts(), source, "freshness", column)[..2], ["warn", "passed"]);
    assert_eq!(detail(&place.marts(), "2026-06-30", source, "freshness", column), words);

    let project = with(days - 1, "warn");
    let place = Workshop::new(&healthy()).with_project(&project);
    let summary = place.run().ok().stdout;
    assert_eq!(quality(&place.marts(), source, "freshness", column)[..2], ["warn", "warned"]);
    assert!(
        summary.contains(&format!("source `{source}`, column `{column}`: fails the check `freshness`")),
        "{summary}"
    );

    let project = with(days - 1, "fail");
    let words = format!("source `{source}`, column `{column}`: fails the check `freshness`: the newest row is of");
    Workshop::new(&healthy()).with_project(&project).run().fails(1, &[&words]);
}

#[test]
fn the_age_of_snapshots_is_that_of_the_newest_copy() {
    let lake = healthy();
    let place = Workshop::new(&lake);
    place.command(&["run", "--as-of", "2026-07-07"]).ok();
    let key = [("as_of", "2026-07-07"), ("source", "accounts"), ("check", "freshness")];
    assert_eq!(place.marts().row("data_quality", &key)["status"], "passed");
    place.command(&["run", "--as-of", "2026-07-08"]).ok();
    let key = [("as_of", "2026-07-08"), ("source", "accounts"), ("check", "freshness")];
    assert_eq!(place.marts().row("data_quality", &key)["status"], "warned");
}

#[rstest]
#[case::enough("{min: 3, max: 3}", true)]
#[case::too_few("{min: 4}", false)]
#[case::too_many("{max: 2}", false)]
fn numbers_of_rows(#[case] wanted: &str, #[case] passes: bool) {
    let count = "    row_count: {min: 1, drift: 0.3}\n    description: Companies";
    let with = |more: &str| {
        Project::copy().edit(SOURCES, count, &format!("    row_count: {wanted}\n{more}    description: Companies"))
    };
    let project = with("");
    let place = Workshop::new(&healthy()).with_project(&project);
    place.run().ok();
    let status = if passes { "passed" } else { "warned" };
    assert_eq!(quality(&place.marts(), "accounts", "row_count", ""), ["warn", status, "3", "0", "0"]);
    let project = with("    on_breach: {row_count: fail}\n");
    let outcome = Workshop::new(&healthy()).with_project(&project).run();
    if passes {
        outcome.ok();
    } else {
        outcome.fails(1, &["source `accounts`: fails the check `row_count`: 3 rows, at "]);
    }
}

/// 3 accounts on 30 June, 4 on 1 July (a third more), 3 on 2 July (a quarter fewer).
#[test]
fn rows_drift_from_the_published_day_before() {
    let mut lake = healthy();
    let all = |count: usize| {
        (1..=count).map(|number| row(json!({"account_id": format!("H{number}")}))).collect::<Vec<_>>().concat()
    };
    lake.add("accounts@2026-07-01", all(4));
    lake.add("accounts@2026-07-02", all(3));
    let place = Workshop::new(&lake);
    let status = |place: &Workshop, day: &str| {
        let key = [("as_of", day), ("source", "accounts"), ("check", "row_count")];
        let row = place.marts().row("data_quality", &key);
        (row["status"].clone(), row["detail"].clone())
    };
    let night = |day: &str| place.command(&["run", "--as-of", day]).ok();
    night("2026-06-30");
    let found = status(&place, "2026-06-30");
    assert_eq!(found, ("passed".to_owned(), "3 rows, at least 1 wanted, no earlier day to compare with".to_owned()));
    night("2026-07-01");
    let found = status(&place, "2026-07-01");
    assert_eq!(
        found,
        ("warned".to_owned(), "4 rows, at least 1 wanted, 3 on 2026-06-30, 30 % more or less wanted".to_owned())
    );
    night("2026-07-02");
    assert_eq!(status(&place, "2026-07-02").0, "passed");
    // A night again is compared with the night before it, and replaces its own rows only.
    let before = place.marts();
    night("2026-07-01");
    assert_eq!(status(&place, "2026-07-01"), found);
    let days: BTreeMap<String, usize> =
        place.marts().rows("data_quality").into_iter().fold(BTreeMap::new(), |mut days, row| {
            *days.entry(row["as_of"].clone()).or_default() += 1;
            days
        });
    assert_eq!(days.keys().collect::<Vec<_>>(), ["2026-06-30", "2026-07-01", "2026-07-02"]);
    night("2026-07-02");
    assert_eq!(place.marts().differing(&before), Vec::<&str>::new(), "equal inputs and equal history give equal files");
}

#[test]
fn history_is_kept_as_long_as_it_is_wanted() {
    let project = Project::copy().edit("pipelines.yaml", "settings:\n", "settings:\n  quality_history: 3 days\n");
    let place = Workshop::new(&healthy()).with_project(&project);
    for day in ["2026-06-30", "2026-07-01", "2026-07-04"] {
        place.command(&["run", "--as-of", day]).ok();
    }
    let mut days: Vec<String> = place.marts().rows("data_quality").iter().map(|row| row["as_of"].clone()).collect();
    days.dedup();
    assert_eq!(days, ["2026-07-01", "2026-07-04"]);
}

#[test]
fn a_history_that_cannot_be_read_begins_anew_with_a_warning() {
    let place = Workshop::new(&healthy());
    place.run().ok();
    let before = place.marts();
    std::fs::write(place.marts_folder().join("data_quality/part-0.parquet"), b"PAR1").expect("a damaged mart");
    let outcome = place.run().ok();
    assert!(outcome.stderr.contains("its history begins anew"), "{}", outcome.stderr);
    assert_eq!(place.marts().differing(&before), Vec::<&str>::new());
}

// ---- Files that change ----------------------------------------------------------------------------------------------

/// A table's only file with a column more, or another in place of one.
fn with_column(lake: Lake, table: &str, name: &str, values: impl Fn(usize) -> ArrayRef) -> Lake {
    lake.with_batch(table, |batch| {
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        let array = values(batch.num_rows());
        let field = Arc::new(Field::new(name, array.data_type().clone(), true));
        match batch.schema().index_of(name) {
            Ok(place) => (fields[place], columns[place]) = (field, array),
            Err(_) => drop((fields.push(field), columns.push(array))),
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
    })
}

#[test]
fn a_column_that_was_added_is_not_read_and_not_passed_over_in_silence() {
    let lake = with_column(healthy(), "accounts", "nickname", |rows| Arc::new(Int64Array::from(vec![7; rows])));
    let place = Workshop::new(&lake);
    place.run().ok();
    let row = place.marts().row("data_quality", &[("source", "accounts"), ("check", "schema")]);
    assert_eq!(
        (row["column"].as_str(), row["status"].as_str(), row["rows_failed"].as_str()),
        ("nickname", "passed", "0")
    );
    assert_eq!(row["detail"], "not in the contract, not read: a 64-bit integer");
    assert_eq!(row["files"], "accounts/dt=2026-06-30/part-0.parquet");
}

/// 60 000 and 50 000 dollars at 0.8, whatever type they come in.
#[rstest]
#[case::a_decimal_of_cents(Arc::new(decimals(&[6_000_000, 5_000_000], 2)))]
#[case::a_decimal_with_many_zeros(Arc::new(decimals(&[60_000 * 10_i128.pow(18), 50_000 * 10_i128.pow(18)], 18)))]
#[case::whole_numbers(Arc::new(Int64Array::from(vec![60_000, 50_000])))]
fn amounts_in_other_types(#[case] amounts: ArrayRef) {
    let place = Workshop::new(&with_column(healthy(), "opportunities", "amount", |_| Arc::clone(&amounts)));
    place.run().ok();
    assert_eq!(place.marts().cell("pipeline_created", "month", JUNE, &[]).value, Some(100_000.0));
}

#[rstest]
#[case::of_a_decimal(Arc::new(decimals(&[12_345_678_901_234_567, 0], 2)), "column `amount` holds 12345678901234567e-2, which a float cannot hold without losing digits")]
#[case::of_a_whole_number(Arc::new(Int64Array::from(vec![(1 << 53) + 1, 0])), "column `amount` holds 9007199254740993")]
fn digits_that_would_be_lost(#[case] amounts: ArrayRef, #[case] words: &str) {
    let place = Workshop::new(&with_column(healthy(), "opportunities", "amount", |_| Arc::clone(&amounts)));
    let file = "source `opportunities`, file `opportunities/dt=2026-06-30/part-0.parquet`";
    place.run().fails(1, &[file, words]);
}

#[test]
fn whole_decimals_are_integers() {
    let lake = with_column(healthy(), "ad_stats", "impressions", |_| Arc::new(decimals(&[1000], 0)));
    let place = Workshop::new(&lake);
    place.run().ok();
    let same = Workshop::new(&healthy());
    same.run().ok();
    assert_eq!(place.marts().differing(&same.marts()), Vec::<&str>::new());
}

fn decimals(units: &[i128], scale: i8) -> Decimal128Array {
    let values = Decimal128Array::from(units.to_vec());
    values.with_precision_and_scale(38, scale).expect("a decimal type")
}

/// The lake's month is June. A column since July may be missing in it, one since June may not.
#[rstest]
#[case::that_comes_later("2026-07-01", true)]
#[case::that_should_be_there("2026-06-01", false)]
fn a_column(#[case] since: &str, #[case] passes: bool) {
    let project = Project::copy().edit(
        SOURCES,
        "requested: {type: boolean, description: Whether the account asked without being prompted.}",
        &format!("requested: {{type: boolean, description: Asked.}}\n      mood: {{type: number, nullable: true, min: 0, since: {since}, description: Mood.}}"),
    );
    let place = Workshop::new(&healthy()).with_project(&project);
    let outcome = place.run();
    if passes {
        outcome.ok();
        assert_eq!(quality(&place.marts(), "touchpoints", "range", "mood"), ["quarantine", "passed", "5", "0", "0"]);
    } else {
        outcome.fails(1, &["file `touchpoints/ym=2026-06/part-0.parquet` (5 rows): column `mood` is missing"]);
    }
}

// ---- Nothing is lost ------------------------------------------------------------------------------------------------

/// What is wrong with a row of revenue.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Null,
    Infinite,
    Unknown,
    Later,
}

proptest! {
    #![proptest_config(Config { cases: 6, max_shrink_iters: 4, failure_persistence: None, ..Config::default() })]

    #[test]
    fn rows_in_are_rows_used_set_aside_and_later(
        faults in prop::collection::vec((0..5_usize, 0..3_u8), 1..30),
        parts in 1..4_usize,
    ) {
        const FAULTS: [Fault; 5] = [Fault::None, Fault::Null, Fault::Infinite, Fault::Unknown, Fault::Later];
        let project = Project::copy().edit(
            SOURCES,
            "references: accounts, description: Account that took part",
            "references: accounts, on_breach: {references: warn}, description: Account that took part",
        );
        let mut lake = healthy();
        lake.clear("touchpoints");
        let mut expected = [0_u64; 4];
        let mut met: Vec<String> = Vec::new();
        for (number, (fault, repeated)) in faults.iter().enumerate() {
            // Every third row or so bears the number of an earlier one.
            let id = if *repeated == 0 { format!("t{}", number / 2) } else { format!("t{number}") };
            let fault = FAULTS[*fault];
            let mut touch = json!({"touch_id": id, "account_id": "H1", "occurred_at": "2026-06-20"});
            match fault {
                Fault::None | Fault::Later => {}
                Fault::Null => touch["channel"] = Value::Null,
                Fault::Infinite => touch["duration_s"] = json!("inf"),
                Fault::Unknown => touch["account_id"] = json!("H9"),
            }
            let repeats = met.contains(&id);
            let place = match fault {
                Fault::Later => 3,
                Fault::Null | Fault::Infinite => 2,
                _ if repeats => 2,
                _ => 1,
            };
            met.push(id);
            expected[0] += 1;
            expected[place] += 1;
            lake.add("touchpoints", row(touch));
            if matches!(fault, Fault::Later) {
                // In a file of June all the same.
                let last = lake.rows("touchpoints").last().expect("a row");
                last.insert("occurred_at".to_owned(), json!("2026-07-01"));
            }
        }
        let place = Workshop::new(&lake).with_project(&project);
        place.run().ok();
        let one_file = adds_up(&place, "touchpoints");
        prop_assert_eq!(one_file, expected);
        prop_assert_eq!(set_aside(&place, "touchpoints").len() as u64, expected[2]);
        // In several files the first row of a key may be another, but as many are used.
        let place = Workshop::new(&lake.dealt("touchpoints", parts)).with_project(&project);
        place.run().ok();
        let several = adds_up(&place, "touchpoints");
        prop_assert_eq!((several[0], several[3]), (expected[0], expected[3]));
        prop_assert_eq!(set_aside(&place, "touchpoints").len() as u64, several[2]);
    }
}
