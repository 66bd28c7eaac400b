//! A place for marts, and what runs and readers do with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use abmart_store::{Publication, Published, RecoveryReport, StagedFile, Store, StoreError};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use super::acquire;
use super::failing::{Death, Failing};

/// A place for marts that can be opened again and again, as successive processes do.
pub struct Place {
    pub objects: Arc<dyn ObjectStore>,
    root: Option<PathBuf>,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self {
            objects: Arc::new(LocalFileSystem::new_with_prefix(&root).unwrap().with_automatic_cleanup(true)),
            root: Some(root),
            _folder: Some(folder),
        }
    }

    pub fn memory() -> Self {
        Self { objects: Arc::new(InMemory::new()), root: None, _folder: None }
    }

    /// The folder behind it, if it is one.
    pub fn root(&self) -> Option<PathBuf> {
        self.root.clone()
    }

    pub fn open(&self) -> Store {
        Store::from_object_store(Arc::clone(&self.objects), "marts", self.root.clone()).unwrap()
    }

    pub fn open_failing(&self, death: Death) -> (Store, Failing) {
        let failing = Failing::new(Arc::clone(&self.objects), death);
        let store = Store::from_object_store(Arc::new(failing.clone()), "marts", self.root.clone()).unwrap();
        (store, failing)
    }
}

/// Publishes as a run of its own does, which ends by giving its lease back.
pub fn publish(store: &Store, publication: &Publication) -> Result<Published, StoreError> {
    let lease = acquire(store, &publication.run_id)?;
    let published = lease.publish(publication)?;
    lease.release()?;
    Ok(published)
}

/// The beginning of the run after one that died.
pub fn recover(store: &Store) -> Result<RecoveryReport, StoreError> {
    let lease = acquire(store, "next")?;
    let report = lease.recover()?;
    lease.release()?;
    Ok(report)
}

pub fn publication(run_id: &str, files: Vec<StagedFile>) -> Publication {
    Publication { run_id: run_id.to_owned(), as_of: Some("2026-11-22".to_owned()), files, ..Publication::default() }
}

/// What a reader of the folders sees: every visible file, whole, with its hash.
pub fn visible(store: &Store) -> BTreeMap<String, String> {
    let see = |key: String| {
        store.footer(&key).unwrap();
        let hash = super::sha256(&store.get(&key).unwrap());
        (key, hash)
    };
    store.list("").unwrap().into_iter().map(|object| see(object.key)).collect()
}

pub fn assert_manifest_is_what_is_there(store: &Store) {
    let manifest = store.manifest().unwrap().unwrap();
    let recorded: BTreeMap<_, _> = manifest.marts.values().flat_map(|mart| &mart.files).map(|f| (&f.key, f)).collect();
    let objects = store.list("").unwrap();
    assert_eq!(recorded.keys().copied().collect::<Vec<_>>(), objects.iter().map(|o| &o.key).collect::<Vec<_>>());
    let hashes = visible(store);
    for object in &objects {
        let file = recorded[&object.key];
        // Some stores list no e-tags.
        let etag = store.head(&object.key).unwrap().unwrap().etag;
        assert_eq!((file.size, &file.etag, &file.sha256), (object.size, &etag, &hashes[&object.key]));
        assert_eq!(file.rows, store.footer(&object.key).unwrap().rows);
    }
    for mart in manifest.marts.values() {
        assert_eq!(mart.rows, mart.files.iter().map(|file| file.rows).sum::<u64>());
    }
}

/// Nothing of the work in progress is left, not even empty folders.
pub fn assert_tidy(place: &Place, store: &Store) {
    assert_eq!(super::record(store, "_abmart/intent.json")["open"], serde_json::Value::Null);
    assert_eq!(store.list("_staging").unwrap(), []);
    if let Some(staging) = place.root.as_ref().map(|root| root.join("_staging")).filter(|path| path.exists()) {
        assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
    }
}
