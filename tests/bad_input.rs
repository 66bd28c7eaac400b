//! What bad input gets: a message that names the place, nothing published, no row lost.
//!
//! Every test breaks the lake `healthy` in one place. A break of the schema stops the run before anything is
//! published; rows that break their contract are set aside and counted, and the run goes on without them.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use rstest::rstest;
use serde_json::{Value, json};
use support::lake::parquet;
use support::marts::batches;
use support::program::{Files, Outcome, Workshop};
use support::{Lake, Marts};

const JUNE: &str = "2026-06-01";

static HEALTHY: LazyLock<(Files, Marts)> = LazyLock::new(|| {
    let place = Workshop::new(&healthy());
    place.run().ok();
    (place.published_files(), place.marts())
});

fn healthy() -> Lake {
    Lake::fixture("healthy")
}

/// Runs on a broken lake where an earlier run has published, and asserts that what it published stays as it was.
#[track_caller]
fn fails(lake: &Lake, code: i32, words: &[&str]) -> Outcome {
    let place = Workshop::new(lake).with_published(&HEALTHY.0);
    let outcome = place.run().fails(code, words);
    assert!(place.published_files() == HEALTHY.0, "the marts of the earlier run are as they were");
    let results = place.results();
    assert_eq!((&results["status"], &results["exit_code"]), (&json!("failed"), &json!(code)));
    assert!(results["error"].as_str().is_some_and(|error| error.contains(words[0])), "{}", results["error"]);
    outcome
}

/// Runs on a lake with broken rows; asserts that the run is published and that no row got lost.
#[track_caller]
fn sets_aside(lake: &Lake, source: &str, rows_in: u64, reasons: &[&str]) -> Workshop {
    let place = Workshop::new(lake);
    place.run().ok();
    let rows = place.source_rows(source);
    let count = |name: &str| rows[name].as_u64().expect("a count");
    assert_eq!(count("rows_in"), rows_in);
    assert_eq!(count("rows_quarantined"), reasons.len() as u64);
    assert_eq!(count("rows_in"), count("rows_used") + count("rows_quarantined") + count("rows_later"));
    let mut found = place.set_aside(source).map_or_else(Vec::new, |file| reasons_in(&file));
    found.sort();
    assert_eq!(found, reasons);
    place
}

