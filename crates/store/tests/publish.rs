//! Publishing: all or the old state, whatever happens in between.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use abmart_store::{
    KeptFile, KeptRun, Manifest, MartFormat, Publication, Published, Recovery, RecoveryReport, RunRecord, Store,
    StoreError,
};
use support::failing::Death;
use support::place::{Place, assert_manifest_is_what_is_there, assert_tidy, publication, publish, recover, visible};
use support::{bury, stage};

/// The changes that a run makes in an object store before it moves a file: five to try out conditional puts, then its
/// lease, its mark on the intent record, the renewal of the lease, and the intent.
const BEFORE_THE_FIRST_MOVE: usize = 9;
/// A death right after the first move.
const MIDST: Death = Death { after: BEFORE_THE_FIRST_MOVE + 1, last_change_arrives: false };

/// A run that dies while it publishes; also whether it lived to its end.
fn publish_and_die(place: &Place, death: Death, publication: &Publication) -> (Result<Published, StoreError>, bool) {
    let (dying, failing) = place.open_failing(death);
    let result = publish(&dying, publication);
    bury(&place.open());
    (result, failing.changes() <= death.after)
}

/// A run that dies while it finishes what another has left; also whether it lived to its end.
fn recover_and_die(place: &Place, death: Death) -> (Result<RecoveryReport, StoreError>, bool) {
    let (dying, failing) = place.open_failing(death);
    let result = recover(&dying);
    bury(&place.open());
    (result, failing.changes() <= death.after)
}

/// The first night: three marts.
fn first_night(store: &Store) -> Published {
    let files = vec![
        stage(store, "r1", "accounts", "part-0.parquet", 30, 1),
        stage(store, "r1", "accounts", "part-1.parquet", 20, 1),
        stage(store, "r1", "kpi_values", "month.parquet", 30, 1),
        stage(store, "r1", "legacy", "part-0.parquet", 10, 1),
    ];
    publish(store, &publication("r1", files)).unwrap()
}

/// The second night: one file changed, one gone, one as before, a new mart, and a retired one.
fn second_night(store: &Store) -> Publication {
    Publication {
        retired: vec!["legacy".to_owned()],
        ..publication(
            "r2",
            vec![
                stage(store, "r2", "accounts", "part-0.parquet", 30, 2),
                stage(store, "r2", "kpi_values", "month.parquet", 30, 1),
                stage(store, "r2", "scores", "part-0.parquet", 40, 2),
            ],
        )
    }
}

/// The manifest without what differs from one undisturbed run to the next.
fn comparable(mut manifest: Manifest) -> Manifest {
    manifest.published_at.clear();
    manifest.token = 0;
    for file in manifest.marts.values_mut().flat_map(|mart| &mut mart.files) {
        file.etag = None;
    }
    manifest
}

#[test]
fn after_publishing_the_manifest_is_what_is_there() {
    for place in [Place::local(), Place::memory()] {
        let store = place.open();
        let published = first_night(&store);
        assert_eq!(published.written.len(), 4);
        assert_eq!(published.manifest, store.manifest().unwrap().unwrap());
        assert_eq!(published.manifest.as_of.as_deref(), Some("2026-11-22"));
        assert_manifest_is_what_is_there(&store);
        assert_tidy(&place, &store);
    }
}

#[test]
fn before_the_first_publication_there_is_no_manifest() {
    assert_eq!(Place::memory().open().manifest().unwrap(), None);
}

#[test]
fn the_next_night_replaces_adds_removes_and_leaves_alone() {
    for place in [Place::local(), Place::memory()] {
        let store = place.open();
        let before = first_night(&store).manifest;
        let unchanged = store.head("kpi_values/month.parquet").unwrap().unwrap();
        let published = publish(&store, &second_night(&store)).unwrap();
        assert_eq!(published.written, ["accounts/part-0.parquet", "scores/part-0.parquet"]);
        assert_eq!(published.unchanged, ["kpi_values/month.parquet"]);
        assert_eq!(published.deleted, ["accounts/part-1.parquet", "legacy/part-0.parquet"]);
        assert_eq!(store.head("kpi_values/month.parquet").unwrap().unwrap(), unchanged, "not even touched");
        assert_eq!(published.manifest.file("kpi_values/month.parquet"), before.file("kpi_values/month.parquet"));
        assert_manifest_is_what_is_there(&store);
        assert_tidy(&place, &store);
    }
}

