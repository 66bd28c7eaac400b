//! Marts as Delta tables, read back by a reader of Delta.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use abmart_store::{Claim, KeptFile, MartFormat, Publication, Published, StagedFile, Store, StoreError};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use serde_json::Value;
use support::failing::Death;
use support::place::{Place, assert_tidy, publication, publish, recover, visible};
use support::{bury, stage};
use tokio::runtime::Runtime;
use url::Url;

/// The table of a mart in a local place as a reader finds it, at a version or at the newest.
fn table(place: &Place, mart: &str, version: Option<u64>) -> DeltaTable {
    let url = Url::from_directory_path(place.root().unwrap().join(mart)).unwrap();
    let builder = DeltaTableBuilder::from_url(url).unwrap();
    let builder = version.into_iter().fold(builder, DeltaTableBuilder::with_version);
    Runtime::new().unwrap().block_on(builder.load()).unwrap()
}

/// The files of a table, below its folder, with the statistics that the log has of them.
fn files(table: &DeltaTable) -> Vec<(String, Value)> {
    let data = table.snapshot().unwrap().log_data();
    let mut files: Vec<_> = data
        .iter()
        .map(|file| (file.path().into_owned(), serde_json::from_str(&file.stats().unwrap()).unwrap()))
        .collect();
    files.sort_by(|a: &(String, Value), b| a.0.cmp(&b.0));
    files
}

fn paths(table: &DeltaTable) -> Vec<String> {
    files(table).into_iter().map(|(path, _)| path).collect()
}

fn delta(run_id: &str, files: Vec<StagedFile>) -> Publication {
    let marts: BTreeSet<String> = files.iter().map(|file| file.mart.clone()).collect();
    Publication { delta: marts, ..publication(run_id, files) }
}

/// Publishes one file of `scores`, a Delta table.
fn night(store: &Store, number: i64, content: i64) -> Published {
    let run = format!("r{number}");
    publish(store, &delta(&run, vec![stage(store, &run, "scores", "part-0.parquet", 40, content)])).unwrap()
}

#[test]
fn the_first_publication_makes_the_table_with_types_documentation_and_statistics() {
    let place = Place::local();
    let store = place.open();
    let manifest = night(&store, 1, 0).manifest;
    let mart = &manifest.marts["scores"];
    assert_eq!((mart.format, mart.delta_version, mart.rows), (MartFormat::Delta, Some(0), 40));
    assert_eq!(mart.files[0].key, "scores/part-0.r1.parquet");
    assert_eq!(manifest.key_of("scores", "part-0.parquet"), Some("scores/part-0.r1.parquet"));
    let table = table(&place, "scores", None);
    assert_eq!(table.version(), Some(0));
    let [(path, stats)] = &files(&table)[..] else { unreachable!("one file") };
    assert_eq!(path, "part-0.r1.parquet");
    // Accounts of ten days each; days 20 000 to 20 009 since 1970; every third of forty revenues unknown.
    assert_eq!(stats["numRecords"], 40);
    assert_eq!(
        (&stats["minValues"]["account_id"], &stats["maxValues"]["account_id"]),
        (&"a0000000".into(), &"a0000003".into())
    );
    assert_eq!((&stats["minValues"]["day"], &stats["maxValues"]["day"]), (&"2024-10-04".into(), &"2024-10-13".into()));
    assert_eq!((&stats["minValues"]["touches"], &stats["maxValues"]["touches"]), (&(-3).into(), &3.into()));
    assert_eq!(stats["minValues"]["seen_at"], "2023-11-14T22:13:20.000000Z");
    assert_eq!(stats["nullCount"]["revenue"], 14);
    let schema = table.snapshot().unwrap().schema();
    let types: Vec<_> = schema.fields().map(|field| (field.name().as_str(), field.data_type().to_string())).collect();
    let expected = [
        ("account_id", "string"),
        ("day", "date"),
        ("seen_at", "timestamp"),
        ("touches", "long"),
        ("revenue", "double"),
    ];
    assert_eq!(types, expected.map(|(name, of)| (name, of.to_owned())));
    let revenue = schema.field("revenue").unwrap();
    assert_eq!(revenue.metadata()["comment"].to_string(), "Revenue of the day");
    assert_eq!(revenue.metadata()["unit"].to_string(), "EUR");
    assert_tidy(&place, &store);
}

