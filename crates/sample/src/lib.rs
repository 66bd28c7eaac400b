//! A deterministic generator of the canonical model: accounts, their people, what happened to them and
//! what it cost and brought, as a lake of Parquet files of any size.
//!
//! ```text
//! options ──▶ world (accounts, contacts, campaigns, deals: compact, in memory)
//!               │
//!               ├─▶ one plan per file ──▶ worker threads: rows in chunks ──▶ Parquet ──▶ object store
//! ```
//!
//! The world holds what is small. Big facts are made per file and in chunks from counter-based
//! random streams, so equal options give equal bytes whatever the number of threads, and memory
//! does not grow with the number of touchpoints.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "drawn numbers are small and positive by construction; their casts are the generator's daily bread"
)]

mod accounts;
mod calendar;
mod campaigns;
mod contacts;
mod contracts;
mod deals;
mod error;
mod funnel;
mod fx;
mod health;
mod money;
mod owners;
mod reference;
mod rng;
pub mod schema;
mod surveys;
mod touchpoints;
mod world;
mod write;

use std::sync::Arc;

use jiff::civil::Date;
use object_store::ObjectStore;
use object_store::path::Path;

pub use crate::error::SampleError;
use crate::world::World;

/// Writes a lake below `prefix` and says what it wrote.
///
/// `progress` is called on the calling thread, once per finished file, with the table's name and the rows
/// written to that table so far. The call blocks; it may be made from inside an async runtime's thread
/// as well, because the store is driven from threads of its own.
///
/// # Errors
///
/// Refuses options that make no lake, and a prefix that already holds Parquet files unless
/// [`SampleOptions::overwrite`] is set. Any error of the store or of the encoding ends the run; files written before
/// it stay behind.
#[expect(clippy::needless_pass_by_value, reason = "stores are shared as Arc everywhere; a caller hands over its clone")]
pub fn generate(
    options: &SampleOptions,
    store: Arc<dyn ObjectStore>,
    prefix: &Path,
    progress: &dyn Fn(&str, u64),
) -> Result<SampleSummary, SampleError> {
    options.check()?;
    write::run(store.as_ref(), prefix, options.overwrite, || World::new(options), World::files, progress)
}

/// What lake to make. Equal options give byte-identical files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    /// Number of accounts; the number of contacts is about twenty times this.
    pub accounts: u32,
    /// Number of months, the one that holds `until` included.
    pub months: u32,
    /// Exact number of rows of `touchpoints`.
    pub touchpoints: u64,
    /// Another seed is another world of the same shape.
    pub seed: u64,
    /// The last day of the lake.
    pub until: Date,
    /// Delete the Parquet files of the model's tables below the prefix first, instead of refusing.
    pub overwrite: bool,
    /// How often `contacts` is copied in full; by default monthly up to 2,000 accounts, then quarterly.
    pub contact_snapshots: Option<Cadence>,
    /// Touchpoints generated, sorted and encoded at a time. Part of the lake's identity: another size draws
    /// other numbers.
    pub chunk_rows: u32,
    /// Most touchpoints in one file; a month with more has several parts.
    pub file_rows: u32,
}

/// How often a snapshot table is copied in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// On the last day of every month.
    Monthly,
    /// On the last day of March, June, September and December.
    Quarterly,
}

/// What a run wrote, per table in the model's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// One entry per table of the model.
    pub tables: Vec<TableSummary>,
}

/// What a run wrote to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSummary {
    /// The table's name.
    pub table: String,
    /// Rows over all files; a snapshot table counts every copy.
    pub rows: u64,
    /// Files written.
    pub files: u64,
    /// Size of those files in bytes.
    pub bytes: u64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            accounts: 400,
            months: 18,
            touchpoints: 60_000,
            seed: 42,
            until: Date::constant(2026, 11, 22),
            overwrite: false,
            contact_snapshots: None,
            chunk_rows: 65_536,
            file_rows: 3_000_000,
        }
    }
}

impl SampleOptions {
    fn check(&self) -> Result<(), SampleError> {
        let rules = [
            (self.accounts >= 1, "accounts must be at least 1"),
            ((1..=600).contains(&self.months), "months must be between 1 and 600"),
            (self.chunk_rows >= 1, "chunk_rows must be at least 1"),
            (self.file_rows >= 1, "file_rows must be at least 1"),
            ((1990..=2200).contains(&self.until.year()), "until must lie between 1990 and 2200"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(SampleError::Options(rule)),
            None => Ok(()),
        }
    }
}