#[test]
fn marts_that_a_publication_does_not_name_stay() {
    let store = Place::memory().open();
    let before = first_night(&store).manifest;
    let files = vec![stage(&store, "r2", "scores", "part-0.parquet", 10, 0)];
    let after = publish(&store, &publication("r2", files)).unwrap().manifest;
    assert_eq!(after.marts["legacy"], before.marts["legacy"]);
    assert_eq!((after.run_id.as_str(), after.marts["legacy"].run_id.as_str()), ("r2", "r1"));
    assert_manifest_is_what_is_there(&store);
}

#[test]
fn a_file_that_was_tampered_with_is_written_again() {
    let place = Place::local();
    let store = place.open();
    first_night(&store);
    let path = store.local_path("kpi_values/month.parquet").unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let published = publish(&store, &second_night(&store)).unwrap();
    assert_eq!(published.unchanged, Vec::<String>::new());
    assert_manifest_is_what_is_there(&store);
}

#[test]
fn foreign_files_in_a_marts_folder_that_are_no_marts_stay() {
    let store = Place::local().open();
    store.put("accounts/README.md", "notes".into()).unwrap();
    store.put("accounts/_delta_log/0.parquet", "log".into()).unwrap();
    first_night(&store);
    assert!(store.head("accounts/README.md").unwrap().is_some());
    assert!(store.head("accounts/_delta_log/0.parquet").unwrap().is_some());
}

#[test]
fn killed_after_any_step_a_publication_is_finished_by_recovery() {
    for make in [Place::local, Place::memory] {
        let undisturbed = make();
        let store = undisturbed.open();
        first_night(&store);
        let old = visible(&store);
        let expected = publish(&store, &second_night(&store)).unwrap().manifest;
        let new = visible(&store);
        for last_change_arrives in [false, true] {
            for after in 0.. {
                let death = Death { after, last_change_arrives };
                let place = make();
                let store = place.open();
                first_night(&store);
                let publication = second_night(&store);
                let (result, lived) = publish_and_die(&place, death, &publication);
                if lived {
                    result.unwrap();
                    assert!(after >= 12, "the publication made only {after} changes");
                    break;
                }
                assert!(result.unwrap_err().is_environment(), "{death:?}");
                for (key, hash) in visible(&store) {
                    let seen = Some(&hash);
                    assert!(old.get(&key) == seen || new.get(&key) == seen, "{key} after {death:?}");
                }
                let outcome = recover(&store).unwrap().outcome;
                if outcome == Recovery::Clean && store.manifest().unwrap().unwrap().run_id == "r1" {
                    assert_eq!(visible(&store), old, "{death:?}");
                    publish(&store, &second_night(&store)).unwrap();
                }
                assert_eq!(visible(&store), new, "{death:?}");
                assert_eq!(comparable(store.manifest().unwrap().unwrap()), comparable(expected.clone()), "{death:?}");
                assert_manifest_is_what_is_there(&store);
                assert_tidy(&place, &store);
                assert_eq!(recover(&store).unwrap().outcome, Recovery::Clean, "{death:?}");
            }
        }
    }
}

#[test]
fn recovery_itself_may_be_killed_after_any_step() {
    let store = Place::memory().open();
    first_night(&store);
    let old = visible(&store);
    publish(&store, &second_night(&store)).unwrap();
    let new = visible(&store);
    let death = |after| Death { after, last_change_arrives: false };
    let mut finished = 0;
    for first in 0.. {
        for second in 0.. {
            let place = Place::memory();
            let store = place.open();
            first_night(&store);
            let publication = second_night(&store);
            if publish_and_die(&place, death(first), &publication).1 {
                assert!(finished > 20, "only {finished} publications were finished by the third run");
                return;
            }
            let (result, lived) = recover_and_die(&place, death(second));
            if lived {
                result.unwrap();
                break;
            }
            result.unwrap_err();
            let outcome = recover(&store).unwrap().outcome;
            finished += usize::from(matches!(outcome, Recovery::RolledForward { .. }));
            let published = store.manifest().unwrap().unwrap().run_id == "r2";
            let expected = if published { &new } else { &old };
            assert_eq!(&visible(&store), expected, "killed after {first}, then after {second} changes");
            assert_manifest_is_what_is_there(&store);
            assert_tidy(&place, &store);
        }
    }
}

