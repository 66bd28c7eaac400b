//! The first stage: sources read and checked, rollups reduced; what the run needs of the lake is in memory after it.

use std::collections::BTreeSet;

use abmart_plan::SourcePlan;
use abmart_spec::graph::columns_read;
use abmart_spec::model::{Check, Column, FactInput, FactKind, MartBody, Project, Rollup, Severity, Source, TableBody};
use polars::prelude::DataFrame;
use serde::Serialize;

use crate::context::{Context, Stage};
use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::references::References;
use crate::input::rollup::counted_by;
use crate::input::whole::{self, Census};
use crate::input::{load, rollup};
use crate::output::history::History;
use crate::scope::Frames;

/// What became of a source's rows: in = used + quarantined + later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceRows {
    /// The source.
    pub source: String,
    /// Files read.
    pub files: usize,
    /// Bytes of those files.
    pub bytes: u64,
    /// Rows in them.
    pub rows_in: u64,
    /// Rows that the run works with.
    pub rows_used: u64,
    /// Rows set aside because they break the contract.
    pub rows_quarantined: u64,
    /// Rows after the run's day.
    pub rows_later: u64,
}

/// What the first stage gives beside the frames.
#[derive(Default)]
pub struct ReadReport {
    /// One row a source.
    pub sources: Vec<SourceRows>,
    /// Outcomes of all checks.
    pub findings: Vec<Finding>,
    /// Source → rows set aside, with reasons.
    pub quarantined: Vec<(String, Vec<DataFrame>)>,
}

