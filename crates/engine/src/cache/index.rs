//! What is known of many results, in one entry: a run reads it first, and the results themselves only where it must.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use abmart_store::CacheKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RunCache;
use crate::error::EngineError;

/// Name → what is known of it, from earlier runs and of this one.
pub struct Index<'a, T> {
    cache: &'a RunCache,
    key: CacheKey,
    known: BTreeMap<String, T>,
    current: Mutex<BTreeMap<String, T>>,
}

impl<'a, T: Clone + PartialEq + Serialize + DeserializeOwned> Index<'a, T> {
    /// What earlier runs kept under a key.
    #[must_use]
    pub fn open(cache: &'a RunCache, key: CacheKey) -> Self {
        Self { cache, key, known: cache.meta(key).unwrap_or_default(), current: Mutex::default() }
    }

    /// What an earlier run knew of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.known.get(name)
    }

    /// Says what this run knows of a name.
    pub fn remember(&self, name: String, what: T) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).insert(name, what);
    }

    /// Keeps what this run knows, where it differs from what was known. Names that this run did not meet are forgotten,
    /// unless it looks at a part only.
    ///
    /// # Errors
    /// When it cannot be written down; that the cache cannot be reached is none.
    pub fn close(self) -> Result<(), EngineError> {
        let mut current = self.current.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.cache.is_for_part() {
            let others = self.known.iter().map(|(name, what)| (name.clone(), what.clone()));
            let met = std::mem::take(&mut current);
            current = others.chain(met).collect();
        }
        if self.cache.keeps() && current != self.known {
            self.cache.keep(self.key, &current, &[])?;
        }
        Ok(())
    }
}
