//! What it takes to reduce the events of a plan here, before anything is read: for people who decide where to do it.

use std::collections::HashMap;

use abmart_spec::model::{Column, ColumnType, Project, Rollup, Source};
use abmart_store::ParquetFooter;
use serde::Serialize;

use crate::{Plan, PlannedFile};

/// What it takes to reduce all events of a plan for all rollups, with nothing in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Effort {
    /// Rows of the events that rollups reduce.
    pub rows: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Rollups over them.
    pub rollups: usize,
    /// Seconds that this takes here, as far as can be told.
    pub seconds: f64,
    /// Bytes of memory that the rows under way take at the same time.
    pub memory: u64,
}

/// Nanoseconds of one thread that a row takes to be read and checked, and that each rollup takes of it; measured on the lake
/// of docs/performance.md.
const READING: f64 = 170.0;
const REDUCING: f64 = 110.0;

/// Seconds beyond which a cluster is worth its trouble.
const LONG: f64 = 1_800.0;

impl Effort {
    /// The effort of a plan on so many threads. Files are read in slices that keep within `memory`.
    #[must_use]
    pub fn of(
        project: &Project,
        plan: &Plan,
        footers: &HashMap<String, ParquetFooter>,
        threads: usize,
        memory: u64,
    ) -> Self {
        let mut effort = Self::default();
        let mut nanoseconds = 0.0;
        for (name, planned) in &plan.sources {
            let Some(source) = project.sources.get(name) else { continue };
            let rollups: Vec<&Rollup> = project.rollups.values().filter(|rollup| rollup.from.value == *name).collect();
            if rollups.is_empty() {
                continue;
            }
            let rows = |file: &PlannedFile| footers.get(&file.key).map_or(0, |footer| footer.rows);
            let of_source: u64 = planned.files.iter().map(rows).sum();
            let largest = planned.files.iter().map(rows).max().unwrap_or(0);
            effort.rows += of_source;
            effort.bytes += planned.files.iter().map(|file| file.size).sum::<u64>();
            effort.rollups += rollups.len();
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let (rows, of_each) = (of_source as f64, rollups.len() as f64);
            nanoseconds += rows * (READING + REDUCING * of_each);
            // Decoded, in the key columns of a rollup, and in its hash table.
            let held = 3 * largest * width(source) * threads.min(planned.files.len()) as u64;
            effort.memory = effort.memory.max(held.min(memory));
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let threads = threads.max(1) as f64;
        effort.seconds = nanoseconds / threads / 1e9;
        effort
    }

    /// Whether another engine is worth a thought.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.seconds > LONG
    }
}

/// Bytes of a row in memory.
fn width(source: &Source) -> u64 {
    let is_key = |column: &Column| source.key.iter().any(|name| name.value == column.name);
    let of = |column: &Column| if column.ty == ColumnType::String && is_key(column) { 24 } else { 8 };
    source.columns.values().map(of).sum()
}