fn columns_in(file: &[u8]) -> Vec<String> {
    let batches = batches(&file.to_vec().into());
    batches[0].schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn reasons_in(file: &[u8]) -> Vec<String> {
    let mut reasons = Vec::new();
    for batch in batches(&file.to_vec().into()) {
        let column = cast(batch.column_by_name("_reason").expect("reasons"), &DataType::Utf8).expect("texts");
        reasons.extend(column.as_string::<i32>().iter().map(|reason| reason.expect("a reason").to_owned()));
    }
    reasons
}

/// A check's row in the mart `data_quality`: severity, status, rows in, failed and quarantined.
fn quality(marts: &Marts, source: &str, check: &str, column: &str) -> [String; 5] {
    let row = marts.row("data_quality", &[("source", source), ("check", check), ("column", column)]);
    ["severity", "status", "rows_in", "rows_failed", "rows_quarantined"].map(|name| row[name].clone())
}

fn june(marts: &Marts, kpi: &str) -> Option<f64> {
    marts.cell(kpi, "month", JUNE, &[]).value
}

#[test]
fn the_lake_that_is_broken_below_is_whole() {
    let marts = &HEALTHY.1;
    assert_eq!(june(marts, "pipeline_created"), Some(100_000.0));
    assert_eq!(june(marts, "revenue"), Some(9000.0));
    assert_eq!(june(marts, "engaged_accounts"), Some(2.0));
    assert!(!HEALTHY.0.keys().any(|key| key.starts_with("_quarantine")));
    assert!(marts.rows("data_quality").iter().all(|row| row["status"] == "passed"));
}

// ---- Files ----------------------------------------------------------------------------------------------------------

#[test]
fn a_source_that_is_missing() {
    let words = ["source `opportunities` has no file", "opportunities/dt={day}/*.parquet", "optional: true"];
    fails(&healthy().without("opportunities"), 1, &words);
}

#[test]
fn an_optional_source_that_is_missing_is_empty() {
    let place = Workshop::new(&healthy().without("surveys").without("ad_stats"));
    place.run().ok();
    assert_eq!(june(&place.marts(), "net_promoter_score"), None);
    assert_eq!(june(&place.marts(), "pipeline_created"), Some(100_000.0));
    assert_eq!(place.source_rows("surveys")["files"], json!(0));
}

#[test]
fn a_source_without_rows_is_no_error() {
    let mut lake = healthy();
    lake.clear("opportunities");
    lake.clear("accounts");
    let place = Workshop::new(&lake);
    place.run().ok();
    assert_eq!(june(&place.marts(), "pipeline_created"), Some(0.0));
    assert_eq!(june(&place.marts(), "target_accounts"), Some(0.0));
    assert_eq!(june(&place.marts(), "target_account_coverage"), None);
    // What happened with accounts that nobody lists still counts, under unknown dimensions.
    assert_eq!(june(&place.marts(), "revenue"), Some(9000.0));
}

#[rstest]
#[case::of_0_bytes(Vec::new(), "(0 bytes) is not a readable Parquet file: the file is empty")]
#[case::of_text(b"opportunity_id,amount\no1,60000\n".to_vec(), "it looks like text, such as CSV")]
#[case::that_ends_too_early(truncated(0.5), "its end with the footer is missing; it is truncated")]
#[case::that_misses_its_last_byte(truncated(1.0), "its end with the footer is missing; it is truncated")]
#[case::that_begins_too_late(beheaded(), "its beginning is missing or damaged")]
fn a_file(#[case] content: Vec<u8>, #[case] reason: &str) {
    let lake = healthy();
    let key = lake.key_of("opportunities");
    let outcome = fails(&lake.with_file(&key, content), 1, &["source `opportunities`", &key, reason]);
    assert!(outcome.stderr.contains("nothing was published"));
}

/// The file of opportunities up to this share of it, one byte less at the most.
fn truncated(share: f64) -> Vec<u8> {
    let mut file = parquet(&healthy().batch("opportunities"));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a small file"
    )]
    file.truncate((file.len() as f64 * share) as usize - 1);
    file
}

/// The file without its beginning.
fn beheaded() -> Vec<u8> {
    parquet(&healthy().batch("opportunities")).split_off(200)
}

/// The pages of a file are damaged, not its footer: nobody sees that before the rows are read.
#[test]
fn a_file_with_damaged_pages() {
    let lake = healthy();
    let key = lake.key_of("opportunities");
    let mut file = parquet(&lake.batch("opportunities"));
    file[4..400].fill(0xff);
    fails(&lake.with_file(&key, file), 1, &["source `opportunities`", &key]);
}

// ---- Columns --------------------------------------------------------------------------------------------------------

#[rstest]
#[case::that_is_missing(|batch: &RecordBatch| renamed(batch, None), "column `amount` is missing")]
#[case::that_is_renamed(|batch: &RecordBatch| renamed(batch, Some("amount_eur")), "column `amount` is missing; the file has `amount_eur`")]
#[case::that_is_text(|batch: &RecordBatch| retyped(batch, "amount", &DataType::Utf8), "column `amount` is text, the contract wants money (a number)")]
#[case::that_counts_from_an_epoch(|batch: &RecordBatch| retyped(batch, "created_at", &DataType::Int64), "column `created_at` is a 64-bit integer, the contract wants timestamp")]
fn a_column(#[case] change: fn(&RecordBatch) -> RecordBatch, #[case] problem: &str) {
    let lake = healthy();
    let key = lake.key_of("opportunities");
    let file = parquet(&change(&lake.batch("opportunities")));
    let words = ["source `opportunities`, file `opportunities/dt=2026-06-30/part-0.parquet` (2 rows)", problem];
    fails(&lake.with_file(&key, file), 1, &words);
}

