//! Publishing: all or the old state, whatever happens in between.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use abmart_store::{Manifest, Publication, Published, Recovery, StagedFile, Store, StoreError};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use support::failing::{Death, Failing};
use support::stage;

/// A place for marts that can be opened again and again, as successive processes do.
struct Place {
    objects: Arc<dyn ObjectStore>,
    root: Option<PathBuf>,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self {
            objects: Arc::new(LocalFileSystem::new_with_prefix(&root).unwrap().with_automatic_cleanup(true)),
            root: Some(root),
            _folder: Some(folder),
        }
    }

    fn memory() -> Self {
        Self { objects: Arc::new(InMemory::new()), root: None, _folder: None }
    }

    fn open(&self) -> Store {
        Store::from_object_store(Arc::clone(&self.objects), "marts", self.root.clone()).unwrap()
    }

    fn open_failing(&self, death: Death) -> (Store, Failing) {
        let failing = Failing::new(Arc::clone(&self.objects), death);
        let store = Store::from_object_store(Arc::new(failing.clone()), "marts", self.root.clone()).unwrap();
        (store, failing)
    }
}

/// The first night: three marts.
fn first_night(store: &Store) -> Published {
    let files = vec![
        stage(store, "r1", "accounts", "part-0.parquet", 30, 1),
        stage(store, "r1", "accounts", "part-1.parquet", 20, 1),
        stage(store, "r1", "kpi_values", "month.parquet", 30, 1),
        stage(store, "r1", "legacy", "part-0.parquet", 10, 1),
    ];
    store.publish(&publication("r1", files)).unwrap()
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

fn publication(run_id: &str, files: Vec<StagedFile>) -> Publication {
    Publication { run_id: run_id.to_owned(), as_of: Some("2026-11-22".to_owned()), files, retired: Vec::new() }
}

/// What a reader of the folders sees: every visible file, whole, with its hash.
fn visible(store: &Store) -> BTreeMap<String, String> {
    let see = |key: String| {
        store.footer(&key).unwrap();
        let hash = support::sha256(&store.get(&key).unwrap());
        (key, hash)
    };
    store.list("").unwrap().into_iter().map(|object| see(object.key)).collect()
}

/// The manifest without what differs from one undisturbed run to the next.
fn comparable(mut manifest: Manifest) -> Manifest {
    manifest.published_at.clear();
    for file in manifest.marts.values_mut().flat_map(|mart| &mut mart.files) {
        file.etag = None;
    }
    manifest
}

fn assert_manifest_is_what_is_there(store: &Store) {
    let manifest = store.manifest().unwrap().unwrap();
    let recorded: BTreeMap<_, _> = manifest.marts.values().flat_map(|mart| &mart.files).map(|f| (&f.key, f)).collect();
    let objects = store.list("").unwrap();
    assert_eq!(recorded.keys().copied().collect::<Vec<_>>(), objects.iter().map(|o| &o.key).collect::<Vec<_>>());
    let hashes = visible(store);
    for object in &objects {
        let file = recorded[&object.key];
        assert_eq!((file.size, &file.etag, &file.sha256), (object.size, &object.etag, &hashes[&object.key]));
        assert_eq!(file.rows, store.footer(&object.key).unwrap().rows);
    }
    for mart in manifest.marts.values() {
        assert_eq!(mart.rows, mart.files.iter().map(|file| file.rows).sum::<u64>());
    }
}

/// Nothing of the work in progress is left, not even empty folders.
fn assert_tidy(place: &Place, store: &Store) {
    assert_eq!(store.head("_abmart/intent.json").unwrap(), None);
    assert_eq!(store.list("_staging").unwrap(), []);
    if let Some(staging) = place.root.as_ref().map(|root| root.join("_staging")).filter(|path| path.exists()) {
        assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
    }
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
        let published = store.publish(&second_night(&store)).unwrap();
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
    let after = store.publish(&publication("r2", files)).unwrap().manifest;
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
    let published = store.publish(&second_night(&store)).unwrap();
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
        let expected = store.publish(&second_night(&store)).unwrap().manifest;
        let new = visible(&store);
        for (moves_in_two_steps, last_change_arrives) in [(false, false), (false, true), (true, false), (true, true)] {
            for after in 0.. {
                let death = Death { after, last_change_arrives, moves_in_two_steps };
                let place = make();
                let store = place.open();
                first_night(&store);
                let publication = second_night(&store);
                let (dying, failing) = place.open_failing(death);
                let result = dying.publish(&publication);
                if failing.changes() <= after {
                    result.unwrap();
                    assert!(after >= 8, "the publication made only {after} changes");
                    break;
                }
                assert!(result.unwrap_err().is_environment(), "{death:?}");
                for (key, hash) in visible(&store) {
                    let seen = Some(&hash);
                    assert!(old.get(&key) == seen || new.get(&key) == seen, "{key} after {death:?}");
                }
                let outcome = store.recover().unwrap().outcome;
                if outcome == Recovery::Clean && store.manifest().unwrap().unwrap().run_id == "r1" {
                    assert_eq!(visible(&store), old, "{death:?}");
                    store.publish(&second_night(&store)).unwrap();
                }
                assert_eq!(visible(&store), new, "{death:?}");
                assert_eq!(comparable(store.manifest().unwrap().unwrap()), comparable(expected.clone()), "{death:?}");
                assert_manifest_is_what_is_there(&store);
                assert_tidy(&place, &store);
                assert_eq!(store.recover().unwrap().outcome, Recovery::Clean, "{death:?}");
            }
        }
    }
}

