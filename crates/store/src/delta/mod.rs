//! Marts as Delta tables.
//!
//! A publication says which files a table shall consist of, and a commit brings it there from wherever it is: files that
//! it lacks are added, others removed, in one version. So a commit that was made already, before a kill perhaps, is
//! recognised by nothing being left to do, and a mart that did not change gets no version. Files that are removed stay
//! where they are; older versions read them.

mod stats;
mod table;

use crate::{Lease, Manifest, ManifestMart, Store, StoreError};
use table::{Outcome, Table};

/// How often another writer of the table may come first.
const ATTEMPTS: usize = 10;
/// Versions between two checkpoints, which spare readers the single commits before them: Delta's usual number.
const CHECKPOINT_EVERY: u64 = 10;

/// Finds out whether a staged file can become a part of a mart's Delta table.
///
/// # Errors
/// [`StoreError::Mart`] when its columns have names or types that Delta does not have.
pub(crate) fn check(store: &Store, mart: &str, staged: &str) -> Result<(), StoreError> {
    store.block_on(async {
        let file = table::describe(store, mart, staged).await?;
        table::schema(mart, &file.schema).map(drop)
    })
}

/// Brings the Delta table of a mart to exactly the files that `mart` names and gives its version.
///
/// The lease is proved before each attempt. A run that takes it over during one brings the table itself to the files of
/// the publication that it finds unfinished, so that the version aimed at here is then taken.
///
/// # Errors
/// [`StoreError::LeaseLost`], [`StoreError::Delta`] when the table cannot be read or written, else the store's own
/// failures.
pub(crate) fn commit(lease: &Lease, name: &str, mart: &ManifestMart) -> Result<u64, StoreError> {
    let store = lease.store();
    let mut pauses = store.pauses().iter();
    for _ in 0..ATTEMPTS {
        lease.renew()?;
        match store.block_on(async { Table::open(store, name).await?.bring_to(mart).await })? {
            Outcome::At(version) => return Ok(version),
            Outcome::AnotherCameFirst => {}
            // The table, read again, tells.
            Outcome::Unknown(error) => std::thread::sleep(*pauses.next().ok_or(error)?),
        }
    }
    Err(StoreError::Delta {
        mart: name.to_owned(),
        store: store.label().to_owned(),
        reason: "another program commits to it again and again".to_owned(),
        environment: true,
    })
}

/// Writes a checkpoint where one is due. Readers do without it, only more slowly, so failures are only told.
pub(crate) fn checkpoint(store: &Store, name: &str, manifest: &Manifest) {
    let version = manifest.marts.get(name).and_then(|mart| mart.delta_version);
    let Some(version) = version.filter(|version| (version + 1).is_multiple_of(CHECKPOINT_EVERY)) else { return };
    let outcome = store.block_on(async { Table::open(store, name).await?.checkpoint(version).await });
    if let Err(error) = outcome {
        tracing::warn!(store = store.label(), mart = name, version, %error, "no checkpoint of the Delta table was written");
    }
}
