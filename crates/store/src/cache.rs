use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{Store, StoreError};

/// Results that a later run may need again, each under a key that says all it depends on.
///
/// ```text
/// entries/ab/ab12….bin   one result: magic, its own key, length and SHA-256 of what follows, the result
/// used/<run>.txt         the keys that a run used, so that those that no run uses can be removed
/// ```
///
/// Nothing here needs repair: an entry that is damaged, or that was written under another key, is told apart from
/// one that is absent, and its result is computed anew. Cloning is cheap; clones share what they know was used.
#[derive(Debug, Clone)]
pub struct Cache {
    store: Store,
    used: Arc<Mutex<BTreeSet<CacheKey>>>,
}

/// The name of a result: a hash over everything that it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey([u8; 32]);

/// What the cache holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// The result.
    Hit(Bytes),
    /// Nothing.
    Miss,
    /// Something that is not the result, and why.
    Rejected(String),
}

/// What [`Cache::trim`] found and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Entries that stay.
    pub kept: usize,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Entries that no run of the time kept has used.
    pub removed: usize,
    /// Their bytes.
    pub removed_bytes: u64,
}

const MAGIC: &[u8; 8] = b"ABMARTC1";
/// Magic, key, length and hash.
const HEADER: usize = 8 + 32 + 8 + 32;
const ENTRIES: &str = "entries";
const USED: &str = "used";
/// An entry may belong to a run that is still under way, and is left alone for so long.
const GRACE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl CacheKey {
    /// The key of what depends on exactly these parts, in this order.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // With its length before it, no part can run into the next one.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }

    /// The key that a text names in hexadecimal; `None` when it names none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }

    fn object(&self) -> String {
        let name = self.to_string();
        format!("{ENTRIES}/{}/{name}.bin", &name[..2])
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Cache {
    /// A cache in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, used: Arc::default() }
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn label(&self) -> &str {
        self.store.label()
    }

    /// Reads the result under a key, and checks that it is that result and complete.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&self, key: CacheKey) -> Result<Cached, StoreError> {
        let bytes = match self.store.get(&key.object()) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(Cached::Miss),
            Err(error) => return Err(error),
        };
        Ok(match body(key, &bytes) {
            Ok(body) => {
                self.mark(key);
                Cached::Hit(body)
            }
            Err(reason) => Cached::Rejected(format!("`{}` in {}: {reason}", key.object(), self.label())),
        })
    }

    /// Keeps a result; one that is there already is replaced.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put(&self, key: CacheKey, result: &[u8]) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(HEADER + result.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(&(result.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&Sha256::digest(result));
        bytes.extend_from_slice(result);
        self.store.put(&key.object(), Bytes::from(bytes))?;
        self.mark(key);
        Ok(())
    }

    /// Says that a result counts as used although it was not read.
    pub fn mark(&self, key: CacheKey) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// Records what was used so far as used by run `run_id`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remember(&self, run_id: &str) -> Result<(), StoreError> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text: String = used.iter().map(CacheKey::to_string).collect::<Vec<_>>().join("\n");
        text.push('\n');
        self.store.put(&format!("{USED}/{run_id}.txt"), Bytes::from(text))
    }

    /// Removes entries that no run since `since` has used, and the records of older runs. Entries written within
    /// a day before `now` stay, for they may belong to a run under way. With `dry_run` nothing is removed, only counted.
    ///
    /// # Errors
    /// When the store cannot be read or written; calling it again is safe.
    pub fn trim(&self, since: jiff::Timestamp, now: jiff::Timestamp, dry_run: bool) -> Result<Trimmed, StoreError> {
        let mut used: BTreeSet<CacheKey> = BTreeSet::new();
        for record in self.store.list(USED)? {
            if record.last_modified >= since {
                let text = self.store.get(&record.key)?;
                used.extend(String::from_utf8_lossy(&text).lines().filter_map(CacheKey::parse));
            } else if !dry_run {
                self.store.delete(&record.key)?;
            }
        }
        let mut trimmed = Trimmed::default();
        for entry in self.store.list(ENTRIES)? {
            let name = entry.key.rsplit('/').next().and_then(|name| name.strip_suffix(".bin"));
            let in_use = name.and_then(CacheKey::parse).is_some_and(|key| used.contains(&key));
            if in_use || entry.last_modified.duration_until(now) < GRACE {
                trimmed.kept += 1;
                trimmed.kept_bytes += entry.size;
                continue;
            }
            trimmed.removed += 1;
            trimmed.removed_bytes += entry.size;
            if !dry_run {
                self.store.delete(&entry.key)?;
            }
        }
        Ok(trimmed)
    }
}