/// What reading is for.
pub enum Purpose<'a> {
    /// A run, which judges sources as a whole too; what earlier runs found.
    Run(&'a History),
    /// Figures of some of what this project computes: rows are checked as in its runs and found in the cache where those
    /// have left them, and nothing is judged that sets no row aside.
    Part(&'a Project),
}

/// Reads everything that tables, facts and entities name, and checks it.
///
/// # Errors
/// When a file cannot be read, checks with severity `fail` fail (all of them are told), or rows got lost.
pub fn read(context: &Context<'_>, purpose: &Purpose<'_>, frames: &mut Frames) -> Result<ReadReport, EngineError> {
    let whole = read_whole(context.project);
    let (judges, mentioned) = match purpose {
        Purpose::Run(_) => (true, Mentioned::by(context.project)),
        Purpose::Part(project) => (false, Mentioned::by(project)),
    };
    let read = Sources::of(context, &whole);
    let total = read.all.iter().flat_map(|(_, planned, _)| &planned.files).map(|file| context.rows_of(file)).sum();
    context.observer.started(Stage::Read, total);
    let checked = read.all.iter().filter(|(.., rollups)| judges || rollups.is_empty());
    let references = References::read(context, checked.map(|(source, ..)| *source))?;
    let mut report = ReadReport::default();
    for (source, planned, rollups) in &read.all {
        let _timed = tracing::debug_span!("source", name = source.name).entered();
        let mut reading = None;
        if whole.contains(source.name.as_str()) {
            // Of a source that rollups reduce as well, they give the findings.
            let none = References::default();
            let own = if rollups.is_empty() { &references } else { &none };
            reading = Some(load::load(context, source, &planned.files, &|column| mentioned.holds(column), own)?);
        }
        let (rows, findings, quarantined, census) = if rollups.is_empty() {
            let Some(reading) = &mut reading else { continue };
            let census = Census::of(source, &reading.loaded)?;
            let (findings, quarantined) =
                (std::mem::take(&mut reading.findings), std::mem::take(&mut reading.quarantined));
            ((reading.rows_in, reading.rows_used, reading.rows_later), findings, quarantined, census)
        } else {
            let reduced = reduce(context, source, planned, rollups, judges.then_some(&references), frames)?;
            (reduced.rows, reduced.findings, reduced.quarantined, reduced.census)
        };
        if let Some(reading) = reading {
            frames.sources.insert(source.name.clone(), reading.loaded);
        }
        let (rows_in, rows_used, rows_later) = rows;
        let rows = SourceRows {
            source: source.name.clone(),
            files: planned.files.len(),
            bytes: planned.files.iter().map(|file| file.size).sum(),
            rows_in,
            rows_used,
            rows_quarantined: quarantined.iter().map(|frame| frame.height() as u64).sum(),
            rows_later,
        };
        rows.add_up(planned.files.iter().map(|file| context.rows_of(file)).sum())?;
        report.findings.extend(findings);
        if let Purpose::Run(history) = purpose {
            report.findings.extend(references.unchecked(source));
            if !planned.files.is_empty() {
                report.findings.extend(whole::findings(context, source, &census, history));
            }
            report.findings.extend(whole::added_columns(context, source, planned));
            report.findings.push(rows.finding(source));
        }
        if !quarantined.is_empty() {
            report.quarantined.push((source.name.clone(), quarantined));
        }
        report.sources.push(rows);
    }
    context.observer.finished(Stage::Read);
    let fatal: Vec<Finding> = report.findings.iter().filter(|finding| finding.stops()).cloned().collect();
    if fatal.is_empty() { Ok(report) } else { Err(EngineError::Contract(fatal)) }
}

/// What a run reads: every source with its files and the rollups over it.
struct Sources<'a> {
    all: Vec<(&'a Source, &'a SourcePlan, Vec<&'a Rollup>)>,
}

impl<'a> Sources<'a> {
    fn of(context: &Context<'a>, whole: &BTreeSet<&str>) -> Self {
        let project = context.project;
        let all = context.plan.sources.iter().filter_map(|(name, planned)| {
            let source = project.sources.get(name)?;
            let rollups: Vec<&Rollup> = project.rollups.values().filter(|rollup| rollup.from.value == *name).collect();
            (whole.contains(name.as_str()) || !rollups.is_empty()).then_some((source, planned, rollups))
        });
        Self { all: all.collect() }
    }
}

/// What reducing a source gave beside its rollups.
struct Reduced {
    /// In, used, later.
    rows: (u64, u64, u64),
    findings: Vec<Finding>,
    quarantined: Vec<DataFrame>,
    census: Census,
}

/// Reduces a source for its rollups and for the checks that need counts over all files; with `references` these are judged.
fn reduce(
    context: &Context<'_>,
    source: &Source,
    planned: &SourcePlan,
    rollups: &[&Rollup],
    references: Option<&References>,
    frames: &mut Frames,
) -> Result<Reduced, EngineError> {
    let referring: Vec<&Column> = source.references().map(|(column, _)| column).collect();
    let mut checks: Vec<Rollup> =
        referring.iter().map(|column| counted_by(source, Check::References, &column.name, false)).collect();
    if let (Some(time), Some(_)) = (&source.time, source.freshness) {
        checks.push(counted_by(source, Check::Freshness, &time.value, true));
    }
    let reduction = rollup::reduce(context, source, &planned.files, rollups, &checks, references.is_some())?;
    for (rollup, rolled) in rollups.iter().zip(reduction.rolled) {
        frames.rollups.insert(rollup.name.clone(), rolled);
    }
    let mut findings = reduction.findings;
    for (column, files) in referring.iter().zip(&reduction.counted) {
        findings.extend(references.map(|references| references.judge(source, column, files)).transpose()?.flatten());
    }
    let days = reduction.counted.get(referring.len()).map(Vec::as_slice).unwrap_or_default();
    Ok(Reduced {
        rows: (reduction.rows_in, reduction.rows_used, reduction.rows_later),
        findings,
        quarantined: reduction.quarantined,
        census: Census::counted(source, reduction.rows_used, days)?,
    })
}

impl SourceRows {
    /// Every row in the files is used, set aside or later than the run's day.
    fn add_up(&self, in_files: u64) -> Result<(), EngineError> {
        let Self { rows_in, rows_used, rows_quarantined, rows_later, .. } = self;
        if *rows_in == in_files && *rows_in == rows_used + rows_quarantined + rows_later {
            return Ok(());
        }
        let what = format!(
            "the files hold {in_files} rows, {rows_in} were read; {rows_used} used + {rows_quarantined} set aside + {rows_later} later make {}",
            rows_used + rows_quarantined + rows_later
        );
        Err(EngineError::RowsLost { source_name: self.source.clone(), what })
    }

    /// What became of all rows.
    fn finding(&self, source: &Source) -> Finding {
        let mut finding = Finding::named(&source.name, "rows", "", Severity::Quarantine);
        (finding.rows_in, finding.rows_failed) = (self.rows_in, self.rows_quarantined);
        finding.breached = self.rows_quarantined > 0;
        if self.rows_later > 0 {
            finding.detail = format!("{} rows are later than the day", self.rows_later);
        }
        finding
    }
}

/// Sources that something other than a rollup reads.
fn read_whole(project: &Project) -> BTreeSet<&str> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    names.extend(
        project.entities.values().filter_map(|entity| entity.snapshot.as_ref()).map(|name| name.value.as_str()),
    );
    for table in project.tables.values() {
        names.extend(table.reads(project).into_iter().map(|name| name.value.as_str()));
    }
    for fact in project.facts.values() {
        if let FactInput::Table(name) = &fact.from {
            names.insert(&name.value);
        }
    }
    for mart in project.marts.values() {
        match &mart.body {
            MartBody::From(name) => {
                names.insert(&name.value);
            }
            MartBody::Sql(sql) => names.extend(sql.reads.iter().map(|name| name.value.as_str())),
        }
    }
    let settings = &project.settings;
    names.extend(
        [&settings.rates, &settings.targets, &settings.benchmarks]
            .into_iter()
            .flatten()
            .map(|name| name.value.as_str()),
    );
    names.retain(|name| project.sources.contains_key(*name));
    names
}

