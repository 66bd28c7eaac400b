//! Small JSON records beside the marts: each an object of its own, replaced in one step.

use abmart_store::{Bytes, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a record; none where there is none, or where it is damaged, which is said.
///
/// # Errors
/// When the store cannot be read.
pub fn get<T: DeserializeOwned>(store: &Store, key: &str) -> Result<Option<T>, StoreError> {
    match store.get(key) {
        Ok(text) => Ok(parsed(key, &text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A record from its text; none where it is damaged, which is said.
pub fn parsed<T: DeserializeOwned>(key: &str, text: &[u8]) -> Option<T> {
    match serde_json::from_slice(text) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::warn!(key, "a record is damaged and counts as none: {error}");
            None
        }
    }
}

/// Writes a record.
///
/// # Errors
/// When the store cannot be written.
pub fn put(store: &Store, key: &str, record: &impl Serialize) -> Result<(), StoreError> {
    // Plain data without maps of odd keys always has a JSON form.
    store.put(key, Bytes::from(serde_json::to_vec_pretty(record).unwrap_or_default()))
}
