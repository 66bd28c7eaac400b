use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::failure::Failure;
use crate::remote::{self, Remote};
use crate::{Environment, Location, StoreError, StoreSettings, durable, location};

/// One place that holds objects: a lake, the marts, or a cache.
///
/// Keys are relative to the store's root, with `/` between their parts. All methods block; they must
/// not be called from within an async runtime. Cloning is cheap, the clones share their threads.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    label: String,
    local_root: Option<PathBuf>,
    runtime: Arc<Runtime>,
    /// Texts that no message may show.
    secrets: Arc<[String]>,
    /// How long to wait before each further attempt at what the client does not try again.
    pauses: &'static [Duration],
    /// Whether listings name e-tags without the quotes that they have everywhere else.
    bare_etags: bool,
    /// Limits how many ranges are fetched at once, whoever asks.
    turns: Arc<Semaphore>,
}

/// How long to wait before what a remote store left unanswered is tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(3)];
/// How many ranges are fetched at once.
const FETCHES: usize = 16;

/// One object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The object's key, relative to the store's root.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// What identifies this version of the object, when the store says so.
    pub etag: Option<String>,
    /// When it was last written.
    pub last_modified: jiff::Timestamp,
}

impl Store {
    /// Opens the store at `location`, a path or URL; relative paths count from `base`. With `create`, a
    /// missing local folder is made.
    ///
    /// # Errors
    /// As [`Store::open_with`].
    pub fn open(location: &str, base: &Path, create: bool) -> Result<Self, StoreError> {
        Self::open_with(location, base, create, &StoreSettings::default(), &Environment::of_process())
    }

