//! One test from its rows to its outcome.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use abmart_engine::cache::RunCache;
use abmart_engine::context::{Budget, Context, Silent};
use abmart_engine::{EngineError, Finding, Shelf, Target};
use abmart_plan::{Plan, PlanError, plan};
use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::fingerprint::fingerprints;
use abmart_spec::model::{Expected, Project, Severity, UnitTest};
use abmart_store::{Store, StoreError};
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::compare::{Comparison, Difference};
use crate::lake::{self, LakeError};
use crate::wanted::{self, Wanted, wanted};

/// What became of a test.
#[derive(Debug)]
pub struct Outcome {
    /// What is the case.
    pub verdict: Verdict,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Whether a test holds.
#[derive(Debug)]
pub enum Verdict {
    /// Everything came out as expected.
    Passed,
    /// Something came out otherwise: by expectation, which is an index into those of the test; none for what concerns
    /// all of them.
    Failed(Vec<(Option<usize>, Difference)>),
    /// The test itself is wrong: it names what does not exist.
    Wrong(Vec<Diagnostic>),
    /// The run failed.
    Broken(Box<EngineError>),
    /// The run could not be begun.
    NotRun(String),
    /// It was stopped from outside.
    Interrupted,
}

/// The name under which tests stage their marts.
const RUN: &str = "test";
/// Memory for a test, whose rows are written by hand.
const MEMORY: u64 = 256 << 20;

/// Runs a test; `scratch` is an empty folder of its own.
pub fn run(test: &UnitTest, project: &Project, scratch: &Path, interrupted: &AtomicBool) -> Outcome {
    let begun = Instant::now();
    let verdict = attempt(test, project, scratch, interrupted).unwrap_or_else(|stop| stop.0);
    Outcome { verdict, seconds: begun.elapsed().as_secs_f64() }
}

/// Why a test ends before anything can be compared.
struct Stop(Verdict);

impl From<Vec<Diagnostic>> for Stop {
    fn from(findings: Vec<Diagnostic>) -> Self {
        Self(Verdict::Wrong(findings))
    }
}

impl From<LakeError> for Stop {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::Rows(findings) => Self(Verdict::Wrong(findings)),
            other => Self(Verdict::NotRun(other.to_string())),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self(Verdict::NotRun(error.to_string()))
    }
}

impl From<PlanError> for Stop {
    fn from(error: PlanError) -> Self {
        Self(Verdict::NotRun(error.to_string()))
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Interrupted => Self(Verdict::Interrupted),
            other => Self(Verdict::Broken(Box::new(other))),
        }
    }
}