#[test]
fn a_night_that_changes_the_mart_makes_a_version_and_older_ones_can_still_be_read() {
    let place = Place::local();
    let store = place.open();
    night(&store, 1, 1);
    let second = night(&store, 2, 2);
    assert_eq!(second.manifest.marts["scores"].delta_version, Some(1));
    assert_eq!((second.written, second.deleted), (vec!["scores/part-0.r2.parquet".to_owned()], Vec::new()));
    assert_eq!(paths(&table(&place, "scores", None)), ["part-0.r2.parquet"]);
    assert_eq!(paths(&table(&place, "scores", Some(0))), ["part-0.r1.parquet"]);
    assert!(store.footer("scores/part-0.r1.parquet").is_ok());
}

#[test]
fn a_night_that_leaves_the_mart_as_it_is_makes_no_version() {
    let place = Place::local();
    let store = place.open();
    night(&store, 1, 1);
    let second = night(&store, 2, 1);
    assert_eq!(second.unchanged, ["scores/part-0.r1.parquet"]);
    assert_eq!(second.manifest.marts["scores"].delta_version, Some(0));
    assert_eq!(second.manifest.marts["scores"].run_id, "r2");
    assert_eq!(visible(&store).len(), 1);
    assert_tidy(&place, &store);
}

#[test]
fn files_in_folders_are_replaced_one_by_one() {
    let place = Place::local();
    let store = place.open();
    let part = |run: &str, month: u32, content: i64| {
        stage(&store, run, "scores", &format!("month=2026-{month:02}/part 0.parquet"), 20, content)
    };
    publish(&store, &delta("r1", vec![part("r1", 1, 1), part("r1", 2, 1)])).unwrap();
    let standing = store.standing("scores", MartFormat::Delta).unwrap();
    let kept = &standing["month=2026-01/part 0.parquet"];
    let second = Publication {
        kept: vec![KeptFile {
            mart: "scores".to_owned(),
            file_name: "month=2026-01/part 0.parquet".to_owned(),
            sha256: kept.sha256.clone(),
        }],
        ..delta("r2", vec![part("r2", 2, 2), part("r2", 3, 2)])
    };
    let published = publish(&store, &second).unwrap();
    assert_eq!(published.unchanged, [kept.key.as_str()]);
    assert_eq!(published.manifest.marts["scores"].rows, 60);
    let expected =
        ["month=2026-01/part 0.r1.parquet", "month=2026-02/part 0.r2.parquet", "month=2026-03/part 0.r2.parquet"];
    assert_eq!(paths(&table(&place, "scores", None)), expected);
    let uris: Vec<String> = table(&place, "scores", None).get_file_uris().unwrap().collect();
    assert!(uris.iter().all(|uri| std::path::Path::new(uri).exists()), "{uris:?}");
}

#[test]
fn columns_come_and_go_with_the_mart_s_definition() {
    let place = Place::local();
    let store = place.open();
    night(&store, 1, 1);
    let id = table(&place, "scores", None).snapshot().unwrap().metadata().id().to_owned();
    let accounts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let ranks: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let batch = RecordBatch::try_from_iter([("account_id", accounts), ("rank", ranks)]).unwrap();
    let spec = abmart_store::MartSpec { name: "scores".to_owned(), ..Default::default() };
    let file = store.write_mart("r2", &spec, "part-0.parquet", &batch.schema(), [batch.clone()]).unwrap();
    publish(&store, &delta("r2", vec![file])).unwrap();
    let names = |version| {
        let table = table(&place, "scores", version);
        table.snapshot().unwrap().schema().fields().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["account_id", "rank"]);
    assert_eq!(names(Some(0)).len(), 5);
    let now = table(&place, "scores", None);
    assert_eq!((now.version(), now.snapshot().unwrap().metadata().id()), (Some(1), id.as_str()), "the same table");
}