    /// Like [`Store::open`], with settings and another environment than this process's. A bucket or container must exist; one request finds out.
    ///
    /// # Errors
    /// Those of [`Location::parse`]; [`StoreError::Settings`] and [`StoreError::Credentials`] for what is missing to
    /// reach it; [`StoreError::NotFound`] for a missing bucket, or folder without `create`; [`StoreError::Io`] or
    /// [`StoreError::Object`] when it cannot be made or used.
    pub fn open_with(
        location: &str,
        base: &Path,
        create: bool,
        settings: &StoreSettings,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        let place = Location::parse(location, base)?;
        if let Some(remote) = remote::client(&place, settings, environment)? {
            let pauses: &[Duration] = if settings.retry_seconds == Some(0) { &[] } else { &PAUSES };
            return Self::open_remote(&place, remote, pauses);
        }
        let Some(folder) = place.folder() else {
            return Err(StoreError::Location { location: place.to_string(), reason: "it is no folder".to_owned() });
        };
        if create {
            std::fs::create_dir_all(folder)
                .map_err(|source| StoreError::io(format!("creating folder `{}`", folder.display()), source))?;
        }
        check_folder(folder)?;
        let root = folder
            .canonicalize()
            .map_err(|source| StoreError::io(format!("opening folder `{}`", folder.display()), source))?;
        let label = location::without_credentials(location);
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|source| object_error("opening", &label, "", &source, &[]))?
            .with_automatic_cleanup(true);
        Self::from_object_store(Arc::new(objects), &label, Some(root))
    }

    fn open_remote(place: &Location, remote: Remote, pauses: &'static [Duration]) -> Result<Self, StoreError> {
        let store = Self {
            secrets: remote.secrets.into(),
            pauses,
            bare_etags: matches!(place, Location::Azure { .. }),
            ..Self::from_object_store(remote.objects, &place.to_string(), None)?
        };
        store.block_on(remote.credentials).map_err(|source| StoreError::Credentials {
            store: store.label.clone(),
            reason: Failure::of(&source, &store.secrets).reason,
            help: "docs/stores.md says where they can come from: the environment, a profile, the role of the machine"
                .to_owned(),
        })?;
        // The first page of a listing: what is wrong with the bucket, the rights or the network is said here, once.
        match store.block_on(store.objects.list(None).try_next()) {
            Ok(_) => Ok(store),
            Err(object_store::Error::NotFound { .. }) => Err(no_bucket(&store.label)),
            Err(source) => Err(store.failed("opening", "", source)),
        }
    }

    /// Wraps an object store that was built elsewhere. `label` is how messages call it, free of
    /// credentials; `local_root` is the folder behind it, when it is one.
    ///
    /// # Errors
    /// [`StoreError::Io`] when no threads can be started.
    pub fn from_object_store(
        objects: Arc<dyn ObjectStore>,
        label: &str,
        local_root: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|source| StoreError::io("starting the threads of a store", source))?;
        Ok(Self {
            objects,
            label: label.to_owned(),
            local_root,
            runtime: Arc::new(runtime),
            secrets: Arc::from(Vec::new()),
            pauses: &[],
            bare_etags: false,
            turns: Arc::new(Semaphore::new(FETCHES)),
        })
    }

    /// How messages call this store: the location as it was given, without credentials.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The local path of `key` when the store is a local folder, so that a scan can open it directly.
    #[must_use]
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        self.local_root.as_ref().map(|root| root.join(key))
    }

    /// Lists every object below `prefix` (a folder; empty for all), sorted by key. Objects with a path
    /// part below `prefix` that begins with `_` or `.` are left out; a missing prefix is an empty list.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the store's root is gone, [`StoreError::Object`] when listing fails.
    pub fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        let mut objects = self.list_all(prefix)?;
        let below = prefix.trim_matches('/').len();
        objects.retain(|object| !object.key[below..].split('/').any(is_hidden));
        Ok(objects)
    }

    /// Like [`Store::list`], hidden objects included.
    pub(crate) fn list_all(&self, prefix: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        if let Some(root) = &self.local_root {
            check_folder(root)?;
        }
        let path = object_key(prefix)?;
        // Page by page, each made small before the next one is asked for.
        let pages = || self.objects.list(Some(&path)).map_ok(|meta| self.listed(meta)).try_collect::<Vec<_>>();
        let mut objects =
            self.block_on(self.persistently(pages)).map_err(|source| self.failed("listing", prefix, source))?;
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    /// What the store knows of one object; `None` when there is no such object.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] or [`StoreError::Object`].
    pub fn head(&self, key: &str) -> Result<Option<ObjectInfo>, StoreError> {
        let path = object_key(key)?;
        match self.block_on(self.objects.head(&path)) {
            // A store below a prefix names the object as the whole bucket does.
            Ok(meta) => Ok(Some(ObjectInfo { key: key.to_owned(), ..meta.into() })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed("looking up", key, source)),
        }
    }

    /// Whether an object is still the one that a listing showed, as far as the store can tell.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it is not, [`StoreError::Object`] when the store cannot be asked.
    pub fn check_unchanged(&self, key: &str, size: u64, etag: Option<&str>) -> Result<(), StoreError> {
        let same = |now: ObjectInfo| now.size == size && (etag.is_none() || now.etag.as_deref() == etag);
        if self.head(key)?.is_some_and(same) {
            return Ok(());
        }
        Err(StoreError::Changed { store: self.label().to_owned(), key: key.to_owned() })
    }

    fn listed(&self, meta: ObjectMeta) -> ObjectInfo {
        let mut object = ObjectInfo::from(meta);
        if self.bare_etags {
            object.etag = object.etag.map(|etag| if etag.starts_with('"') { etag } else { format!("\"{etag}\"") });
        }
        object
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, [`StoreError::Object`] when reading fails.
    pub fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let path = object_key(key)?;
        self.block_on(async { self.objects.get(&path).await?.bytes().await })
            .map_err(|source| self.failed("reading", key, source))
    }

    /// Writes a whole object; readers see the old one or the new one, never a part.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] or [`StoreError::Object`].
    pub fn put(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let path = object_key(key)?;
        self.block_on(self.objects.put(&path, PutPayload::from_bytes(bytes)))
            .map(drop)
            .map_err(|source| self.failed("writing", key, source))
    }

    /// Like [`Store::put`], and on return the object also survives a loss of power. Object stores
    /// promise that anyway; a local file is flushed to the disk before it takes the old one's place.
    pub(crate) fn put_durably(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let Some(root) = &self.local_root else {
            return self.put(key, bytes);
        };
        let temporary = match key.rsplit_once('/') {
            Some((folder, name)) => format!("{folder}/.{name}.tmp"),
            None => format!(".{key}.tmp"),
        };
        self.put(&temporary, bytes)?;
        durable::sync_file(root, &temporary)?;
        self.rename(&temporary, key)?;
        durable::sync_folders(root, [key])
    }

    /// Deletes an object; one that is already gone is no error. Returns whether it was there.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] or [`StoreError::Object`].
    pub fn delete(&self, key: &str) -> Result<bool, StoreError> {
        let path = object_key(key)?;
        match self.block_on(self.persistently(|| self.objects.delete(&path))) {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(self.failed("deleting", key, source)),
        }
    }

    /// Deletes everything below a folder, hidden objects too; on a local file system the folder with it.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`], [`StoreError::Io`] or [`StoreError::Object`].
    pub fn remove_below(&self, folder: &str) -> Result<(), StoreError> {
        let path = object_key(folder)?;
        if let Some(root) = &self.local_root {
            return match std::fs::remove_dir_all(root.join(path.as_ref())) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(StoreError::io(format!("removing the folder `{folder}`"), error))
                }
                _ => Ok(()),
            };
        }
        for object in self.list_all(folder)? {
            self.delete(&object.key)?;
        }
        Ok(())
    }

    /// Moves an object, replacing what is at `to`. Atomic on a local file system; elsewhere a copy (itself
    /// atomic) followed by a deletion.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `from` is absent, else [`StoreError::Object`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        if self.local_root.is_none() {
            self.copy(from, to)?;
            return self.delete(from).map(drop);
        }
        let (source, target) = (object_key(from)?, object_key(to)?);
        self.block_on(self.objects.rename(&source, &target)).map_err(|source| self.failed("moving", from, source))
    }

    /// Copies an object, replacing what is at `to` in one step.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `from` is absent, else [`StoreError::Object`].
    pub fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let (source, target) = (object_key(from)?, object_key(to)?);
        self.block_on(self.objects.copy(&source, &target)).map_err(|source| self.failed("copying", from, source))
    }

    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    pub(crate) fn local_root(&self) -> Option<&Path> {
        self.local_root.as_deref()
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// How long to wait before each further attempt.
    pub(crate) fn pauses(&self) -> &'static [Duration] {
        self.pauses
    }

    /// Does something again when its connection broke, or an answer broke off, for a while: what the client itself does
    /// not send again, because it cannot know that it does no harm.
    pub(crate) async fn persistently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, object_store::Error>
    where
        F: Future<Output = Result<T, object_store::Error>>,
    {
        for pause in self.pauses {
            match attempt().await {
                Err(error @ object_store::Error::Generic { .. }) if Failure::of(&error, &[]).unanswered => {
                    tokio::time::sleep(*pause).await;
                }
                outcome => return outcome,
            }
        }
        attempt().await
    }

    /// Waits until one more range may be fetched. The semaphore is never closed.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the error is used up: it ends as part of another")]
    pub(crate) fn failed(&self, action: &'static str, key: &str, source: object_store::Error) -> StoreError {
        object_error(action, &self.label, key, &source, &self.secrets)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.label).finish()
    }
}

