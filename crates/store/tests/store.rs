//! Stores: how they open, and what they list.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use abmart_store::{Store, StoreError};
use bytes::Bytes;

fn keys(store: &Store, prefix: &str) -> Vec<String> {
    store.list(prefix).unwrap().into_iter().map(|object| object.key).collect()
}

#[test]
fn a_missing_folder_is_named_and_not_made() {
    let base = tempfile::tempdir().unwrap();
    let error = Store::open("lake", base.path(), false).unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }));
    let message = error.to_string();
    assert!(message.contains(&base.path().join("lake").display().to_string()), "{message}");
    assert!(message.ends_with("does not exist; create it or correct the store's location"), "{message}");
    assert!(!base.path().join("lake").exists());
}

#[test]
fn a_missing_folder_is_made_when_asked_for() {
    let base = tempfile::tempdir().unwrap();
    let store = Store::open("data/marts", base.path(), true).unwrap();
    assert_eq!(store.label(), "data/marts");
    assert_eq!(store.list("").unwrap(), []);
    assert_eq!(
        store.local_path("a/b.parquet").unwrap(),
        base.path().canonicalize().unwrap().join("data/marts/a/b.parquet")
    );
}

#[test]
fn a_file_is_no_store() {
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("lake"), b"").unwrap();
    let message = Store::open("lake", base.path(), false).unwrap_err().to_string();
    assert!(message.contains("it is a file; a store is a folder"), "{message}");
}

#[test]
fn a_store_whose_folder_vanishes_says_so_when_listed() {
    let base = tempfile::tempdir().unwrap();
    let store = Store::open("lake", base.path(), true).unwrap();
    fs::remove_dir(base.path().join("lake")).unwrap();
    assert!(matches!(store.list(""), Err(StoreError::NotFound { .. })));
}

#[test]
fn listings_are_sorted_and_leave_hidden_parts_out() {
    let base = tempfile::tempdir().unwrap();
    let store = Store::open("lake", base.path(), true).unwrap();
    for key in [
        "b/dt=2026-11-22/part-1.parquet",
        "b/dt=2026-11-22/part-0.parquet",
        "b/_temporary/part-0.parquet",
        "b/dt=2026-11-22/.part-0.parquet.crc",
        "a name/x.parquet",
        "_abmart/manifest.json",
        "_SUCCESS",
        "c.parquet",
    ] {
        store.put(key, Bytes::from_static(b"12345")).unwrap();
    }
    assert_eq!(
        keys(&store, ""),
        ["a name/x.parquet", "b/dt=2026-11-22/part-0.parquet", "b/dt=2026-11-22/part-1.parquet", "c.parquet"]
    );
    assert_eq!(keys(&store, "b/dt=2026-11-22/").len(), 2);
    assert_eq!(keys(&store, "b").len(), 2, "a prefix is a folder, not the beginning of a name");
    assert_eq!(keys(&store, "missing"), Vec::<String>::new());
    assert_eq!(keys(&store, "_abmart"), ["_abmart/manifest.json"], "a prefix that is named is not hidden");
    assert_eq!(store.list("c.parquet").unwrap(), [], "a prefix is a folder, not a file");
    assert_eq!(store.list("b").unwrap()[0].size, 5);
}

#[test]
fn objects_are_written_read_copied_moved_and_deleted() {
    let base = tempfile::tempdir().unwrap();
    let store = Store::open(".", base.path(), false).unwrap();
    store.put("a/x", Bytes::from_static(b"one")).unwrap();
    store.put("a/x", Bytes::from_static(b"two")).unwrap();
    store.copy("a/x", "b/y").unwrap();
    store.rename("a/x", "c/z").unwrap();
    assert_eq!(store.get("b/y").unwrap(), "two");
    assert_eq!(store.get("c/z").unwrap(), "two");
    assert_eq!(store.head("a/x").unwrap(), None);
    assert!(store.delete("c/z").unwrap());
    assert!(!store.delete("c/z").unwrap(), "deleting twice is no error");
    let error = store.get("c/z").unwrap_err();
    assert_eq!(error.to_string(), "`c/z` in store `.` does not exist");
    assert!(error.is_environment());
}

#[test]
fn keys_cannot_leave_the_store() {
    let base = tempfile::tempdir().unwrap();
    let store = Store::open(".", base.path(), false).unwrap();
    for key in ["../x", "a/../../x", "a//b"] {
        assert!(matches!(store.get(key), Err(StoreError::InvalidKey { .. })), "{key}");
    }
}

#[test]
fn a_location_with_another_scheme_opens_nothing() {
    assert!(matches!(
        Store::open("ftp://bucket/lake", Path::new("/"), true),
        Err(StoreError::UnsupportedScheme { .. })
    ));
}

#[test]
fn a_file_that_was_replaced_is_told_from_the_one_that_was_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(".", folder.path(), true).unwrap();
    store.put("a.parquet", b"first".to_vec().into()).unwrap();
    let listed = store.list("").unwrap().remove(0);
    let check = |size| store.check_unchanged("a.parquet", size, listed.etag.as_deref());
    check(listed.size).unwrap();
    assert!(matches!(check(listed.size + 1), Err(StoreError::Changed { .. })));
    // As long as the first, and another object all the same.
    store.put("b.parquet", b"other".to_vec().into()).unwrap();
    store.rename("b.parquet", "a.parquet").unwrap();
    assert!(matches!(check(listed.size), Err(StoreError::Changed { .. })));
    store.delete("a.parquet").unwrap();
    assert!(matches!(check(listed.size), Err(StoreError::Changed { .. })));
}