#[test]
fn a_column_that_delta_cannot_name_is_refused_before_anything_changes() {
    let store = Place::local().open();
    let before = night(&store, 1, 1).manifest;
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("win rate", numbers)]).unwrap();
    let spec = abmart_store::MartSpec { name: "scores".to_owned(), ..Default::default() };
    let file = store.write_mart("r2", &spec, "part-0.parquet", &batch.schema(), [batch.clone()]).unwrap();
    let error = publish(&store, &delta("r2", vec![file])).unwrap_err();
    assert!(matches!(error, StoreError::Mart { .. }) && error.to_string().contains("`win rate`"), "{error}");
    assert_eq!(store.manifest().unwrap().unwrap(), before);
}

#[test]
fn a_mart_may_become_a_table_and_plain_files_again() {
    let place = Place::local();
    let store = place.open();
    let file = |run: &str| vec![stage(&store, run, "scores", "part-0.parquet", 40, 1)];
    publish(&store, &publication("r1", file("r1"))).unwrap();
    let published = publish(&store, &delta("r2", file("r2"))).unwrap();
    assert_eq!(published.deleted, ["scores/part-0.parquet"]);
    assert_eq!(visible(&store).into_keys().collect::<Vec<_>>(), ["scores/part-0.r2.parquet"]);
    assert_eq!(paths(&table(&place, "scores", None)), ["part-0.r2.parquet"]);
    publish(&store, &publication("r3", file("r3"))).unwrap();
    assert_eq!(visible(&store).into_keys().collect::<Vec<_>>(), ["scores/part-0.parquet"]);
    assert_eq!(store.list("scores/_delta_log").unwrap(), []);
    assert_eq!(store.manifest().unwrap().unwrap().marts["scores"].delta_version, None);
}

#[test]
fn a_retired_table_leaves_nothing() {
    let place = Place::local();
    let store = place.open();
    night(&store, 1, 1);
    night(&store, 2, 2);
    let files = vec![stage(&store, "r3", "funnel", "part-0.parquet", 10, 0)];
    publish(&store, &Publication { retired: vec!["scores".to_owned()], ..publication("r3", files) }).unwrap();
    assert_eq!(visible(&store).into_keys().collect::<Vec<_>>(), ["funnel/part-0.parquet"]);
    assert_eq!(store.list("scores/_delta_log").unwrap(), []);
}

#[test]
fn what_another_program_committed_is_set_right() {
    let place = Place::local();
    let store = place.open();
    night(&store, 1, 1);
    let removed = r#"{"remove":{"path":"part-0.r1.parquet","dataChange":true,"deletionTimestamp":1}}"#;
    store.put("scores/_delta_log/00000000000000000001.json", removed.into()).unwrap();
    assert_eq!(paths(&table(&place, "scores", None)), Vec::<String>::new());
    let second = night(&store, 2, 1);
    assert_eq!(second.manifest.marts["scores"].delta_version, Some(2));
    assert_eq!(paths(&table(&place, "scores", None)), ["part-0.r1.parquet"]);
}

#[test]
fn every_tenth_version_has_a_checkpoint() {
    let place = Place::local();
    let store = place.open();
    for number in 1..=12 {
        night(&store, number, number);
    }
    assert!(store.head("scores/_delta_log/00000000000000000009.checkpoint.parquet").unwrap().is_some());
    for version in 0..8 {
        store.delete(&format!("scores/_delta_log/{version:020}.json")).unwrap();
    }
    let table = table(&place, "scores", None);
    assert_eq!((table.version(), paths(&table)), (Some(11), vec!["part-0.r12.parquet".to_owned()]));
}