#[test]
fn killed_while_staging_nothing_is_visible_and_recovery_sweeps() {
    for make in [Place::local, Place::memory] {
        let place = make();
        let store = place.open();
        let old = first_night(&store).manifest;
        second_night(&store);
        let report = recover(&store).unwrap();
        assert_eq!(report.outcome, Recovery::Clean);
        assert_eq!(report.swept, ["r2"]);
        assert_eq!(store.manifest().unwrap().unwrap(), old);
        assert_manifest_is_what_is_there(&store);
        assert_tidy(&place, &store);
    }
}

#[test]
fn a_publication_finishes_what_another_run_left() {
    let place = Place::memory();
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    publish_and_die(&place, MIDST, &second).0.unwrap_err();
    let third = vec![stage(&store, "r3", "funnel", "part-0.parquet", 10, 3)];
    let manifest = publish(&store, &publication("r3", third)).unwrap().manifest;
    assert_eq!(manifest.marts.keys().collect::<Vec<_>>(), ["accounts", "funnel", "kpi_values", "scores"]);
    assert_manifest_is_what_is_there(&store);
}

#[test]
fn publishing_again_after_a_failure_finishes_the_same_publication() {
    let place = Place::memory();
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    publish_and_die(&place, MIDST, &second).0.unwrap_err();
    assert_eq!(publish(&store, &second).unwrap().manifest.run_id, "r2");
    assert_manifest_is_what_is_there(&store);
}

/// Kills the second night right after its first `moves` moves, and loses the staged mart `scores`.
fn lose_a_staged_file(place: &Place, moves: usize) -> Store {
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    let death = Death { after: BEFORE_THE_FIRST_MOVE + moves, last_change_arrives: false };
    publish_and_die(place, death, &second).0.unwrap_err();
    store.delete("_staging/r2/scores/part-0.parquet").unwrap();
    store
}

#[test]
fn a_publication_that_lost_its_files_before_the_first_move_is_dropped() {
    let place = Place::memory();
    let store = lose_a_staged_file(&place, 0);
    let Recovery::Discarded { run_id, missing } = recover(&store).unwrap().outcome else {
        unreachable!("nothing was moved")
    };
    assert_eq!((run_id.as_str(), &missing[..]), ("r2", &["_staging/r2/scores/part-0.parquet".to_owned()][..]));
    assert_eq!(store.manifest().unwrap().unwrap().run_id, "r1");
    assert_manifest_is_what_is_there(&store);
    assert_tidy(&place, &store);
}

#[test]
fn a_publication_that_lost_files_half_way_is_reported_until_the_next_one_mends_it() {
    let place = Place::memory();
    let store = lose_a_staged_file(&place, 1);
    for _ in 0..2 {
        let Recovery::Incomplete { moved, missing, .. } = recover(&store).unwrap().outcome else {
            unreachable!("one file was moved, one is lost")
        };
        assert_eq!(moved, ["accounts/part-0.parquet"]);
        assert_eq!(missing, ["_staging/r2/scores/part-0.parquet"]);
    }
    let files = vec![
        stage(&store, "r3", "accounts", "part-0.parquet", 30, 1),
        stage(&store, "r3", "accounts", "part-1.parquet", 20, 1),
    ];
    let published = publish(&store, &publication("r3", files)).unwrap();
    assert_eq!(published.written.len(), 2, "the old manifest is not believed");
    assert_manifest_is_what_is_there(&store);
    assert_eq!(recover(&store).unwrap().swept, ["r2"]);
    assert_tidy(&place, &store);
}

#[test]
fn a_staged_file_that_is_damaged_is_not_rolled_forward() {
    let place = Place::memory();
    let store = lose_a_staged_file(&place, 0);
    let damaged = vec![0_u8; 10];
    store.put("_staging/r2/scores/part-0.parquet", damaged.into()).unwrap();
    assert!(matches!(recover(&store).unwrap().outcome, Recovery::Discarded { .. }));
}

#[test]
fn a_file_in_its_place_is_not_overwritten_by_a_damaged_staged_copy() {
    let place = Place::memory();
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    publish_and_die(&place, MIDST, &second).0.unwrap_err();
    let copy = "_staging/r2/accounts/part-0.parquet";
    store.put(copy, vec![0_u8; 10].into()).unwrap();
    let outcome = recover(&store).unwrap().outcome;
    assert!(matches!(outcome, Recovery::RolledForward { files: 2, .. }));
    assert_manifest_is_what_is_there(&store);
    assert_tidy(&place, &store);
}

