//! Whether the targets of the lake are for KPIs that there are. One that is not would be met by nothing and missed by nobody.

use abmart_spec::diagnostic::did_you_mean;
use abmart_spec::model::{Check, Mart, Severity};
use polars::prelude::*;

use super::finding::Finding;
use crate::context::Context;
use crate::error::EngineError;
use crate::scope::{Frames, Scope};

/// KPIs that a finding names.
const NAMED: usize = 5;

/// What is to be said of the source of targets; nothing where the run shows no values, or the contract has a list of its own.
///
/// # Errors
/// When the source cannot be read.
pub fn findings(context: &Context<'_>, frames: &Frames) -> Result<Option<Finding>, EngineError> {
    let project = context.project;
    let shows_values = project.marts.values().flat_map(Mart::reads).any(|read| read.value == "kpi_values");
    let Some(source) = project.settings.targets.as_ref().and_then(|name| project.sources.get(&name.value)) else {
        return Ok(None);
    };
    if !shows_values || source.columns.get("kpi").is_none_or(|column| !column.values.is_empty()) {
        return Ok(None);
    }
    let rows =
        Scope::of_run(project, context.plan, frames).rows(&source.name, false)?.select([col("kpi")]).collect()?;
    let names = crate::codes::plain(rows)?;
    let names = names.column("kpi")?.str()?;
    let unknown: Vec<&str> = names.iter().flatten().filter(|name| !project.kpis.contains_key(*name)).collect();
    let mut different = unknown.clone();
    different.sort_unstable();
    different.dedup();
    let said =
        different.iter().take(NAMED).map(|name| match did_you_mean(name, project.kpis.keys().map(String::as_str)) {
            Some(near) => format!("`{name}` (did you mean `{near}`?)"),
            None => format!("`{name}`"),
        });
    let said = said.collect::<Vec<_>>().join(", ");
    Ok(Some(Finding {
        breached: !unknown.is_empty(),
        rows_in: names.len() as u64,
        rows_failed: unknown.len() as u64,
        detail: if unknown.is_empty() { String::new() } else { format!("targets of what is no KPI: {said}") },
        ..Finding::named(&source.name, Check::AcceptedValues.name(), "kpi", Severity::Warn)
    }))
}