/// Names of columns that anything in the project mentions. A column of a source that is none of them is checked and not
/// held in memory.
struct Mentioned(Option<BTreeSet<String>>);

impl Mentioned {
    fn by(project: &Project) -> Self {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for entity in project.entities.values() {
            names.insert(entity.key.clone());
            names.extend(entity.dimensions.iter().map(|name| name.value.clone()));
        }
        let tables = project.tables.values().filter_map(|table| match &table.body {
            TableBody::Sql(sql) => Some(sql),
            TableBody::Rows { .. } | TableBody::Attribution { .. } => None,
        });
        let marts = project.marts.values().filter_map(|mart| match &mart.body {
            MartBody::Sql(sql) => Some(sql),
            MartBody::From(_) => None,
        });
        for sql in tables.chain(marts) {
            if columns_read(sql).is_none() {
                return Self(None);
            }
            names.extend(words(&sql.text));
        }
        for mart in project.marts.values() {
            if matches!(&mart.body, MartBody::From(name) if project.sources.contains_key(&name.value)) {
                return Self(None);
            }
        }
        for fact in project.facts.values() {
            let expressions = fact.measures.values().chain(&fact.filter);
            names.extend(expressions.flat_map(|expr| words(&expr.text)));
            names.extend(fact.time.iter().chain(fact.dimensions.values()).map(|name| name.value.clone()));
            if let FactKind::Stock { from, to } = &fact.kind {
                names.extend([from.value.clone(), to.value.clone()]);
            }
            if let Some(keep) = &fact.keep_last {
                names.extend(keep.by.iter().chain([&keep.order]).map(|name| name.value.clone()));
            }
        }
        for attribution in project.attributions.values() {
            names.extend(attribution.columns().map(|name| name.value.clone()));
        }
        for score in project.scores.values() {
            names.insert(score.signal.value.clone());
            names.extend(score.components.values().flat_map(|component| words(&component.measure.text)));
        }
        names.extend(project.sources.values().filter_map(|source| Some(source.time.as_ref()?.value.clone())));
        let settings = &project.settings;
        let roles = [&settings.rates, &settings.targets, &settings.benchmarks].into_iter().flatten();
        for source in roles.filter_map(|name| project.sources.get(&name.value)) {
            names.extend(source.columns.keys().cloned());
        }
        Self(Some(names))
    }

    fn holds(&self, column: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(column))
    }
}

/// What may be a name in SQL: more than is one, which does no harm.
fn words(sql: &str) -> impl Iterator<Item = String> {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_owned)
}