impl From<ObjectMeta> for ObjectInfo {
    fn from(meta: ObjectMeta) -> Self {
        Self {
            key: meta.location.to_string(),
            size: meta.size,
            etag: meta.e_tag,
            last_modified: jiff::Timestamp::from_microsecond(meta.last_modified.timestamp_micros())
                .unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        }
    }
}

pub(crate) fn object_key(key: &str) -> Result<Key, StoreError> {
    Key::parse(key).map_err(|error| StoreError::InvalidKey {
        key: key.to_owned(),
        role: "key",
        reason: error.to_string(),
    })
}

/// A path part that readers skip.
pub(crate) fn is_hidden(part: &str) -> bool {
    part.starts_with(['_', '.'])
}

fn check_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let what = format!("folder `{}`", folder.display());
    if folder.exists() {
        return Err(StoreError::Location {
            location: folder.display().to_string(),
            reason: "it is a file; a store is a folder".to_owned(),
        });
    }
    Err(StoreError::NotFound { what, hint: "; create it or correct the store's location".to_owned() })
}

fn object_error(
    action: &'static str,
    store: &str,
    key: &str,
    source: &object_store::Error,
    secrets: &[String],
) -> StoreError {
    let Failure { mut reason, help, no_bucket: is_bucket, .. } = Failure::of(source, secrets);
    match source {
        _ if is_bucket => no_bucket(store),
        object_store::Error::NotFound { .. } => {
            StoreError::NotFound { what: format!("`{key}` in store `{store}`"), hint: String::new() }
        }
        object_store::Error::Precondition { .. } => {
            StoreError::Changed { store: store.to_owned(), key: key.to_owned() }
        }
        _ => {
            if !help.is_empty() {
                reason.push_str("; ");
                reason.push_str(help);
            }
            StoreError::Object { action, key: key.to_owned(), store: store.to_owned(), reason }
        }
    }
}

fn no_bucket(store: &str) -> StoreError {
    StoreError::NotFound {
        what: format!("the bucket or container of store `{store}`"),
        hint: "; create it or correct the store's location".to_owned(),
    }
}