/// Killed after any change, the table ends with the versions that an undisturbed run makes, none twice.
#[test]
fn killed_after_any_step_the_table_is_brought_to_one_version_by_recovery() {
    let second = |store: &Store| {
        let files = vec![
            stage(store, "r2", "accounts", "part-0.parquet", 20, 2),
            stage(store, "r2", "scores", "part-0.parquet", 40, 2),
        ];
        Publication { delta: ["scores".to_owned()].into(), ..publication("r2", files) }
    };
    for last_change_arrives in [false, true] {
        for after in 0.. {
            let place = Place::local();
            let store = place.open();
            night(&store, 1, 1);
            let publication = second(&store);
            let death = Death { after, last_change_arrives };
            let (dying, failing) = place.open_failing(death);
            let result = publish(&dying, &publication);
            bury(&store);
            if failing.changes() <= after {
                result.unwrap();
                assert!(after > 8, "only {after} changes");
                break;
            }
            let seen = paths(&table(&place, "scores", None));
            assert!(seen == ["part-0.r1.parquet"] || seen == ["part-0.r2.parquet"], "{seen:?} after {death:?}");
            recover(&store).unwrap();
            let manifest = store.manifest().unwrap().unwrap();
            if manifest.run_id == "r1" {
                publish(&store, &second(&store)).unwrap();
            }
            let manifest = store.manifest().unwrap().unwrap();
            assert_eq!(
                (manifest.run_id.as_str(), manifest.marts["scores"].delta_version),
                ("r2", Some(1)),
                "{death:?}"
            );
            assert_eq!(table(&place, "scores", None).version(), Some(1), "{death:?}");
            assert_eq!(paths(&table(&place, "scores", None)), ["part-0.r2.parquet"], "{death:?}");
            assert_eq!(visible(&store).len(), 3, "{death:?}");
            assert_tidy(&place, &store);
        }
    }
}

#[test]
fn files_that_were_lost_before_the_commit_leave_the_table_as_it_was_and_no_strays() {
    let place = Place::local();
    let store = place.open();
    night(&store, 1, 1);
    let files = vec![
        stage(&store, "r2", "scores", "part-0.parquet", 40, 2),
        stage(&store, "r2", "scores", "part-1.parquet", 40, 2),
    ];
    // Lease, mark on the intent record, renewal, intent, each written beside its place and moved there; the first move.
    let death = Death { after: 9, last_change_arrives: false };
    publish(&place.open_failing(death).0, &delta("r2", files)).unwrap_err();
    bury(&store);
    let staged: Vec<_> = store.list("_staging/r2").unwrap();
    assert!(staged.len() < 2, "{staged:?}");
    store.discard_staging("r2").unwrap();
    assert!(matches!(recover(&store).unwrap().outcome, abmart_store::Recovery::Discarded { .. }));
    assert_eq!(visible(&store).into_keys().collect::<Vec<_>>(), ["scores/part-0.r1.parquet"]);
    assert_eq!(table(&place, "scores", None).version(), Some(0));
    assert_tidy(&place, &store);
}

#[test]
fn in_an_object_store_the_table_is_the_same() {
    let place = Place::memory();
    let store = place.open();
    for number in 1..=3 {
        let lease = store.acquire(&Claim::of(&format!("r{number}"))).unwrap();
        let run = lease.run_id().to_owned();
        let file = stage(&store, &run, "scores", "part-0.parquet", 40, number);
        let published = lease.publish(&delta(&run, vec![file])).unwrap();
        assert_eq!(published.manifest.marts["scores"].delta_version, Some(u64::try_from(number).unwrap() - 1));
    }
    assert_eq!(store.list("scores/_delta_log").unwrap().len(), 3);
    assert_eq!(visible(&store).len(), 3);
}