fn kept(file: &abmart_store::ManifestFile, mart: &str) -> KeptFile {
    KeptFile { mart: mart.to_owned(), file_name: file.name(mart).to_owned(), sha256: file.sha256.clone() }
}

#[test]
fn a_file_that_is_known_to_be_the_same_need_not_be_staged_again() {
    for place in [Place::local(), Place::memory()] {
        let store = place.open();
        first_night(&store);
        let standing = store.standing("accounts", MartFormat::Parquet).unwrap();
        assert_eq!(standing.keys().collect::<Vec<_>>(), ["part-0.parquet", "part-1.parquet"]);
        let before = store.head("accounts/part-1.parquet").unwrap();
        let files = vec![stage(&store, "r2", "accounts", "part-0.parquet", 30, 2)];
        let second =
            Publication { kept: vec![kept(&standing["part-1.parquet"], "accounts")], ..publication("r2", files) };
        let published = publish(&store, &second).unwrap();
        assert_eq!((published.written.len(), published.unchanged), (1, vec!["accounts/part-1.parquet".to_owned()]));
        assert_eq!(store.head("accounts/part-1.parquet").unwrap(), before);
        let mart = &published.manifest.marts["accounts"];
        assert_eq!((mart.rows, mart.files.len(), mart.run_id.as_str()), (50, 2, "r2"));
        assert_manifest_is_what_is_there(&store);
        // Nothing of a mart that is not named anew is left, and a mart may be kept as a whole.
        let third = Publication { kept: vec![kept(&mart.files[0], "accounts")], ..publication("r3", Vec::new()) };
        assert_eq!(publish(&store, &third).unwrap().deleted, ["accounts/part-1.parquet"]);
        assert_manifest_is_what_is_there(&store);
    }
}

#[test]
fn a_file_that_was_to_be_kept_and_is_another_stops_the_publication_before_it_begins() {
    let store = Place::memory().open();
    first_night(&store);
    let standing = store.standing("accounts", MartFormat::Parquet).unwrap();
    let keep = |file: KeptFile| publish(&store, &Publication { kept: vec![file], ..publication("r2", Vec::new()) });
    let file = kept(&standing["part-1.parquet"], "accounts");
    let other = KeptFile { sha256: "0".repeat(64), ..file.clone() };
    assert!(matches!(keep(other), Err(StoreError::KeptMissing { .. })));
    store.put("accounts/part-1.parquet", "tampered with".into()).unwrap();
    assert_eq!(store.standing("accounts", MartFormat::Parquet).unwrap().len(), 1);
    assert_eq!(store.standing("accounts", MartFormat::Delta).unwrap().len(), 0);
    assert_eq!(store.standing("nothing", MartFormat::Parquet).unwrap().len(), 0);
    let error = keep(file).unwrap_err();
    assert!(error.is_environment() && error.to_string().contains("`accounts/part-1.parquet`"), "{error}");
    assert_eq!(store.manifest().unwrap().unwrap().run_id, "r1");
}

#[test]
fn a_publication_whose_files_are_not_staged_changes_nothing() {
    let store = Place::memory().open();
    first_night(&store);
    let second = second_night(&store);
    store.discard_staging("r2").unwrap();
    let error = publish(&store, &second).unwrap_err();
    assert!(matches!(error, StoreError::StagedMissing { .. }), "{error}");
    assert_eq!(store.manifest().unwrap().unwrap().run_id, "r1");
    assert_manifest_is_what_is_there(&store);
}

#[test]
fn contradictory_publications_are_refused() {
    let store = Place::memory().open();
    let mut second = second_night(&store);
    second.files.push(second.files[0].clone());
    assert!(matches!(publish(&store, &second), Err(StoreError::Mart { .. })));
    let mut second = second_night(&store);
    second.retired.push("scores".to_owned());
    assert!(matches!(publish(&store, &second), Err(StoreError::Mart { .. })));
    assert!(matches!(publish(&store, &publication("..", Vec::new())), Err(StoreError::InvalidKey { .. })));
}

