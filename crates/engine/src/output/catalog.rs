//! The marts that describe the others: `kpi_catalog` and `data_quality`.

use std::collections::BTreeMap;

use abmart_plan::calendar::grain_name;
use abmart_spec::model::{Better, Kpi, Severity};
use jiff::civil::Date;
use polars::prelude::*;

use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::load::day_number;

/// One row a KPI: what it is called, how it is computed, who answers for it.
///
/// # Errors
/// When Polars cannot build the frame.
pub fn kpi_catalog(
    kpis: &[&Kpi],
    definitions: &BTreeMap<String, String>,
    since: &BTreeMap<String, i32>,
    title_of_job: &dyn Fn(&str) -> String,
) -> Result<DataFrame, EngineError> {
    let text = |name: &str, of: &dyn Fn(&Kpi) -> String| {
        Series::new(name.into(), kpis.iter().map(|kpi| of(kpi)).collect::<Vec<_>>()).into_column()
    };
    let limit = |name: &str, of: &dyn Fn(&Kpi) -> Option<f64>| {
        Series::new(name.into(), kpis.iter().map(|kpi| of(kpi)).collect::<Vec<_>>()).into_column()
    };
    let grains = |kpi: &Kpi| kpi.grains.iter().map(|grain| grain_name(*grain)).collect::<Vec<_>>().join(", ");
    let cuts = |kpi: &Kpi| kpi.cuts.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ");
    let scope =
        |kpi: &Kpi| kpi.scope.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let held = kpis.iter().map(|kpi| since.get(&kpi.name).copied()).collect::<Vec<_>>();
    let columns = vec![
        text("kpi", &|kpi| kpi.name.clone()),
        Series::new("version".into(), kpis.iter().map(|kpi| i64::from(kpi.version)).collect::<Vec<_>>()).into_column(),
        text("title_en", &|kpi| kpi.title.en.clone()),
        text("title_fr", &|kpi| kpi.title.fr.clone()),
        text("description", &|kpi| kpi.description.trim().to_owned()),
        text("formula", &|kpi| kpi.formula.text.trim().to_owned()),
        text("unit", &|kpi| kpi.unit.name().to_owned()),
        text("better", &|kpi| if kpi.better == Better::Higher { "higher" } else { "lower" }.to_owned()),
        text("level", &|kpi| kpi.level.join(", ")),
        text("cadence", &|kpi| kpi.cadence.clone()),
        text("owner", &|kpi| kpi.owner.clone()),
        text("scope", &|kpi| if kpi.core { "core" } else { "local" }.to_owned()),
        text("styles", &|kpi| kpi.styles.join(", ")),
        text("job", &|kpi| kpi.job.clone()),
        text("job_title", &|kpi| title_of_job(&kpi.job)),
        text("grains", &grains),
        text("cuts", &cuts),
        text("holds_in", &scope),
        limit("benchmark_alarm", &|kpi| kpi.benchmark.and_then(|limits| limits.alarm)),
        limit("benchmark_healthy", &|kpi| kpi.benchmark.and_then(|limits| limits.healthy)),
        limit("benchmark_strong", &|kpi| kpi.benchmark.and_then(|limits| limits.strong)),
        text("definition", &|kpi| definitions.get(&kpi.name).cloned().unwrap_or_default()),
        Series::new("defined_on".into(), held).cast(&DataType::Date)?.into_column(),
    ];
    Ok(DataFrame::new(kpis.len(), columns)?)
}

/// One row a source and check: how many rows were looked at, how many failed, what became of them.
///
/// # Errors
/// When Polars cannot build the frame.
pub fn data_quality(findings: &[Finding], as_of: Date) -> Result<DataFrame, EngineError> {
    let text = |name: &str, of: &dyn Fn(&Finding) -> String| {
        Series::new(name.into(), findings.iter().map(of).collect::<Vec<_>>()).into_column()
    };
    let count = |name: &str, of: &dyn Fn(&Finding) -> u64| {
        let values: Vec<i64> = findings.iter().map(|finding| i64::try_from(of(finding)).unwrap_or(i64::MAX)).collect();
        Series::new(name.into(), values).into_column()
    };
    let day = Series::new("as_of".into(), vec![day_number(as_of); findings.len()]).cast(&DataType::Date)?;
    let columns = vec![
        day.into_column(),
        text("source", &|finding| finding.source.clone()),
        text("column", &|finding| finding.column.clone()),
        text("check", &|finding| finding.check.clone()),
        text("severity", &|finding| finding.severity.name().to_owned()),
        text("status", &|finding| status(finding).to_owned()),
        count("rows_in", &|finding| finding.rows_in),
        count("rows_failed", &|finding| finding.rows_failed),
        count("rows_quarantined", &|finding| {
            if finding.severity == Severity::Quarantine { finding.rows_failed } else { 0 }
        }),
        text("files", &|finding| finding.files.join(", ")),
        text("detail", &|finding| finding.detail.clone()),
    ];
    Ok(DataFrame::new(findings.len(), columns)?)
}

fn status(finding: &Finding) -> &'static str {
    match (finding.breached, finding.severity) {
        (false, _) => "passed",
        (_, Severity::Warn) => "warned",
        (_, Severity::Quarantine) => "quarantined",
        (_, Severity::Fail) => "failed",
    }
}
