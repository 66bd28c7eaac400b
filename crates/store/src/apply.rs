//! Carrying out what an intent record says, step by step, each of which may have been made already.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;
use sha2::{Digest as _, Sha256};

use crate::manifest::{INTENT_KEY, Intent, IntentRecord, MANIFEST_KEY, Move, VERSION, json};
use crate::store::object_key;
use crate::swap::{Swap, Tag};
use crate::{Lease, Manifest, MartFormat, ObjectInfo, Store, StoreError, delta, durable};

/// How many files are moved, looked up or deleted at once, and how often another writer may come first.
const AT_ONCE: usize = 8;
const ATTEMPTS: usize = 5;

impl Lease {
    /// Carries out an intent; steps that are done already are passed over. `before` is what the store calls the manifest
    /// that it replaces.
    pub(crate) fn apply(&self, intent: &Intent, before: Option<&Tag>) -> Result<Manifest, StoreError> {
        let store = self.store();
        let mut manifest = intent.manifest.clone();
        for moves in intent.moves.chunks(AT_ONCE) {
            self.check()?;
            let placed = store.all_at_once(moves, |step| store.place(step))?;
            for (step, object) in moves.iter().zip(placed) {
                let files = manifest.files_mut().filter(|file| file.key == step.to);
                files.for_each(|file| file.etag.clone_from(&object.etag));
            }
        }
        for name in &intent.tables {
            if let Some(mart) = manifest.marts.get_mut(name).filter(|mart| mart.format == MartFormat::Delta) {
                mart.delta_version = Some(delta::commit(self, name, mart)?);
            }
        }
        if !intent.deletes.is_empty() {
            self.renew()?;
        }
        for keys in intent.deletes.chunks(AT_ONCE) {
            self.check()?;
            store.delete_all(keys)?;
        }
        if let Some(root) = store.local_root() {
            // All of the manifest's files: one moved before a kill may not have reached the disk yet.
            let files = manifest.files().map(|file| &file.key);
            durable::sync_folders(root, files.chain(&intent.deletes).map(String::as_str))?;
        }
        self.add_etags(&mut manifest)?;
        self.write_manifest(&manifest, before)?;
        self.close_intent(&manifest.run_id)?;
        for name in &intent.tables {
            delta::checkpoint(store, name, &manifest);
        }
        Ok(manifest)
    }

    /// The last steps of a publication, when the manifest is in place.
    pub(crate) fn close_intent(&self, run_id: &str) -> Result<(), StoreError> {
        self.write_intent(None)?;
        self.store().discard_staging(run_id)
    }

    /// Asks for the e-tags of files that a run before has moved.
    fn add_etags(&self, manifest: &mut Manifest) -> Result<(), StoreError> {
        for file in manifest.files_mut().filter(|file| file.etag.is_none()) {
            file.etag = self.store().head(&file.key)?.and_then(|object| object.etag);
        }
        Ok(())
    }

    fn write_manifest(&self, manifest: &Manifest, before: Option<&Tag>) -> Result<(), StoreError> {
        let store = self.store();
        let bytes = json(MANIFEST_KEY, store, manifest)?;
        if !self.is_guarded() {
            return store.put_tagged(MANIFEST_KEY, bytes).map(drop);
        }
        self.check()?;
        if store.swap(MANIFEST_KEY, before, bytes)? != Swap::Changed {
            return Ok(());
        }
        // Someone was faster: with the same publication, which is as good, or with another.
        match store.manifest()? {
            Some(found) if found.run_id == manifest.run_id && found.published_at == manifest.published_at => Ok(()),
            found => Err(self.lost_to(found.map_or_else(String::new, |found| found.run_id))),
        }
    }

    /// Makes the intent record this lease's own, so that no former holder can write it any more.
    pub(crate) fn fence(&self) -> Result<(), StoreError> {
        if !self.is_guarded() {
            return Ok(());
        }
        let store = self.store();
        for _ in 0..ATTEMPTS {
            let (open, tag) = match store.tagged_intent()? {
                Some((record, tag)) => (record.open, Some(tag)),
                None => (None, None),
            };
            let record = IntentRecord { version: VERSION, token: self.token(), run_id: self.run_id().to_owned(), open };
            if let Swap::Done(tag) = store.swap(INTENT_KEY, tag.as_ref(), json(INTENT_KEY, store, &record)?)? {
                *self.intent_tag() = Some(tag);
                return Ok(());
            }
        }
        Err(self.lost_to("a run that goes on writing".to_owned()))
    }

