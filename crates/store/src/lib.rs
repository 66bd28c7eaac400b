//! Where files live: lakes that are read, marts that are published.
//!
//! ```text
//! location ──▶ Store ──list──▶ ObjectInfo ──footers──▶ ParquetFooter      (reading)
//!                ├──MartWriter──▶ StagedFile ──publish──▶ Manifest        (writing)
//!                │                                 ├─ delta: marts that are Delta tables
//!                │                                 └─ recover: finishes what a killed run began
//!                └──acquire─────▶ Lease: only its holder publishes
//! ```
//!
//! Everything goes through `object_store`, so another kind of store only needs a builder. The
//! callers are synchronous: a [`Store`] owns a small async runtime and hides it.
//!
//! Two folders of a mart store are not marts: `_staging/<run>/…` holds files that no reader should
//! see yet, `_abmart/` holds the manifest, the lease, the intent record of publications and the records of runs.
//! Any path part that begins with `_` or `.` is invisible to readers.

mod apply;
mod blocks;
mod cache;
mod column;
mod delta;
mod durable;
mod environment;
mod error;
mod failure;
mod footer;
mod layout;
mod lease;
mod local_file;
mod location;
mod manifest;
mod many;
mod mart;
mod order;
mod plan;
mod process;
mod publish;
mod records;
mod recover;
mod remote;
mod settings;
mod sink;
mod store;
mod swap;
mod writer;

pub use bytes::Bytes;
pub use cache::{Cache, CacheKey, Cached, Trimmed};
pub use column::{ColumnKind, FooterColumn, TimeUnit};
pub use environment::Environment;
pub use error::StoreError;
pub use footer::ParquetFooter;
pub use lease::{Claim, LEASE_SECONDS, Lease, LeaseRecord};
pub use local_file::{LocalFile, Version};
pub use location::{Bucket, Location};
pub use manifest::{KeptRun, MANIFEST_KEY, Manifest, ManifestFile, ManifestMart, MartFormat};
pub use mart::{MartColumn, MartSpec, StagedFile};
pub use process::Process;
pub use publish::{KeptFile, Publication, Published};
pub use records::RunRecord;
pub use recover::{Recovery, RecoveryReport};
pub use settings::StoreSettings;
pub use store::{ObjectInfo, Store};
pub use writer::MartWriter;