#[test]
fn everything_that_is_wrong_with_the_files_is_said_at_once() {
    let lake = healthy();
    let (deals, people) = (lake.key_of("opportunities"), lake.key_of("contacts"));
    let file = parquet(&renamed(&lake.batch("opportunities"), None));
    let lake = lake.with_file(&deals, file).with_file(&people, b"{}".to_vec());
    fails(&lake, 1, &["column `amount` is missing", &deals, &people, "it looks like JSON"]);
}

/// The batch with `amount` under another name, or without it.
fn renamed(batch: &RecordBatch, name: Option<&str>) -> RecordBatch {
    let place = batch.schema().index_of("amount").expect("amounts");
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    match name {
        Some(name) => fields[place] = Arc::new(Field::new(name, DataType::Float64, true)),
        None => drop((fields.remove(place), columns.remove(place))),
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
}

/// The batch with a column in another type.
fn retyped(batch: &RecordBatch, name: &str, to: &DataType) -> RecordBatch {
    let place = batch.schema().index_of(name).expect("the column");
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    fields[place] = Arc::new(Field::new(name, to.clone(), true));
    columns[place] = cast(&columns[place], to).expect("a type that the column can have");
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
}

#[test]
fn narrower_numbers_other_units_of_time_and_more_columns_change_nothing() {
    let (milliseconds, nanoseconds) = (TimeUnit::Millisecond, TimeUnit::Nanosecond);
    let utc = |unit: TimeUnit| DataType::Timestamp(unit, Some("UTC".into()));
    let mut lake = healthy();
    for (table, column, to) in [
        ("ad_stats", "impressions", DataType::Int32),
        ("ad_stats", "clicks", DataType::Int16),
        ("opportunities", "amount", DataType::Float32),
        ("opportunities", "tcv", DataType::Int32),
        ("opportunities", "created_at", utc(milliseconds)),
        ("touchpoints", "occurred_at", utc(nanoseconds)),
        ("touchpoints", "touch_id", DataType::LargeUtf8),
        ("surveys", "answered_at", DataType::Timestamp(milliseconds, None)),
        ("surveys", "score", DataType::UInt8),
    ] {
        lake = lake.with_batch(table, |batch| retyped(batch, column, &to));
    }
    let lake = lake.with_batch("accounts", |batch| {
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        fields.push(Arc::new(Field::new("nickname", DataType::Utf8, true)));
        columns.push(Arc::clone(&columns[0]));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
    });
    let place = Workshop::new(&lake);
    place.run().ok();
    // Only that there is a column more is told.
    assert_eq!(place.marts().differing(&HEALTHY.1), ["data_quality"]);
    let row = place.marts().row("data_quality", &[("source", "accounts"), ("check", "schema")]);
    assert_eq!((row["column"].as_str(), row["status"].as_str()), ("nickname", "passed"));
}

// ---- Rows -----------------------------------------------------------------------------------------------------------

#[test]
fn a_key_that_repeats() {
    let mut lake = healthy();
    lake.add(
        "opportunities",
        rows(&[json!({"opportunity_id": "o1", "account_id": "H3", "amount": 7, "created_at": "2026-06-09"})]),
    );
    let place = sets_aside(&lake, "opportunities", 3, &["unique opportunity_id"]);
    assert_eq!(june(&place.marts(), "pipeline_created"), Some(100_000.0), "the first row of a key is used");
    let found = quality(&place.marts(), "opportunities", "unique", "opportunity_id");
    assert_eq!(found, ["quarantine", "quarantined", "3", "1", "1"]);
}

#[test]
fn a_key_that_repeats_in_another_file_of_the_same_source() {
    let mut lake = healthy();
    lake.add("revenue", rows(&[json!({"account_id": "H1", "month": "2026-06-01", "amount": 5000})]));
    let place = sets_aside(&lake.dealt("revenue", 3), "revenue", 3, &["unique account_id, month, kind"]);
    assert_eq!(june(&place.marts(), "revenue"), Some(9000.0), "revenue is not counted twice");
}

#[test]
fn a_touch_that_is_delivered_twice() {
    let mut lake = healthy();
    let again = json!({"touch_id": "t3", "account_id": "H2", "contact_id": "h2", "occurred_at": "2026-06-03 10:00"});
    lake.add("touchpoints", rows(&[again]));
    sets_aside(&lake, "touchpoints", 6, &["unique touch_id"]);
}

#[rstest]
#[case::in_another_file_of_the_month(2)]
#[case::in_one_of_many_files(4)]
fn a_touch_that_is_delivered_again(#[case] files: usize) {
    let mut lake = healthy();
    let again = json!({"touch_id": "t3", "account_id": "H2", "contact_id": "h2", "occurred_at": "2026-06-03 10:00"});
    lake.add("touchpoints", rows(&[again]));
    let once = Workshop::new(&healthy());
    once.run().ok();
    let place = sets_aside(&lake.dealt("touchpoints", files), "touchpoints", 6, &["unique touch_id"]);
    assert_eq!(june(&place.marts(), "engagement_depth"), june(&once.marts(), "engagement_depth"));
}

#[test]
fn a_column_that_no_kpi_reads_is_checked_all_the_same_and_shown_in_quarantine() {
    let mut lake = healthy();
    lake.rows("touchpoints").next().expect("a row").insert("duration_s".to_owned(), json!("NaN"));
    let place = sets_aside(&lake, "touchpoints", 5, &["finite duration_s"]);
    let quarantined = place.set_aside("touchpoints").expect("a file");
    let columns = columns_in(&quarantined);
    for column in ["touch_id", "channel", "duration_s", "requested", "_reason", "_file"] {
        assert!(columns.iter().any(|known| known == column), "{column} is missing in {columns:?}");
    }
}

#[rstest]
#[case::of_a_key("opportunities", "opportunity_id", 2)]
#[case::of_the_account("opportunities", "account_id", 2)]
#[case::of_a_time("touchpoints", "occurred_at", 5)]
#[case::of_an_amount("revenue", "amount", 2)]
fn a_null_where_none_may_be(#[case] source: &str, #[case] column: &str, #[case] rows_in: u64) {
    let mut lake = healthy();
    lake.rows(source).next().expect("a row").insert(column.to_owned(), Value::Null);
    let reason = format!("not_null {column}");
    let place = sets_aside(&lake, source, rows_in, &[&reason]);
    let found = quality(&place.marts(), source, "not_null", column);
    assert_eq!(found, ["quarantine", "quarantined", &rows_in.to_string(), "1", "1"]);
}

#[rstest]
#[case::not_a_number("NaN")]
#[case::infinity("inf")]
#[case::minus_infinity("-inf")]
fn an_amount_that_is(#[case] amount: &str) {
    let mut lake = healthy();
    lake.rows("opportunities").next().expect("a row").insert("amount".to_owned(), json!(amount));
    let place = sets_aside(&lake, "opportunities", 2, &["finite amount"]);
    assert_eq!(june(&place.marts(), "pipeline_created"), Some(40_000.0), "the other row is used");
    let found = quality(&place.marts(), "opportunities", "finite", "amount");
    assert_eq!(found, ["quarantine", "quarantined", "2", "1", "1"]);
}

#[test]
fn a_value_outside_its_range() {
    let mut lake = healthy();
    lake.rows("touchpoints").nth(1).expect("a row").insert("consumed".to_owned(), json!(1.5));
    let place = sets_aside(&lake, "touchpoints", 5, &["range consumed"]);
    assert_eq!(june(&place.marts(), "content_consumption_rate"), None);
}

#[test]
fn one_row_with_several_faults_is_set_aside_once_with_all_reasons() {
    let mut lake = healthy();
    let row = lake.rows("opportunities").next().expect("a row");
    row.insert("amount".to_owned(), json!("NaN"));
    row.insert("probability".to_owned(), json!(2));
    sets_aside(&lake, "opportunities", 2, &["finite amount; range probability"]);
}

#[test]
fn an_unknown_value_of_an_enumeration_is_used_and_reported() {
    let mut lake = healthy();
    lake.rows("touchpoints").next().expect("a row").insert("kind".to_owned(), json!("hologram"));
    let place = sets_aside(&lake, "touchpoints", 5, &[]);
    assert_eq!(june(&place.marts(), "engaged_accounts"), Some(2.0));
    let found = quality(&place.marts(), "touchpoints", "accepted_values", "kind");
    assert_eq!(found, ["warn", "warned", "5", "1", "0"]);
    let row = place
        .marts()
        .row("data_quality", &[("source", "touchpoints"), ("check", "accepted_values"), ("column", "kind")]);
    assert_eq!(row["files"], "touchpoints/ym=2026-06/part-0.parquet");
}

#[test]
fn quarantine_does_not_outlive_the_fault() {
    let mut lake = healthy();
    lake.rows("opportunities").next().expect("a row").insert("amount".to_owned(), json!("NaN"));
    let place = sets_aside(&lake, "opportunities", 2, &["finite amount"]);
    place.relaid(&healthy()).run().ok();
    assert!(!place.published_files().keys().any(|key| key.starts_with("_quarantine")));
    assert_eq!(place.marts().differing(&HEALTHY.1), Vec::<&str>::new());
}

#[test]
fn rows_after_the_day_of_the_run_wait() {
    let mut lake = healthy();
    lake.add("touchpoints", rows(&[json!({"touch_id": "t6", "account_id": "H3", "occurred_at": "2026-07-01"})]));
    lake.rows("touchpoints").next().expect("a row").insert("occurred_at".to_owned(), json!("2026-07-01"));
    let place = sets_aside(&lake, "touchpoints", 5, &[]);
    assert_eq!(place.source_rows("touchpoints")["rows_later"], json!(1), "a later file is not even read");
}

// ---- Rates and days -------------------------------------------------------------------------------------------------

#[test]
fn a_currency_without_a_rate() {
    let mut lake = healthy();
    lake.rows("opportunities").nth(1).expect("a row").insert("created_at".to_owned(), json!("2026-06-11"));
    fails(&lake, 1, &["no rate for USD on 2026-06-11", "1 rows of `deals`", "EUR", "jobs/pipeline.yaml:"]);
}

#[test]
fn a_negative_rate_stops_the_run() {
    let mut lake = healthy();
    lake.rows("fx_rates").next().expect("a row").insert("rate".to_owned(), json!(-0.8));
    let words = [
        "source `fx_rates`, file `fx_rates/dt=2026-06-30/part-0.parquet`, column `rate`",
        "1 rows fail the check `range`",
    ];
    fails(&lake, 1, &words);
}

#[test]
fn a_day_before_every_snapshot() {
    let place = Workshop::new(&healthy()).with_published(&HEALTHY.0);
    let words = ["as-of 2020-01-01 is older than any snapshot of source `accounts`", "the oldest is 2026-06-30"];
    place.command(&["run", "--as-of", "2020-01-01"]).fails(2, &words);
    assert!(place.published_files() == HEALTHY.0);
}

fn rows(rows: &[Value]) -> Vec<support::lake::Row> {
    rows.iter().map(|row| serde_json::from_value(row.clone()).expect("a row")).collect()
}
