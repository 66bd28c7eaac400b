//! The first stage: sources read and checked, rollups reduced; what the run needs of the lake is in memory after it.

use std::collections::BTreeSet;

use abmart_spec::model::{FactInput, Project, Rollup, Severity, TableBody};
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
            let reading = load::load(context, source, &planned.files)?;
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
            abmart_spec::model::MartBody::From(name) => {
                names.insert(&name.value);
            }
            abmart_spec::model::MartBody::Sql(sql) => names.extend(sql.reads.iter().map(|name| name.value.as_str())),
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