/// The result in an entry, or why it is none.
fn body(key: CacheKey, bytes: &Bytes) -> Result<Bytes, &'static str> {
    if bytes.len() < HEADER || &bytes[..8] != MAGIC {
        return Err("it is no entry of this cache, or of another version");
    }
    if bytes[8..40] != key.0 {
        return Err("it was written under another key");
    }
    let body = bytes.slice(HEADER..);
    if bytes[40..48] != (body.len() as u64).to_le_bytes() {
        return Err("it is cut short, or too long");
    }
    if bytes[48..HEADER] != Sha256::digest(&body)[..] {
        return Err("its checksum is wrong");
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use jiff::ToSpan as _;

    use super::*;

    fn cache(folder: &tempfile::TempDir) -> Cache {
        Cache::new(Store::open(".", folder.path(), true).unwrap())
    }

    fn key(text: &str) -> CacheKey {
        CacheKey::of([text])
    }

    #[test]
    fn a_result_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        assert_eq!(cache.get(key("a")).unwrap(), Cached::Miss);
        cache.put(key("a"), b"result").unwrap();
        assert_eq!(cache.get(key("a")).unwrap(), Cached::Hit(Bytes::from_static(b"result")));
        assert_eq!(cache.get(key("b")).unwrap(), Cached::Miss);
    }

    #[test]
    fn parts_of_a_key_do_not_run_into_each_other() {
        assert_ne!(CacheKey::of(["ab", "c"]), CacheKey::of(["a", "bc"]));
        assert_ne!(CacheKey::of(["ab"]), CacheKey::of(["ab", ""]));
        assert_eq!(CacheKey::parse(&key("a").to_string()), Some(key("a")));
        assert_eq!(CacheKey::parse("not a key"), None);
    }

    #[test]
    fn damage_is_told_apart_from_absence() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        cache.put(key("a"), b"result").unwrap();
        let whole = cache.store.get(&key("a").object()).unwrap();
        let flipped = {
            let mut bytes = whole.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        };
        for (damaged, reason) in [
            (flipped, "checksum"),
            (whole[..whole.len() - 1].to_vec(), "cut short"),
            (whole[..20].to_vec(), "no entry of this cache"),
            (Vec::new(), "no entry of this cache"),
            (
                b"something else entirely, and longer than a header is, so that its magic is looked at first".to_vec(),
                "no entry",
            ),
        ] {
            cache.store.put(&key("a").object(), Bytes::from(damaged)).unwrap();
            let Cached::Rejected(why) = cache.get(key("a")).unwrap() else { unreachable!("damage passed: {reason}") };
            assert!(why.contains(reason), "{why}");
        }
    }

    #[test]
    fn an_entry_copied_under_another_key_is_foreign() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        cache.put(key("a"), b"result").unwrap();
        cache.store.copy(&key("a").object(), &key("b").object()).unwrap();
        assert!(matches!(cache.get(key("b")).unwrap(), Cached::Rejected(why) if why.contains("another key")));
    }

    #[test]
    fn what_no_run_uses_goes_and_what_is_new_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = cache(&folder);
        first.put(key("old"), b"1").unwrap();
        first.put(key("kept"), b"2").unwrap();
        first.remember("run-1").unwrap();
        let second = cache(&folder);
        second.get(key("kept")).unwrap();
        let now = jiff::Timestamp::now();
        // Everything is new, so nothing goes.
        assert_eq!(second.trim(now, now, false).unwrap().removed, 0);
        let later = now + 48.hours();
        first.remember("run-1").unwrap();
        // The clock of the file system may lag a little behind.
        let a_moment = std::time::Duration::from_millis(50);
        std::thread::sleep(a_moment);
        let since = jiff::Timestamp::now();
        std::thread::sleep(a_moment);
        // File systems date by a clock that lags behind by some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        second.remember("run-2").unwrap();
        let counted = second.trim(since, later, true).unwrap();
        assert_eq!((counted.kept, counted.removed), (1, 1));
        assert_eq!(second.trim(since, later, false).unwrap(), counted);
        assert_eq!(second.get(key("old")).unwrap(), Cached::Miss);
        assert_eq!(second.get(key("kept")).unwrap(), Cached::Hit(Bytes::from_static(b"2")));
        assert_eq!(second.store.list(USED).unwrap().len(), 1);
    }
}