fn attempt(test: &UnitTest, project: &Project, scratch: &Path, interrupted: &AtomicBool) -> Result<Verdict, Stop> {
    let wanted = wanted(test, project)?;
    let folder = |name: &str| scratch.join(name);
    lake::write(test, &wanted.project, wanted.from, &folder("lake"))?;
    let lake = Store::open("lake", scratch, true)?;
    let marts = Store::open("marts", scratch, true)?;
    let (plan, footers) = planned(test, &wanted, &lake)?;
    missing_periods(test, &wanted, &plan)?;
    let context = Context {
        project: &wanted.project,
        plan: &plan,
        lake: Some(&lake),
        footers: &footers,
        budget: Budget { memory: MEMORY, threads: 1 },
        shelf: &Arc::new(Shelf::new(&folder("scratch"), MEMORY)),
        cache: &Arc::new(RunCache::none()),
        remote: None,
        observer: &Silent,
        interrupted,
    };
    let definitions = fingerprints(&wanted.project);
    let outcome = abmart_engine::run(&context, &Target { store: &marts, run_id: RUN, definitions: &definitions })?;
    let mut made = HashMap::new();
    for file in &outcome.staged {
        made.insert(file.mart.as_str(), batches(&marts, &file.staged_key(RUN))?);
    }
    let mut differences = quarantined(test, &outcome.sources, &outcome.findings);
    let mut wrong = Vec::new();
    let root = wanted.project.cube_root();
    let dimensions: Vec<String> =
        root.into_iter().flat_map(|root| &root.dimensions).map(|name| name.value.clone()).collect();
    for (index, (expectation, mart)) in test.expect.iter().zip(&wanted.marts).enumerate() {
        let Some(rows) = made.get(mart.as_str()) else {
            let message = format!("the run made no rows of `{}`", expectation.name.value);
            wrong.push(Diagnostic::error("no-rows", message).at(expectation.name.span));
            continue;
        };
        let keys = match expectation.of {
            Expected::Fact => wanted::keys_of(&expectation.name.value, &wanted.project),
            _ => Vec::new(),
        };
        let comparison = Comparison {
            expectation,
            periods: &wanted.periods[index],
            dimensions: &dimensions,
            keys: &keys,
            tolerance: test.tolerance,
        };
        match comparison.differences(rows) {
            Ok(found) => differences.extend(found.into_iter().map(|difference| (Some(index), difference))),
            Err(findings) => wrong.extend(findings),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    Ok(if differences.is_empty() { Verdict::Passed } else { Verdict::Failed(differences) })
}

type Footers = HashMap<String, abmart_store::ParquetFooter>;

fn planned(test: &UnitTest, wanted: &Wanted, lake: &Store) -> Result<(Plan, Footers), Stop> {
    let listing = plan::folders(&wanted.project)
        .into_iter()
        .map(|(source, folder)| Ok((source, lake.list(&folder)?)))
        .collect::<Result<_, StoreError>>()?;
    let mut plan = Plan::build(&wanted.project, &wanted.pipeline, Some(test.as_of.value), &listing)?;
    if !wanted.grains.is_empty() {
        plan.periods.retain(|period| wanted.grains.contains(&period.grain));
    }
    let mut footers = HashMap::new();
    for file in plan.sources.values().flat_map(|source| &source.files) {
        footers.insert(file.key.clone(), lake.footer(&file.key)?);
    }
    Ok((plan, footers))
}

/// Whether the run has the periods that the test names.
fn missing_periods(test: &UnitTest, wanted: &Wanted, plan: &Plan) -> Result<(), Stop> {
    let mut findings = Vec::new();
    for (expectation, periods) in test.expect.iter().zip(&wanted.periods) {
        for (row, period) in expectation.rows.iter().zip(periods) {
            let Some(period) = period else { continue };
            if plan.periods.iter().any(|known| known.grain == period.grain && known.start == period.start) {
                continue;
            }
            let own = row.cells.get(wanted::PERIOD).map(|cell| cell.span);
            let place = own.or(test.period.as_ref().map(|period| period.span)).unwrap_or(row.span);
            let grain = abmart_plan::calendar::grain_name(period.grain);
            let message = format!("the pipeline `{}` has no {grain} that begins on {}", wanted.pipeline, period.start);
            let help = "periods go from the first given event to the run's day, at the grains of the pipeline";
            findings.push(Diagnostic::error("unknown-period", message).at(place).help(help));
        }
    }
    findings.dedup();
    if findings.is_empty() { Ok(()) } else { Err(findings.into()) }
}

/// Sources of which another number of rows is set aside than expected.
fn quarantined(
    test: &UnitTest,
    sources: &[abmart_engine::SourceRows],
    findings: &[Finding],
) -> Vec<(Option<usize>, Difference)> {
    let difference = |rows: &abmart_engine::SourceRows| {
        let expected = test.quarantined.get(&rows.source);
        let wanted = expected.map_or(0, |expected| expected.value);
        (rows.rows_quarantined != wanted).then(|| {
            let sets_aside = |finding: &&Finding| finding.severity == Severity::Quarantine && finding.breached;
            let of_source = findings.iter().filter(sets_aside).filter(|finding| finding.source == rows.source);
            let difference = Difference::Quarantined {
                source: rows.source.clone(),
                expected: wanted,
                found: rows.rows_quarantined,
                reasons: of_source.map(ToString::to_string).collect(),
                place: expected.map_or(test.span, |expected| expected.span),
            };
            (None, difference)
        })
    };
    sources.iter().filter_map(difference).collect()
}

fn batches(store: &Store, key: &str) -> Result<Vec<RecordBatch>, Stop> {
    let unreadable =
        |error: &dyn std::fmt::Display| Stop(Verdict::NotRun(format!("a staged mart is not readable: {error}")));
    let file = store.get(key)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let reader = reader.map_err(|error| unreadable(&error))?;
    // A mart without rows has a schema all the same.
    let empty = RecordBatch::new_empty(arrow::array::RecordBatchReader::schema(&reader));
    let mut all = vec![empty];
    for batch in reader {
        all.push(batch.map_err(|error| unreadable(&error))?);
    }
    Ok(all)
}
