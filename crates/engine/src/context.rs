//! What every stage of a run shares: the project, the plan, the lake, limits and the way to report progress.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use abmart_plan::{Plan, PlannedFile};
use abmart_spec::model::{Column, Project, Source};
use abmart_store::{LocalFile, ParquetFooter, Store, Version};

use crate::cache::RunCache;
use crate::error::EngineError;
use crate::input::rollup::{Shelf, Span};
use crate::input::scan;
use crate::remote::Remote;

/// Told what a run does, as it does it. All methods may be called from several threads.
pub trait Observer: Sync {
    /// A stage begins; `total` is what [`Observer::advanced`] adds up to, in rows or in steps.
    fn started(&self, stage: Stage, total: u64);
    /// Part of the stage is done.
    fn advanced(&self, amount: u64);
    /// The stage is done.
    fn finished(&self, stage: Stage);
}

/// The stages of a run after planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Sources read and checked, rollups reduced per file.
    Read,
    /// SQL tables.
    Tables,
    /// Facts, scores and KPI aggregates, period by period.
    Periods,
    /// The cube rolled up, KPIs evaluated, marts staged and audited.
    Marts,
}

/// An observer that says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn started(&self, _: Stage, _: u64) {}
    fn advanced(&self, _: u64) {}
    fn finished(&self, _: Stage) {}
}

/// How much memory and how many threads a run may use.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes.
    pub memory: u64,
    /// Threads.
    pub threads: usize,
}

impl Budget {
    /// Bytes of rollups to hold in memory between reading and computing.
    #[must_use]
    pub fn held_rollups(&self) -> u64 {
        self.memory / 16
    }

    /// Rows of a file to hold at once, of columns that take this many bytes a row, so that all threads together stay
    /// within a third of the memory; the rest is for hash tables and results.
    #[must_use]
    pub fn rows_per_slice(&self, bytes_per_row: u64) -> u64 {
        (self.memory / (3 * self.threads.max(1) as u64 * bytes_per_row.max(8))).max(100_000)
    }
}

/// What every stage of a run shares.
pub struct Context<'a> {
    /// The definitions.
    pub project: &'a Project,
    /// What runs.
    pub plan: &'a Plan,
    /// The lake.
    pub lake: Option<&'a Store>,
    /// Footers of planned files, by key.
    pub footers: &'a HashMap<String, ParquetFooter>,
    /// Limits.
    pub budget: Budget,
    /// Where results of rollups lie until they are used.
    pub shelf: &'a Arc<Shelf>,
    /// What earlier runs computed, and where this one keeps what later ones may need.
    pub cache: &'a Arc<RunCache>,
    /// The engine that reduces files, where it is another one.
    pub remote: Option<&'a dyn Remote>,
    /// Whom to tell.
    pub observer: &'a dyn Observer,
    /// Set from outside to stop the run.
    pub interrupted: &'a AtomicBool,
}

impl Context<'_> {
    /// The reporting time zone.
    #[must_use]
    pub fn time_zone(&self) -> &str {
        &self.project.settings.time_zone
    }

    /// A file of the lake where Polars can read it: these columns of it at least.
    ///
    /// # Errors
    /// When it was replaced or removed since it was planned, or cannot be fetched.
    pub fn lake_file(
        &self,
        source: &Source,
        file: &PlannedFile,
        wanted: &dyn Fn(&Column) -> bool,
    ) -> Result<LocalFile, EngineError> {
        let (Some(lake), Some(footer)) = (self.lake, self.footers.get(&file.key)) else {
            return Err(EngineError::Unreadable {
                source_name: source.name.clone(),
                file: file.key.clone(),
                reason: "its footer was not read".to_owned(),
            });
        };
        let version = Version { key: &file.key, size: file.size, etag: file.etag.as_deref() };
        let named = |name: &str| source.columns.get(name).is_some_and(wanted);
        Ok(lake.local_file(version, footer, named, self.shelf.folder())?)
    }

    /// Rows of a file, as its footer says.
    #[must_use]
    pub fn rows_of(&self, file: &PlannedFile) -> u64 {
        self.footers.get(&file.key).map_or(0, |footer| footer.rows)
    }

    /// First and last day, since 1970 in the reporting time zone, that rows of an events file may lie in, as its footer
    /// says; none where it does not.
    #[must_use]
    pub fn days_of(&self, source: &Source, file: &PlannedFile) -> Option<Span> {
        scan::days(self.footers.get(&file.key)?, source, self.time_zone())
    }

    /// Runs a function over items on all threads; results keep the items' order.
    ///
    /// At most as many items are under way as there are threads, each on a thread of its own. On rayon's threads an item
    /// that waits for Polars would have others begun on top of it: memory would have to hold them all, and it would have
    /// to wait until the last of them is done.
    ///
    /// # Errors
    /// The first error of any item.
    pub fn parallel<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, EngineError> + Sync + Send,
    ) -> Result<Vec<R>, EngineError> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let around = tracing::Span::current();
        let walk = || {
            // What is done on another thread belongs to the same trace.
            let _worker = tracing::debug_span!(parent: &around, "worker").entered();
            let mut done = Vec::new();
            while !failed.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { break };
                let result = work(item);
                failed.fetch_or(result.is_err(), Ordering::Relaxed);
                done.push((index, result));
            }
            done
        };
        let others = self.budget.threads.min(items.len()).saturating_sub(1);
        let mut done: Vec<(usize, Result<R, EngineError>)> = std::thread::scope(|scope| {
            let others: Vec<_> = (0..others).map(|_| scope.spawn(walk)).collect();
            let own = walk();
            let theirs = others.into_iter().flat_map(|other| match other.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            own.into_iter().chain(theirs).collect()
        });
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// Tells the observer.
    pub fn advance(&self, amount: u64) {
        self.observer.advanced(amount);
    }

    /// Stops a run that was told to stop.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`].
    pub fn check_interrupted(&self) -> Result<(), EngineError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(EngineError::Interrupted) } else { Ok(()) }
    }
}
