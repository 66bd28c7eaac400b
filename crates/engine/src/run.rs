//! A run from plan to staged marts, stage by stage.

use std::collections::BTreeMap;
use std::time::Instant;

use abmart_spec::model::{ForEach, Mart};
use abmart_store::{StagedFile, Store};
use polars::prelude::*;
use serde::Serialize;

use crate::context::{Context, Stage};
use crate::cube::finest::Finest;
use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::yardsticks;
use crate::job::{Job, Made, ordered_tables};
use crate::output::alerts::OpenAlert;
use crate::output::bands;
use crate::output::history::History;
use crate::output::stage::{Inputs, Staged};
use crate::period;
use crate::read::{self, Purpose, ReadReport, SourceRows};
use crate::scope::Frames;
use crate::table;

/// What a run left in staging, and what it saw on the way.
pub struct Outcome {
    /// Files ready to be published.
    pub staged: Vec<StagedFile>,
    /// Rows of every source.
    pub sources: Vec<SourceRows>,
    /// Outcomes of all checks.
    pub findings: Vec<Finding>,
    /// Source → rows set aside, as Arrow, with reasons.
    pub quarantined: Vec<(String, arrow::array::RecordBatch)>,
    /// Seconds that each stage took.
    pub stages: Vec<StageTime>,
    /// Cells of the cube.
    pub cells: usize,
    /// Alerts that are open.
    pub alerts: Vec<OpenAlert>,
    /// The grand totals and the cells cut by one dimension, as the mart of the cube shows them: [`crate::cells`] says in
    /// which columns. Nothing where no mart shows the cube or no run is kept.
    pub figures: Vec<arrow::array::RecordBatch>,
    /// Rows of each rollup.
    pub rollup_rows: BTreeMap<String, usize>,
}

/// How long a stage took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Where and under which names a run stages its marts.
pub struct Target<'a> {
    /// The store of marts.
    pub store: &'a Store,
    /// The run's id.
    pub run_id: &'a str,
    /// Hashes of definitions: KPIs and marts by name.
    pub definitions: &'a BTreeMap<String, String>,
}

/// Runs a plan up to staged, audited marts; publishing them is the caller's.
///
/// # Errors
/// When data cannot be read, a definition does not compute, an audit fails or the store does. Nothing is visible then.
pub fn run(context: &Context<'_>, target: &Target<'_>) -> Result<Outcome, EngineError> {
    match attempt(context, target) {
        Err(error) if error.is_lost_entry() && context.cache.distrust() => {
            tracing::warn!(%error, "the cache lost a result while the run relied on it; the run begins anew");
            target.store.discard_staging(target.run_id)?;
            attempt(context, target)
        }
        result => result,
    }
}

fn attempt(context: &Context<'_>, target: &Target<'_>) -> Result<Outcome, EngineError> {
    let mut stages = Vec::new();
    let mut begun = Instant::now();
    let mut done = |stage: Stage| {
        stages.push(StageTime { stage, seconds: begun.elapsed().as_secs_f64() });
        begun = Instant::now();
    };
    let mut outcome = computed(context, Some(target.store), &mut done, |computed, done| {
        let Computed { context, frames, job, wanted, history, report, finest, made } = computed;
        let inputs = Inputs { context, frames, job, report: &report, history, wanted };
        let Staged { files: staged, cells, figures, alerts } =
            span(Stage::Marts).in_scope(|| inputs.stage(target, finest, &made))?;
        done(Stage::Marts);
        let quarantined = report
            .quarantined
            .iter()
            .map(|(source, frames)| {
                let all: Vec<LazyFrame> = frames.iter().map(|frame| frame.clone().lazy()).collect();
                let all = concat_lf_diagonal(all, UnionArgs::default())?.collect()?;
                Ok((source.clone(), crate::output::arrow::batch(&all)?))
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        let rollup_rows = frames.rollups.iter().map(|(name, rolled)| (name.clone(), rolled.height())).collect();
        let ReadReport { sources, findings, .. } = report;
        let stages = Vec::new();
        Ok(Outcome { staged, sources, findings, quarantined, stages, cells, alerts, figures, rollup_rows })
    })?;
    outcome.stages = stages;
    Ok(outcome)
}

/// What the stages up to the periods give.
pub(crate) struct Computed<'a> {
    /// What all stages share, with the project as it was adapted to the data.
    pub context: &'a Context<'a>,
    /// Sources, rollups and tables.
    pub frames: &'a Frames,
    /// What was computed in every period.
    pub job: &'a Job<'a>,
    /// Marts to make.
    pub wanted: &'a [&'a Mart],
    /// What earlier runs found.
    pub history: &'a History,
    /// What was read.
    pub report: ReadReport,
    /// Contributions of the periods to the cube.
    pub finest: Vec<Finest>,
    /// Rows that marts read.
    pub made: Made,
}

/// Reads, computes tables and periods, and hands them on; `store` is that of the marts, for what earlier runs found.
///
/// # Errors
/// When data cannot be read or a definition does not compute; else what `then` fails for.
pub(crate) fn computed<T>(
    context: &Context<'_>,
    store: Option<&Store>,
    done: &mut dyn FnMut(Stage),
    then: impl FnOnce(Computed<'_>, &mut dyn FnMut(Stage)) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let mut frames = Frames::default();
    let history = store.map(|store| History::read(store, context.project.marts.values())).unwrap_or_default();
    let adapted = bands::adapted(context.project, &history, context.plan.as_of)?;
    let context = &Context { project: &adapted, ..*context };
    let mut report = span(Stage::Read).in_scope(|| read::read(context, &Purpose::Run(&history), &mut frames))?;
    report.findings.extend(yardsticks::findings(context, &frames)?);
    done(Stage::Read);
    span(Stage::Tables).in_scope(|| tables(context, &mut frames))?;
    report.findings.append(&mut frames.findings);
    done(Stage::Tables);
    // The project was restricted to what the pipeline publishes.
    let wanted: Vec<_> = context.project.marts.values().collect();
    let job = Job::new(context.project, &wanted);
    let (finest, made) = span(Stage::Periods).in_scope(|| period::all(context, &frames, &job))?;
    done(Stage::Periods);
    let (frames, job, wanted, history) = (&frames, &job, wanted.as_slice(), &history);
    then(Computed { context, frames, job, wanted, history, report, finest, made }, done)
}

/// The span of a stage; those of definitions, whose seconds are added up, have a `name`.
fn span(stage: Stage) -> tracing::Span {
    tracing::debug_span!("stage", stage = ?stage)
}

/// Evaluates the tables of the run and of months.
///
/// # Errors
/// When one does not compute.
pub(crate) fn tables(context: &Context<'_>, frames: &mut Frames) -> Result<(), EngineError> {
    let ordered = ordered_tables(context.project, |for_each| for_each != ForEach::Period);
    context.observer.started(Stage::Tables, ordered.len() as u64);
    table::evaluate_all(&ordered, context, frames)?;
    context.observer.finished(Stage::Tables);
    Ok(())
}