    /// The publication that is not finished.
    pub(crate) fn open_intent(&self) -> Result<Option<Intent>, StoreError> {
        let Some((record, tag)) = self.store().tagged_intent()? else { return Ok(None) };
        if self.is_guarded() && record.token != self.token() {
            return Err(self.lost_to(record.run_id));
        }
        *self.intent_tag() = Some(tag);
        Ok(record.open)
    }

    pub(crate) fn write_intent(&self, open: Option<&Intent>) -> Result<(), StoreError> {
        let store = self.store();
        let record = IntentRecord {
            version: VERSION,
            token: self.token(),
            run_id: self.run_id().to_owned(),
            open: open.cloned(),
        };
        let bytes = json(INTENT_KEY, store, &record)?;
        if !self.is_guarded() {
            return store.put_tagged(INTENT_KEY, bytes).map(drop);
        }
        for _ in 0..ATTEMPTS {
            let tag = self.intent_tag().clone();
            match store.swap(INTENT_KEY, tag.as_ref(), bytes.clone())? {
                Swap::Done(tag) => {
                    *self.intent_tag() = Some(tag);
                    return Ok(());
                }
                // An attempt of this process may have arrived although the store had said that it failed; any other
                // writer is one that has taken the lease.
                Swap::Changed => drop(self.open_intent()?),
            }
        }
        Err(self.lost_to("a run that goes on writing".to_owned()))
    }
}

impl Store {
    /// Puts a staged file into its place and gives what the store knows of it there.
    ///
    /// A local file is moved, in one step. In an object store it is copied, and what was staged goes when all is done:
    /// as long as the publication may have to be finished by another run, both are there to be compared.
    async fn place(&self, step: &Move) -> Result<ObjectInfo, StoreError> {
        let (from, to) = (object_key(&step.from)?, object_key(&step.to)?);
        let moved = if self.local_root().is_some() {
            self.objects().rename(&from, &to).await
        } else {
            self.objects().copy(&from, &to).await
        };
        match moved {
            Ok(()) => {}
            Err(object_store::Error::NotFound { .. }) if self.holds(&step.to, step).await? => {}
            Err(source) => return Err(self.failed("moving", &step.from, source)),
        }
        match self.look_up(&step.to).await? {
            Some(object) if object.size == step.size => Ok(object),
            _ => Err(StoreError::Changed { store: self.label().to_owned(), key: step.to.clone() }),
        }
    }

    /// Whether the object `key` has exactly the bytes that `step` moves: known by its e-tag, else read.
    pub(crate) async fn holds(&self, key: &str, step: &Move) -> Result<bool, StoreError> {
        let Some(object) = self.look_up(key).await?.filter(|object| object.size == step.size) else {
            return Ok(false);
        };
        if step.etag.is_some() && object.etag == step.etag {
            return Ok(true);
        }
        let path = object_key(key)?;
        let hash = async {
            let mut hash = Sha256::new();
            let mut parts = self.objects().get(&path).await?.into_stream();
            while let Some(part) = parts.try_next().await? {
                hash.update(&part);
            }
            Ok::<_, object_store::Error>(hash.finalize())
        };
        let hash = hash.await.map_err(|source| self.failed("reading", key, source))?;
        Ok(format!("{hash:x}") == step.sha256)
    }

    /// Whether the object `key` is, by its e-tag, the file that was staged; `false` where that cannot be told without
    /// reading it.
    pub(crate) async fn is_staged_version(&self, key: &str, step: &Move) -> Result<bool, StoreError> {
        Ok(step.etag.is_some()
            && self.look_up(key).await?.is_some_and(|object| object.size == step.size && object.etag == step.etag))
    }

    /// As [`Store::head`], for several at once.
    pub(crate) async fn look_up(&self, key: &str) -> Result<Option<ObjectInfo>, StoreError> {
        match self.objects().head(&object_key(key)?).await {
            Ok(meta) => Ok(Some(ObjectInfo { key: key.to_owned(), ..meta.into() })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed("looking up", key, source)),
        }
    }

    /// Deletes objects; those that are gone already are no error.
    pub(crate) fn delete_all(&self, keys: &[String]) -> Result<(), StoreError> {
        let delete = |key: &String| {
            let key = key.clone();
            async move {
                let path = object_key(&key)?;
                match self.persistently(|| self.objects().delete(&path)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(source) => Err(self.failed("deleting", &key, source)),
                }
            }
        };
        self.all_at_once(keys, delete).map(drop)
    }

    /// Does the same with each of several things, some at a time; the results come in their order.
    pub(crate) fn all_at_once<'a, I, T, F>(
        &self,
        items: &'a [I],
        work: impl Fn(&'a I) -> F,
    ) -> Result<Vec<T>, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.block_on(stream::iter(items).map(work).buffered(AT_ONCE).try_collect())
    }
}
