//! What came of a closed period, kept for later runs with everything that it read.
//!
//! ```text
//! index  key: definitions                       → period → what it read and found there, shape of its rows
//! rows   key: definitions, period, all of that  → partial results of the cube, rows that marts read
//! ```
//!
//! A period is taken from here when the definitions are the same and everything that it read is as it was. A row that
//! came late, was corrected or removed changes what is found at the reads that it falls into, and these periods are
//! computed again.

use abmart_plan::calendar::{Period, grain_name};
use abmart_spec::fingerprint;
use abmart_spec::model::{ForEach, Project, TableBody};
use abmart_store::CacheKey;
use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::cache;
use crate::cache::index::Index;
use crate::cache::trace::{Fingerprints, Recorder, Trace};
use crate::context::Context;
use crate::cube::finest::{Finest, renumbered};
use crate::error::EngineError;
use crate::scope::Frames;
use crate::sql::names;

/// What is kept of the periods of a pipeline.
pub struct Keeper<'a> {
    context: &'a Context<'a>,
    found: Fingerprints<'a>,
    definitions: String,
    /// Closed periods.
    periods: Index<'a, Kept>,
}

/// What is known of a period without reading its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    trace: Trace,
    /// How many of its frames are partial results.
    partials: usize,
    /// Which aggregates the next frames are values of.
    values: Vec<usize>,
    /// What marts call the rest.
    made: Vec<String>,
}

impl<'a> Keeper<'a> {
    /// Reads what earlier runs kept.
    pub fn new(context: &'a Context<'a>, frames: &'a Frames) -> Self {
        let (project, plan) = (context.project, context.plan);
        let mode = project.pipelines.get(&plan.pipeline).map(|pipeline| pipeline.dimensions);
        let mut definitions = format!("{} {mode:?}", fingerprint::periods(project));
        if reads_as_of(project) {
            definitions = format!("{definitions} {}", plan.as_of);
        }
        let periods = Index::open(context.cache, cache::key(["periods", &definitions]));
        Self { context, found: Fingerprints::new(project, plan, frames), definitions, periods }
    }

    /// What an earlier run kept of a period, where everything that it read is as it was.
    ///
    /// # Errors
    /// When rows cannot be looked at.
    pub fn find(&self, number: usize, period: Period) -> Result<Option<Outcome>, EngineError> {
        let name = name(period);
        let Some(kept) = self.periods.get(&name).filter(|_| self.keeps(period)) else { return Ok(None) };
        if let Some(read) = self.found.changed(&kept.trace, period)? {
            tracing::debug!(period = name, ?read, "a closed period is computed again: what it read has changed");
            return Ok(None);
        }
        let Some(((), mut frames)) = self.context.cache.frames(self.rows_key(&name, &kept.trace)?) else {
            return Ok(None);
        };
        if frames.len() != kept.partials + kept.values.len() + kept.made.len() {
            return Ok(None);
        }
        let made = kept.made.iter().cloned().zip(frames.split_off(kept.partials + kept.values.len())).collect();
        let values = kept.values.iter().copied().zip(frames.split_off(kept.partials)).collect();
        let finest = renumbered(Finest { partials: frames, values }, number)?;
        self.periods.remember(name, kept.clone());
        self.context.cache.count_period(true);
        Ok(Some(Outcome { finest, made }))
    }

    /// Keeps what came of a closed period.
    ///
    /// # Errors
    /// When rows cannot be looked at, or have a type that cannot be kept.
    pub fn keep(&self, period: Period, recorder: Recorder, outcome: &Outcome) -> Result<(), EngineError> {
        if !self.keeps(period) {
            return Ok(());
        }
        self.context.cache.count_period(false);
        let name = name(period);
        let Outcome { finest, made } = outcome;
        let trace = match self.found.trace(recorder.reads(), period) {
            Ok(trace) => trace,
            // Such as a list in a table: a run does without remembering it.
            Err(error) => {
                tracing::debug!(period = name, %error, "a closed period is not kept: what it read has no number");
                return Ok(());
            }
        };
        let kept = Kept {
            trace,
            partials: finest.partials.len(),
            values: finest.values.iter().map(|(index, _)| *index).collect(),
            made: made.iter().map(|(name, _)| name.clone()).collect(),
        };
        let values = finest.values.iter().map(|(_, rows)| rows);
        let frames = finest.partials.iter().chain(values).chain(made.iter().map(|(_, rows)| rows));
        let frames: Vec<_> = frames.cloned().collect();
        self.context.cache.keep(self.rows_key(&name, &kept.trace)?, &(), &frames)?;
        self.periods.remember(name, kept);
        Ok(())
    }

    /// Writes the index of this run's periods.
    ///
    /// # Errors
    /// As [`Index::close`].
    pub fn finish(self) -> Result<(), EngineError> {
        self.periods.close()
    }

    /// Of an open period nothing is kept: the next night sees more of it.
    fn keeps(&self, period: Period) -> bool {
        !period.partial && self.context.cache.keeps()
    }

    fn rows_key(&self, period: &str, trace: &Trace) -> Result<CacheKey, EngineError> {
        let trace = serde_json::to_string(trace).map_err(|error| EngineError::CacheEntry(error.to_string()))?;
        Ok(cache::key(["period", &self.definitions, period, &trace]))
    }
}

fn name(period: Period) -> String {
    format!("{} {} {}", grain_name(period.grain), period.start, period.end)
}

/// Whether anything that is computed in periods looks at the run's own day, so that it differs from night to night.
fn reads_as_of(project: &Project) -> bool {
    let facts = project.facts.values().flat_map(|fact| fact.measures.values().chain(&fact.filter));
    let kpis = project.kpis.values().flat_map(|kpi| [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()]);
    let scores = project.scores.values().flat_map(|score| score.components.values());
    let mut tables = project.tables.values().filter(|table| table.for_each == ForEach::Period);
    let in_tables = tables.any(|table| match &table.body {
        TableBody::Sql(sql) => names::run_day(&*sql.ast),
        TableBody::Rows { .. } | TableBody::Attribution { .. } => false,
    });
    let mut expressions = facts.chain(kpis.flatten()).chain(scores.map(|component| &component.measure));
    in_tables || expressions.any(|expr| names::run_day(&expr.ast))
}
