use std::fmt;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{GetOptions, GetRange, ObjectStore as _};

use crate::layout;
use crate::store::object_key;
use crate::{ParquetFooter, Store, StoreError};

/// An object that a reader of local files can read: the file itself, or a copy of what is needed of it, which goes when
/// this is dropped.
pub struct LocalFile {
    path: PathBuf,
    origin: Origin,
}

/// Which version of an object is meant.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its e-tag, where the store says it.
    pub etag: Option<&'a str>,
}

enum Origin {
    /// The store is a folder, and this its file.
    Own { store: Store, key: String, size: u64, etag: Option<String> },
    /// Copied from elsewhere.
    Copied,
}

/// Ranges of one request at most; more go over several connections at once.
const PIECE: u64 = 8 << 20;
/// How many ranges of a file are under way at once; those of all files share the store's own limit.
const PIECES: usize = 8;
/// How often an answer may break off without having brought anything.
const ATTEMPTS: u32 = 3;
/// Tells apart the copies of a process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Store {
    /// Makes a Parquet file readable as a local file, as far as the columns go that `columns` accepts.
    ///
    /// Of a remote file the column chunks, the page indexes and the footer are fetched, several at once, and written at
    /// their own offsets into a sparse file below `scratch`: a reader that projects on those columns finds all that it
    /// looks at, and must not look at others.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the object is another version than the one meant, [`StoreError::NotFound`] when it
    /// is gone, [`StoreError::Io`] when the copy cannot be written, [`StoreError::Object`] when it cannot be fetched
    /// whole.
    pub fn local_file(
        &self,
        version: Version<'_>,
        footer: &ParquetFooter,
        columns: impl Fn(&str) -> bool,
        scratch: &Path,
    ) -> Result<LocalFile, StoreError> {
        let etag = version.etag.or(footer.etag.as_deref());
        let wanted = footer.columns.iter().map(|column| columns(&column.name));
        self.localised(Version { etag, ..version }, scratch, |size| footer.layout.ranges(wanted, size))
    }

    /// Makes a whole object readable as a local file.
    ///
    /// # Errors
    /// As [`Store::local_file`].
    pub fn local_copy(&self, key: &str, scratch: &Path) -> Result<LocalFile, StoreError> {
        let Some(object) = self.head(key)? else {
            return Err(StoreError::NotFound {
                what: format!("`{key}` in store `{}`", self.label()),
                hint: String::new(),
            });
        };
        let version = Version { key, size: object.size, etag: object.etag.as_deref() };
        self.localised(version, scratch, |size| std::iter::once(0..size).collect())
    }

    fn localised(
        &self,
        version: Version<'_>,
        scratch: &Path,
        ranges: impl FnOnce(u64) -> Vec<Range<u64>>,
    ) -> Result<LocalFile, StoreError> {
        let Version { key, size, etag } = version;
        if let Some(path) = self.local_path(key) {
            let (store, key, etag) = (self.clone(), key.to_owned(), etag.map(str::to_owned));
            return Ok(LocalFile { path, origin: Origin::Own { store, key, size, etag } });
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = scratch.join(format!("fetched-{}-{number}.parquet", std::process::id()));
        let failed = |source| StoreError::io(format!("writing `{}`", path.display()), source);
        fs::create_dir_all(scratch).map_err(failed)?;
        let file = File::create_new(&path).map_err(failed)?;
        // From here on the copy goes with its owner, also when something fails.
        let local = LocalFile { path: path.clone(), origin: Origin::Copied };
        file.set_len(size).map_err(failed)?;
        let fetch = Fetch { store: self, version, path: &path, file: Mutex::new(file) };
        self.block_on(fetch.all(layout::pieces(ranges(size), PIECE)))?;
        Ok(local)
    }
}

impl LocalFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// To be asked once everything was read: whether that was of the version meant. A copy always is.
    ///
    /// # Errors
    /// As [`Store::check_unchanged`].
    pub fn check_unchanged(&self) -> Result<(), StoreError> {
        match &self.origin {
            Origin::Own { store, key, size, etag } => store.check_unchanged(key, *size, etag.as_deref()),
            Origin::Copied => Ok(()),
        }
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if matches!(self.origin, Origin::Copied) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl fmt::Debug for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalFile").field(&self.path).finish()
    }
}

/// An object on its way into a file.
struct Fetch<'a> {
    store: &'a Store,
    version: Version<'a>,
    path: &'a Path,
    file: Mutex<File>,
}

impl Fetch<'_> {
    async fn all(&self, pieces: Vec<Range<u64>>) -> Result<(), StoreError> {
        stream::iter(pieces).map(|piece| self.piece(piece)).buffer_unordered(PIECES).try_collect::<()>().await
    }

    /// Fetches a range whole. The client itself goes on where an answer broke off, as long as its patience lasts; where
    /// it takes a short answer for a whole one, or has just run out of patience, it is asked for the rest.
    async fn piece(&self, piece: Range<u64>) -> Result<(), StoreError> {
        let _turn = self.store.turn().await;
        let (mut at, mut fruitless) = (piece.start, 0);
        while at < piece.end {
            let before = at;
            let outcome = self.stream(&mut at, piece.end).await;
            if at == before {
                fruitless += 1;
            }
            match outcome {
                // A failure after the last byte is none.
                _ if at == piece.end => {}
                Err(error @ StoreError::Object { .. }) if at == before || fruitless == ATTEMPTS => return Err(error),
                Ok(()) if fruitless == ATTEMPTS => {
                    return Err(StoreError::Object {
                        action: "reading",
                        key: self.version.key.to_owned(),
                        store: self.store.label().to_owned(),
                        reason: format!("it breaks off at byte {at} of {}", self.version.size),
                    });
                }
                Ok(()) | Err(StoreError::Object { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Writes an answer to the file as it comes; `at` is how far it came.
    async fn stream(&self, at: &mut u64, end: u64) -> Result<(), StoreError> {
        let Version { key, size, etag } = self.version;
        let failed = |source| self.store.failed("reading", key, source);
        let options = GetOptions {
            range: Some(GetRange::Bounded(*at..end)),
            if_match: etag.map(str::to_owned),
            ..GetOptions::default()
        };
        let answer = self.store.objects().get_opts(&object_key(key)?, options).await.map_err(failed)?;
        // Not every server looks at the condition.
        if answer.meta.size != size || etag.is_some_and(|etag| answer.meta.e_tag.as_deref() != Some(etag)) {
            return Err(StoreError::Changed { store: self.store.label().to_owned(), key: key.to_owned() });
        }
        let mut parts = answer.into_stream();
        while let Some(part) = parts.try_next().await.map_err(failed)? {
            let fits = usize::try_from(end - *at).unwrap_or(usize::MAX).min(part.len());
            self.write(*at, &part[..fits])?;
            *at += fits as u64;
        }
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.write_all(bytes))
            .map_err(|source| StoreError::io(format!("writing `{}`", self.path.display()), source))
    }
}