#[test]
fn damaged_and_later_records_are_not_guessed_at() {
    let store = Place::memory().open();
    first_night(&store);
    store.put("_abmart/manifest.json", "{".into()).unwrap();
    assert!(matches!(store.manifest(), Err(StoreError::Record { .. })));
    let later = r#"{"version": 2, "run_id": "r9", "as_of": null, "published_at": "", "marts": {}}"#;
    store.put("_abmart/manifest.json", later.into()).unwrap();
    let message = store.manifest().unwrap_err().to_string();
    assert!(message.contains("it has version 2, this build reads version 1"), "{message}");
}

// ---- Records of runs ------------------------------------------------------------------------------------------------

/// A night with one mart and a record, of which so many are kept.
fn recorded_night(store: &Store, number: i64, kept: usize) -> Publication {
    let run = format!("r{number}");
    let files = vec![stage(store, &run, "accounts", "part-0.parquet", 30, number)];
    let content = format!("figures of night {number}");
    let record = RunRecord {
        pipeline: "nightly".to_owned(),
        files: vec![store.stage_record(&run, "cells", content.into()).unwrap()],
        kept,
    };
    Publication { record: Some(record), ..publication(&run, files) }
}

/// The runs that the manifest names, each with its record; and the keys below the folder of records.
fn records(place: &Place, store: &Store) -> (Vec<(String, Option<String>)>, Vec<String>) {
    let runs = store.manifest().unwrap().unwrap().runs;
    let content = |run: &KeptRun| {
        let bytes = store.record_file(run, "cells").unwrap()?;
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    };
    let named = runs.iter().map(|run| (run.run_id.clone(), content(run))).collect();
    let there = store.list("_abmart/runs").unwrap().into_iter().map(|object| object.key).collect();
    if let Some(folder) = place.root().as_ref().map(|root| root.join("_abmart/runs")).filter(|folder| folder.exists()) {
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), runs.len(), "a folder a run");
    }
    (named, there)
}

fn record_of(number: i64) -> (String, Option<String>) {
    (format!("r{number}"), Some(format!("figures of night {number}")))
}

#[test]
fn records_of_the_newest_runs_are_kept() {
    for place in [Place::local(), Place::memory()] {
        let store = place.open();
        for number in 1..=4 {
            publish(&store, &recorded_night(&store, number, 2)).unwrap();
        }
        let (named, there) = records(&place, &store);
        assert_eq!(named, [record_of(3), record_of(4)]);
        assert_eq!(there, ["_abmart/runs/r3/cells", "_abmart/runs/r4/cells"]);
        // A publication of another pipeline leaves them alone.
        let files = vec![stage(&store, "w1", "reviews", "part-0.parquet", 10, 1)];
        publish(&store, &publication("w1", files)).unwrap();
        assert_eq!(records(&place, &store).0, [record_of(3), record_of(4)]);
        // None are kept any more.
        publish(&store, &recorded_night(&store, 5, 0)).unwrap();
        assert_eq!(records(&place, &store), (vec![], vec![]));
    }
}

#[test]
fn a_record_that_is_not_what_the_manifest_says_is_none() {
    let place = Place::memory();
    let store = place.open();
    publish(&store, &recorded_night(&store, 1, 2)).unwrap();
    store.put("_abmart/runs/r1/cells", "something else".into()).unwrap();
    assert_eq!(records(&place, &store).0, [("r1".to_owned(), None)]);
}

#[test]
fn killed_after_any_step_a_record_is_named_with_its_marts_or_not_at_all() {
    for make in [Place::local, Place::memory] {
        for last_change_arrives in [false, true] {
            for after in 0.. {
                let place = make();
                let store = place.open();
                publish(&store, &recorded_night(&store, 1, 1)).unwrap();
                let publication = recorded_night(&store, 2, 1);
                let (_, lived) = publish_and_die(&place, Death { after, last_change_arrives }, &publication);
                let manifest = store.manifest().unwrap().unwrap();
                let named: Vec<&str> = manifest.runs.iter().map(|run| run.run_id.as_str()).collect();
                assert_eq!(named, [manifest.run_id.as_str()], "after {after}");
                for run in &manifest.runs {
                    assert!(store.record_file(run, "cells").unwrap().is_some(), "after {after}");
                }
                recover(&store).unwrap();
                publish(&store, &recorded_night(&store, 3, 1)).unwrap();
                assert_eq!(records(&place, &store), (vec![record_of(3)], vec!["_abmart/runs/r3/cells".to_owned()]));
                assert_tidy(&place, &store);
                if lived {
                    assert!(after > BEFORE_THE_FIRST_MOVE);
                    break;
                }
            }
        }
    }
}