#[test]
fn recovery_itself_may_be_killed_after_any_step() {
    let store = Place::memory().open();
    first_night(&store);
    store.publish(&second_night(&store)).unwrap();
    let new = visible(&store);
    let death = |after| Death { after, last_change_arrives: false, moves_in_two_steps: true };
    // The intent record is the first change; before it there is nothing to recover.
    for first in 1..10 {
        for second in 0.. {
            let place = Place::memory();
            let store = place.open();
            first_night(&store);
            let publication = second_night(&store);
            place.open_failing(death(first)).0.publish(&publication).unwrap_err();
            let (dying, failing) = place.open_failing(death(second));
            let result = dying.recover();
            if failing.changes() <= second {
                result.unwrap();
                break;
            }
            result.unwrap_err();
            store.recover().unwrap();
            assert_eq!(visible(&store), new, "killed after {first}, then after {second} changes");
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
        let report = store.recover().unwrap();
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
    let death = Death { after: 2, last_change_arrives: false, moves_in_two_steps: false };
    place.open_failing(death).0.publish(&second).unwrap_err();
    let third = vec![stage(&store, "r3", "funnel", "part-0.parquet", 10, 3)];
    let manifest = store.publish(&publication("r3", third)).unwrap().manifest;
    assert_eq!(manifest.marts.keys().collect::<Vec<_>>(), ["accounts", "funnel", "kpi_values", "scores"]);
    assert_manifest_is_what_is_there(&store);
}

#[test]
fn publishing_again_after_a_failure_finishes_the_same_publication() {
    let place = Place::memory();
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    let death = Death { after: 2, last_change_arrives: true, moves_in_two_steps: false };
    place.open_failing(death).0.publish(&second).unwrap_err();
    assert_eq!(store.publish(&second).unwrap().manifest.run_id, "r2");
    assert_manifest_is_what_is_there(&store);
}

/// Kills the second night right after its first `moves` moves, and loses the staged mart `scores`.
fn lose_a_staged_file(place: &Place, moves: usize) -> Store {
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    let death = Death { after: 1 + moves, last_change_arrives: false, moves_in_two_steps: false };
    place.open_failing(death).0.publish(&second).unwrap_err();
    store.delete("_staging/r2/scores/part-0.parquet").unwrap();
    store
}

#[test]
fn a_publication_that_lost_its_files_before_the_first_move_is_dropped() {
    let place = Place::memory();
    let store = lose_a_staged_file(&place, 0);
    let Recovery::Discarded { run_id, missing } = store.recover().unwrap().outcome else {
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
        let Recovery::Incomplete { moved, missing, .. } = store.recover().unwrap().outcome else {
            unreachable!("one file was moved, one is lost")
        };
        assert_eq!(moved, ["accounts/part-0.parquet"]);
        assert_eq!(missing, ["_staging/r2/scores/part-0.parquet"]);
    }
    let files = vec![
        stage(&store, "r3", "accounts", "part-0.parquet", 30, 1),
        stage(&store, "r3", "accounts", "part-1.parquet", 20, 1),
    ];
    let published = store.publish(&publication("r3", files)).unwrap();
    assert_eq!(published.written.len(), 2, "the old manifest is not believed");
    assert_manifest_is_what_is_there(&store);
    assert_eq!(store.recover().unwrap().swept, ["r2"]);
    assert_tidy(&place, &store);
}

#[test]
fn a_staged_file_that_is_damaged_is_not_rolled_forward() {
    let place = Place::memory();
    let store = lose_a_staged_file(&place, 0);
    let damaged = vec![0_u8; 10];
    store.put("_staging/r2/scores/part-0.parquet", damaged.into()).unwrap();
    assert!(matches!(store.recover().unwrap().outcome, Recovery::Discarded { .. }));
}

#[test]
fn a_file_in_its_place_is_not_overwritten_by_a_damaged_staged_copy() {
    let place = Place::memory();
    let store = place.open();
    first_night(&store);
    let second = second_night(&store);
    let after_the_first_copy = Death { after: 2, last_change_arrives: false, moves_in_two_steps: true };
    let (dying, _) = place.open_failing(after_the_first_copy);
    dying.publish(&second).unwrap_err();
    let copy = "_staging/r2/accounts/part-0.parquet";
    store.put(copy, vec![0_u8; 10].into()).unwrap();
    let outcome = store.recover().unwrap().outcome;
    assert!(matches!(outcome, Recovery::RolledForward { files: 2, .. }));
    assert_manifest_is_what_is_there(&store);
    assert_tidy(&place, &store);
}

#[test]
fn a_publication_whose_files_are_not_staged_changes_nothing() {
    let store = Place::memory().open();
    first_night(&store);
    let second = second_night(&store);
    store.discard_staging("r2").unwrap();
    let error = store.publish(&second).unwrap_err();
    assert!(matches!(error, StoreError::StagedMissing { .. }), "{error}");
    assert_eq!(store.manifest().unwrap().unwrap().run_id, "r1");
    assert_manifest_is_what_is_there(&store);
}

#[test]
fn contradictory_publications_are_refused() {
    let store = Place::memory().open();
    let mut second = second_night(&store);
    second.files.push(second.files[0].clone());
    assert!(matches!(store.publish(&second), Err(StoreError::Mart { .. })));
    let mut second = second_night(&store);
    second.retired.push("scores".to_owned());
    assert!(matches!(store.publish(&second), Err(StoreError::Mart { .. })));
    assert!(matches!(store.publish(&publication("..", Vec::new())), Err(StoreError::InvalidKey { .. })));
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
