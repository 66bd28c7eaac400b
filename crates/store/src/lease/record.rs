use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::LEASE_KEY;
use crate::process::Process;
use crate::swap::Tag;
use crate::{Store, StoreError};

/// The lease as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// The version of this record's form.
    pub version: u32,
    /// Grows by one with every holder, so that what a former one writes can be told from what the present one does.
    pub token: u64,
    /// The run that holds it.
    pub run_id: String,
    /// The process of that run.
    pub process: Process,
    /// Since when it is held.
    pub since: Timestamp,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
    /// Whether it was given back.
    pub released: bool,
}

impl LeaseRecord {
    /// Whether another run has to wait: it was neither given back nor has its time run out, and its process is not
    /// known to be dead.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.released && self.until > Timestamp::now() && !self.process.is_surely_dead()
    }
}

impl fmt::Display for LeaseRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} (process {} on {})", self.run_id, self.process.pid, self.process.host)
    }
}

impl Store {
    /// The lease of this store as it stands; `None` when nobody ever had it.
    ///
    /// # Errors
    /// [`StoreError::Record`] when it is damaged, else the store's own failures.
    pub fn lease(&self) -> Result<Option<LeaseRecord>, StoreError> {
        Ok(self.tagged_lease()?.map(|(record, _)| record))
    }

    pub(super) fn tagged_lease(&self) -> Result<Option<(LeaseRecord, Tag)>, StoreError> {
        let Some((bytes, tag)) = self.get_tagged(LEASE_KEY)? else { return Ok(None) };
        let record: LeaseRecord =
            serde_json::from_slice(&bytes).map_err(|error| self.bad_record(LEASE_KEY, error.to_string()))?;
        self.check_version(LEASE_KEY, record.version)?;
        Ok(Some((record, tag)))
    }

    pub(super) fn held_by(&self, record: &LeaseRecord) -> StoreError {
        StoreError::LeaseHeld {
            store: self.label().to_owned(),
            holder: record.to_string(),
            since: record.since.strftime("%FT%TZ").to_string(),
            until: record.until.strftime("%FT%TZ").to_string(),
        }
    }
}
