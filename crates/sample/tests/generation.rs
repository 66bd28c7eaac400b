//! How lakes are made: repeatably, in chunks, and never over somebody else's files.
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "the support module is shared with the other test file")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_sample::{Cadence, SampleError, SampleOptions, generate};
use jiff::civil::date;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use support::{Lake, files};

fn small() -> SampleOptions {
    SampleOptions { accounts: 40, months: 4, touchpoints: 3_000, ..SampleOptions::default() }
}

#[test]
fn equal_options_give_equal_bytes() {
    assert!(Lake::new(&small()).files == Lake::new(&small()).files);
}

#[test]
fn another_seed_gives_another_lake() {
    let other = Lake::new(&SampleOptions { seed: 43, ..small() });
    assert!(Lake::new(&small()).files != other.files);
}

#[test]
fn small_chunks_still_make_exact_sorted_and_numbered_rows() {
    let options = SampleOptions { chunk_rows: 7, file_rows: 300, touchpoints: 2_000, ..small() };
    let lake = Lake::new(&options);
    let months = lake.partitions("touchpoints").len();
    assert!(lake.paths("touchpoints").len() > months + 1, "months have several parts");
    let mut ids = Vec::new();
    for path in lake.paths("touchpoints") {
        let rows = lake.file(path);
        assert!(rows.len() <= 400, "{path} has {} rows", rows.len());
        let at = rows.instants("occurred_at");
        assert!(at.is_sorted(), "{path} is not sorted");
        ids.extend(rows.names("touch_id").into_iter().map(str::to_owned));
    }
    ids.sort_unstable();
    assert_eq!((ids.len(), ids[0].as_str(), ids[1_999].as_str()), (2_000, "T000000001", "T000002000"));
    ids.dedup();
    assert_eq!(ids.len(), 2_000);
}

#[test]
fn a_month_without_events_has_no_file() {
    let lake = Lake::new(&SampleOptions { accounts: 3, months: 12, touchpoints: 5, ..small() });
    assert!(lake.partitions("touchpoints").len() <= 5);
    assert_eq!(lake.rows("touchpoints").len(), 5);
    let none = Lake::new(&SampleOptions { touchpoints: 0, ..small() });
    assert!(none.paths("touchpoints").is_empty());
    assert_eq!(none.current("accounts").len(), 40);
}

#[test]
fn tiny_and_odd_lakes_can_be_made() {
    for (accounts, months, until) in
        [(1, 1, date(2024, 2, 1)), (1, 2, date(2024, 2, 29)), (7, 3, date(2025, 1, 31)), (12, 30, date(2026, 12, 31))]
    {
        let options = SampleOptions { accounts, months, until, touchpoints: 50, ..SampleOptions::default() };
        let lake = Lake::new(&options);
        assert_eq!(lake.rows("touchpoints").len(), 50, "{accounts} accounts, {months} months");
        assert_eq!(lake.partitions("accounts").last().unwrap(), &format!("accounts/dt={until}"));
    }
}

#[test]
fn contacts_can_be_copied_less_often() {
    let options = SampleOptions { contact_snapshots: Some(Cadence::Quarterly), ..small() };
    let partitions = Lake::new(&options).partitions("contacts");
    assert_eq!(partitions, ["contacts/dt=2026-09-30", "contacts/dt=2026-11-22"]);
}

#[test]
fn a_target_with_parquet_files_is_refused_unless_overwritten() {
    let store = Arc::new(InMemory::new());
    let prefix = Path::from("lake");
    let put = |path: &str| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(store.put(&Path::from(path), "x".into())).unwrap();
    };
    put("lake/notes.txt");
    put("lake/accounts/dt=2020-01-01/old.parquet");
    put("lake/elsewhere/own.parquet");
    let refused = generate(&small(), store.clone(), &prefix, &|_, _| {}).unwrap_err();
    assert!(matches!(refused, SampleError::NotEmpty { .. }));
    assert!(refused.to_string().contains("lake/accounts/dt=2020-01-01/old.parquet"), "{refused}");

    let options = SampleOptions { overwrite: true, ..small() };
    generate(&options, store.clone(), &prefix, &|_, _| {}).unwrap();
    let found = files(&store, &prefix);
    assert!(!found.contains_key("accounts/dt=2020-01-01/old.parquet"));
    assert!(found.contains_key("elsewhere/own.parquet"), "a table that is not ours stays");
    assert!(found.contains_key("notes.txt"));
}

#[test]
fn options_that_make_no_lake_are_refused() {
    for options in [
        SampleOptions { accounts: 0, ..small() },
        SampleOptions { months: 0, ..small() },
        SampleOptions { chunk_rows: 0, ..small() },
    ] {
        let store = Arc::new(InMemory::new());
        let refused = generate(&options, store, &Path::default(), &|_, _| {}).unwrap_err();
        assert!(matches!(refused, SampleError::Options(_)), "{refused}");
    }
}

#[test]
fn progress_counts_up_to_the_summary() {
    let seen = RefCell::new(BTreeMap::<String, u64>::new());
    let store = Arc::new(InMemory::new());
    let summary = generate(&small(), store, &Path::default(), &|table, rows| {
        let before = seen.borrow_mut().insert(table.to_owned(), rows);
        assert!(before.is_none_or(|before| before < rows));
    })
    .unwrap();
    let told: BTreeMap<String, u64> = summary.tables.into_iter().map(|t| (t.table, t.rows)).collect();
    assert_eq!(*seen.borrow(), told);
}

#[test]
fn a_lake_can_be_made_from_inside_an_async_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rows = runtime.block_on(async {
        let store = Arc::new(InMemory::new());
        generate(&small(), store, &Path::default(), &|_, _| {}).unwrap().tables[0].rows
    });
    assert_eq!(rows, 160);
}
