//! The first stage: sources read and checked, rollups reduced; what the run needs of the lake is in memory after it.

use std::collections::BTreeSet;

use abmart_spec::graph::columns_read;
use abmart_spec::model::{FactInput, FactKind, MartBody, Project, Rollup, Severity, TableBody};
use polars::prelude::DataFrame;
use serde::Serialize;

use crate::context::{Context, Stage};
use crate::error::EngineError;
use crate::input::contract::Finding;
use crate::input::{load, rollup};
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

/// Reads everything that tables, facts and entities name.
///
/// # Errors
/// When a file cannot be read or a check with severity `fail` fails.
pub fn read(context: &Context<'_>, frames: &mut Frames) -> Result<ReadReport, EngineError> {
    let total = context.footers.values().map(|footer| footer.rows).sum();
    context.observer.started(Stage::Read, total);
    let mut report = ReadReport::default();
    let whole = read_whole(context.project);
    let mentioned = Mentioned::by(context.project);
    for (name, planned) in &context.plan.sources {
        let Some(source) = context.project.sources.get(name) else { continue };
        let mut rows = SourceRows {
            source: name.clone(),
            files: planned.files.len(),
            bytes: planned.files.iter().map(|file| file.size).sum(),
            rows_in: 0,
            rows_used: 0,
            rows_quarantined: 0,
            rows_later: 0,
        };
        let rollups: Vec<&Rollup> =
            context.project.rollups.values().filter(|rollup| rollup.from.value == *name).collect();
        let _timed = tracing::debug_span!("source", name).entered();
        if rollups.is_empty() && !whole.contains(name.as_str()) {
            continue;
        }
        if !rollups.is_empty() {
            let reduction = rollup::reduce(context, source, &planned.files, &rollups)?;
            for (rollup, rolled) in rollups.iter().zip(reduction.rolled) {
                frames.rollups.insert(rollup.name.clone(), rolled);
            }
            rows.rows_in = reduction.rows_in;
            rows.rows_later = reduction.rows_later;
            report.add(&mut rows, reduction.findings, reduction.quarantined);
        }
        if whole.contains(name.as_str()) {
            let reading = load::load(context, source, &planned.files, &|column| mentioned.holds(column))?;
            frames.sources.insert(name.clone(), reading.loaded);
            if rollups.is_empty() {
                rows.rows_in = reading.rows_in;
                rows.rows_later = reading.rows_later;
                report.add(&mut rows, reading.findings, reading.quarantined);
            }
        }
        rows.rows_used = rows.rows_in - rows.rows_quarantined - rows.rows_later;
        report.sources.push(rows);
    }
    context.observer.finished(Stage::Read);
    Ok(report)
}

impl ReadReport {
    fn add(&mut self, rows: &mut SourceRows, findings: Vec<Finding>, quarantined: Vec<DataFrame>) {
        rows.rows_quarantined = quarantined.iter().map(|frame| frame.height() as u64).sum();
        self.findings.extend(findings);
        self.findings.push(Finding {
            source: rows.source.clone(),
            check: "rows".to_owned(),
            column: String::new(),
            severity: Severity::Quarantine,
            rows_in: rows.rows_in,
            rows_failed: rows.rows_quarantined,
            files: Vec::new(),
        });
        if !quarantined.is_empty() {
            self.quarantined.push((rows.source.clone(), quarantined));
        }
    }
}

/// Sources that something other than a rollup reads.
fn read_whole(project: &Project) -> BTreeSet<&str> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    names.extend(
        project.entities.values().filter_map(|entity| entity.snapshot.as_ref()).map(|name| name.value.as_str()),
    );
    for table in project.tables.values() {
        if let TableBody::Sql(sql) = &table.body {
            names.extend(sql.reads.iter().map(|name| name.value.as_str()));
        }
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
            TableBody::Rows { .. } => None,
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
