//! What a run keeps for later ones: what came of the files of the lake, under a key of all it depends on.
//!
//! A cache never decides what is right, only what need not be computed again: an entry that is absent, damaged or foreign
//! is computed anew, and a cache store that fails is done without.

pub(crate) mod content;
pub mod index;
pub mod pack;
pub(crate) mod trace;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use abmart_store::{Bytes, Cache, CacheKey, Cached};
use polars::prelude::DataFrame;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codes;
use crate::error::EngineError;

/// Part of every key: what other code has computed is not reused.
const VERSION: &str = concat!("abmart ", env!("CARGO_PKG_VERSION"), " ", env!("ABMART_CODE"));

/// The cache as a run uses it.
#[derive(Debug, Default)]
pub struct RunCache {
    cache: Option<Cache>,
    /// Whether entries are read; a full run only writes them.
    reads: bool,
    /// Whether what is known of names is only added to, never replaced.
    visits: bool,
    /// Set once the store failed: a run does not wait for it twice.
    lost: AtomicBool,
    /// Set once a result that the cache was said to hold was gone.
    distrusted: AtomicBool,
    files: Counter,
    periods: Counter,
    rejected: Mutex<Vec<String>>,
}

/// How far the cache helped a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CacheReport {
    /// Files of the lake: what rollups make of them, and snapshots that are not the newest.
    pub files: Reuse,
    /// Closed periods: their facts, and what they add to the cube.
    pub periods: Reuse,
    /// Entries that were damaged or foreign, and why; their results were computed anew.
    pub rejected: Vec<String>,
}

/// Results reused and computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reuse {
    /// Taken from the cache.
    pub reused: u64,
    /// Computed by this run.
    pub computed: u64,
}

/// Counts reuse from several threads.
#[derive(Debug, Default)]
struct Counter {
    reused: AtomicU64,
    computed: AtomicU64,
}

impl Counter {
    fn count(&self, number: u64, reused: bool) {
        let counter = if reused { &self.reused } else { &self.computed };
        counter.fetch_add(number, Ordering::Relaxed);
    }

    fn reuse(&self) -> Reuse {
        Reuse { reused: self.reused.load(Ordering::Relaxed), computed: self.computed.load(Ordering::Relaxed) }
    }
}

impl RunCache {
    /// Keeps results in `cache`; with `full` none is taken from it.
    #[must_use]
    pub fn new(cache: Cache, full: bool) -> Self {
        Self { cache: Some(cache), reads: !full, ..Self::default() }
    }

    /// The same for a computation that is no night of its own: what it adds may be used by others, but what nights know of
    /// files and periods stays as it is.
    #[must_use]
    pub fn visiting(self) -> Self {
        Self { visits: true, ..self }
    }

    /// Keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether results are kept at all.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.cache.is_some() && !self.lost.load(Ordering::Relaxed)
    }

    /// Whether what is known of names is only added to.
    pub(crate) fn visits(&self) -> bool {
        self.visits
    }

    /// Whether what the cache is said to hold need not be looked at before it is used.
    #[must_use]
    pub fn trusts(&self) -> bool {
        !self.distrusted.load(Ordering::Relaxed)
    }

    /// From now on everything is looked at before the run relies on it. Whether that is new.
    pub fn distrust(&self) -> bool {
        !self.distrusted.swap(true, Ordering::Relaxed)
    }

    /// What is kept under a key.
    pub fn bytes(&self, key: CacheKey) -> Option<Bytes> {
        let cache = self.cache.as_ref().filter(|_| self.reads && self.keeps())?;
        match cache.get(key) {
            Ok(Cached::Hit(bytes)) => Some(bytes),
            Ok(Cached::Miss) => None,
            Ok(Cached::Rejected(why)) => {
                self.reject(why);
                None
            }
            Err(error) => {
                self.lose(&error);
                None
            }
        }
    }

    /// The frames under a key, with what is said of them.
    pub fn frames<T: DeserializeOwned>(&self, key: CacheKey) -> Option<(T, Vec<DataFrame>)> {
        self.understood(key, &self.bytes(key)?, pack::unpack)
    }

    /// What is said of the frames under a key.
    pub fn meta<T: DeserializeOwned>(&self, key: CacheKey) -> Option<T> {
        self.understood(key, &self.bytes(key)?, pack::meta)
    }

    /// Keeps frames with what is said of them.
    ///
    /// # Errors
    /// When a frame has a type that cannot be kept.
    pub fn keep<T: Serialize>(&self, key: CacheKey, meta: &T, frames: &[DataFrame]) -> Result<(), EngineError> {
        let Some(cache) = self.cache.as_ref().filter(|_| self.keeps()) else { return Ok(()) };
        if let Err(error) = cache.put(key, &pack::pack(meta, frames)?) {
            self.lose(&error);
        }
        Ok(())
    }

    /// Rows of a result that were set aside.
    pub fn set_aside(&self, of: CacheKey) -> Option<Vec<DataFrame>> {
        let ((), frames) = self.frames(aside_key(of))?;
        Some(frames)
    }

    /// Keeps rows of a result that were set aside, their texts plain as they are shown.
    ///
    /// # Errors
    /// As [`RunCache::keep`].
    pub fn keep_aside(&self, of: CacheKey, rows: &[DataFrame]) -> Result<(), EngineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let plain = rows.iter().map(|rows| codes::plain(rows.clone())).collect::<Result<Vec<_>, _>>()?;
        self.keep(aside_key(of), &(), &plain)
    }

    /// Says that a result counts as used although it was not read.
    pub fn mark(&self, key: CacheKey) {
        if let Some(cache) = &self.cache {
            cache.mark(key);
        }
    }

    /// Counts what came of files.
    pub fn count_files(&self, number: usize, reused: bool) {
        self.files.count(number as u64, reused);
    }

    /// Counts what came of a closed period.
    pub fn count_period(&self, reused: bool) {
        self.periods.count(1, reused);
    }

    /// How far the cache helped so far.
    #[must_use]
    pub fn report(&self) -> CacheReport {
        CacheReport {
            files: self.files.reuse(),
            periods: self.periods.reuse(),
            rejected: self.rejected.lock().map(|rejected| rejected.clone()).unwrap_or_default(),
        }
    }

    /// Records what run `run_id` used, so that it outlives the next clean-up.
    pub fn remember(&self, run_id: &str) {
        if let Some(cache) = self.cache.as_ref().filter(|_| self.keeps())
            && let Err(error) = cache.remember(run_id)
        {
            self.lose(&error);
        }
    }

    fn understood<T>(
        &self,
        key: CacheKey,
        bytes: &Bytes,
        read: impl Fn(&Bytes) -> Result<T, EngineError>,
    ) -> Option<T> {
        read(bytes).map_err(|error| self.reject(format!("`{key}`: {error}"))).ok()
    }

    fn reject(&self, why: String) {
        tracing::warn!(why, "a cache entry was rejected; its result is computed anew");
        if let Ok(mut rejected) = self.rejected.lock() {
            rejected.push(why);
        }
    }

    fn lose(&self, error: &abmart_store::StoreError) {
        if !self.lost.swap(true, Ordering::Relaxed) {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(%error, cause, "the cache cannot be used; this run goes on without it");
        }
    }
}

/// The key of what depends on these parts, and on the version of this program.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> CacheKey {
    CacheKey::of(std::iter::once(VERSION).chain(parts))
}

fn aside_key(of: CacheKey) -> CacheKey {
    key(["rows set aside", &of.to_string()])
}
