//! Writing a small record only if nobody else has written it in the meantime.
//!
//! Object stores offer this as conditional puts. A local file system has no such thing: there, writers of one folder
//! take turns by a lock of the operating system, and the one whose turn it is compares before it writes.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion};

use crate::store::object_key;
use crate::{Store, StoreError};

/// What a store calls one version of an object.
pub(crate) type Tag = UpdateVersion;

/// What became of a conditional write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Swap {
    /// It was made; this is what the store calls the new version.
    Done(Tag),
    /// The object is not in the version that was expected; nothing was written.
    Changed,
}

/// The file that writers of a local folder lock.
const LOCK_FILE: &str = "_abmart/.lock";
/// How long to wait for another writer of a local folder, who needs it for one small file only.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

impl Store {
    /// Reads an object together with what the store calls this version of it; `None` when there is none.
    pub(crate) fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, StoreError> {
        let path = object_key(key)?;
        let read = async {
            let result = self.objects().get(&path).await?;
            let tag = Tag { e_tag: result.meta.e_tag.clone(), version: result.meta.version.clone() };
            Ok((result.bytes().await?, tag))
        };
        match self.block_on(read) {
            Ok(read) => Ok(Some(read)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed("reading", key, source)),
        }
    }

    /// Replaces an object if it is still the version `expected`; with `None`, writes it if there is none. The bytes
    /// must be such that no other writer would write the same: an answer that was lost on its way is told by them.
    ///
    /// # Errors
    /// [`StoreError::NoConditionalPut`] when the store cannot do this, else the store's own failures.
    pub(crate) fn swap(&self, key: &str, expected: Option<&Tag>, bytes: Bytes) -> Result<Swap, StoreError> {
        if let Some(root) = self.local_root() {
            let _turn = self.lock(root)?;
            let found = self.head(key)?.map(|object| object.etag);
            if found != expected.map(|tag| tag.e_tag.clone()) {
                return Ok(Swap::Changed);
            }
            self.put_durably(key, bytes)?;
            let written = self.head(key)?.and_then(|object| object.etag);
            return Ok(Swap::Done(Tag { e_tag: written, version: None }));
        }
        let mode = expected.map_or(PutMode::Create, |tag| PutMode::Update(tag.clone()));
        Ok(self.put_if(key, &mode, &bytes)?.map_or(Swap::Changed, Swap::Done))
    }

    /// Writes an object whatever is there.
    pub(crate) fn put_tagged(&self, key: &str, bytes: Bytes) -> Result<Tag, StoreError> {
        self.put_durably(key, bytes)?;
        let written = self.head(key)?;
        Ok(Tag { e_tag: written.and_then(|object| object.etag), version: None })
    }

    /// Finds out by trying whether the store refuses a conditional put whose condition does not hold. `name` is that of
    /// an object that no other process uses.
    ///
    /// # Errors
    /// [`StoreError::NoConditionalPut`] when it does not, else the store's own failures.
    pub(crate) fn probe_conditional_puts(&self, name: &str) -> Result<(), StoreError> {
        if let Some(root) = self.local_root() {
            return self.lock(root).map(drop);
        }
        let key = format!("{PROBES}/{name}");
        let outcome = self.probe(&key);
        self.delete(&key)?;
        outcome
    }

    fn probe(&self, key: &str) -> Result<(), StoreError> {
        let refused = |reason: &str| self.no_conditional_put(reason);
        // Never the same content twice: in many stores it gives the e-tag.
        let now = jiff::Timestamp::now().as_nanosecond();
        let put = |mode: PutMode, content: &str| self.put_if(key, &mode, &Bytes::from(format!("{content} {now}")));
        // One that a killed run of the same name left is as good as one just written.
        let _ = put(PutMode::Create, "first")?;
        if put(PutMode::Create, "second")?.is_some() {
            return Err(refused("it overwrites an object that was to be created only if absent"));
        }
        let Some((_, tag)) = self.get_tagged(key)? else {
            return Err(refused("an object that was just written cannot be read"));
        };
        if tag.e_tag.is_none() && tag.version.is_none() {
            return Err(refused("it has no e-tags"));
        }
        if put(PutMode::Update(tag.clone()), "third")?.is_none() {
            return Err(refused("it does not replace an object whose e-tag is the one named"));
        }
        if put(PutMode::Update(tag), "fourth")?.is_some() {
            return Err(refused("it replaces an object whose e-tag is another than the one named"));
        }
        Ok(())
    }

    /// A put with a condition; `None` when the store says that the condition does not hold. The bytes are such that
    /// nobody else writes the same.
    ///
    /// The client does not send a request of this kind again when its connection breaks, because it may have arrived.
    /// Here that does no harm: whether an earlier attempt arrived is told by what is there.
    fn put_if(&self, key: &str, mode: &PutMode, bytes: &Bytes) -> Result<Option<Tag>, StoreError> {
        use object_store::Error;
        let path = object_key(key)?;
        let put = || {
            let payload = PutPayload::from_bytes(bytes.clone());
            self.objects().put_opts(&path, payload, PutOptions::from(mode.clone()))
        };
        match self.block_on(self.persistently(put)) {
            Ok(result) => Ok(Some(result.into())),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                let there = self.get_tagged(key)?;
                Ok(there.filter(|(found, _)| found == bytes).map(|(_, tag)| tag))
            }
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                Err(self.no_conditional_put("it has none"))
            }
            Err(source) => Err(self.failed("writing", key, source)),
        }
    }

    fn no_conditional_put(&self, reason: &str) -> StoreError {
        StoreError::NoConditionalPut { store: self.label().to_owned(), reason: reason.to_owned() }
    }

    /// Waits for this process's turn among the writers of a local folder; it ends when the file is dropped, or the
    /// process is dead.
    fn lock(&self, root: &Path) -> Result<File, StoreError> {
        let path = root.join(LOCK_FILE);
        let what = || format!("locking `{}`", path.display());
        let open = || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            File::options().create(true).truncate(false).write(true).open(&path)
        };
        let file = open().map_err(|source| StoreError::io(what(), source))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    let held = std::io::Error::new(std::io::ErrorKind::TimedOut, "another process holds it");
                    return Err(StoreError::io(what(), held));
                }
                Err(std::fs::TryLockError::Error(source)) if source.kind() == std::io::ErrorKind::Unsupported => {
                    return Err(self.no_conditional_put("its file system has no locks"));
                }
                Err(std::fs::TryLockError::Error(source)) => return Err(StoreError::io(what(), source)),
            }
        }
    }
}

/// Where conditional puts are tried out.
pub(crate) const PROBES: &str = "_abmart/probes";
