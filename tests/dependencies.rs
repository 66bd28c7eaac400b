//! One version of what hands data over: frames go from Polars to arrow and parquet, files come and go through
//! `object_store`, and types of two versions do not fit. `deny.toml` says the same to cargo-deny.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use rstest::rstest;

#[rstest]
#[case("polars")]
#[case("arrow")]
#[case("parquet")]
#[case("object_store")]
fn the_lock_file_holds_exactly_one_version(#[case] name: &str) {
    let versions = versions(name);
    assert_eq!(versions.len(), 1, "{name}: {versions:?}");
}

#[test]
fn arrow_and_parquet_are_of_one_release() {
    assert_eq!(versions("arrow"), versions("parquet"));
}

/// Versions of a package in Cargo.lock.
fn versions(name: &str) -> Vec<String> {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock")).unwrap();
    let mut lines = lock.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == format!("name = \"{name}\"") {
            let version = lines.next().and_then(|line| line.strip_prefix("version = "));
            found.extend(version.map(|version| version.trim_matches('"').to_owned()));
        }
    }
    found
}
