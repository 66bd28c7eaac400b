//! `abmart explain --stage`: what becomes of a definition on its way to Polars.

use std::collections::BTreeMap;
use std::fmt::Write;

use abmart_engine::explain::stage;
use abmart_spec::Project;
use abmart_spec::written::{self, Definition};

use crate::args::{ExplainStage, Global};
use crate::exit::{Failure, config};

/// A stage of some definitions.
///
/// # Errors
/// When the project has no definition of a name, or the stage is none of its kind.
pub fn shown(project: &Project, global: &Global, stage: ExplainStage, names: &[String]) -> Result<String, Failure> {
    let mut text = String::new();
    for name in names {
        let found = written::definitions(project, name);
        if found.is_empty() {
            let known = written::names(project);
            let help = "`abmart validate` counts what the project defines";
            return Err(super::unknown("definition", name, known.iter().map(String::as_str), help));
        }
        for definition in found {
            let (kind, place) = (definition.kind(), written::place(project, &definition));
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "# {kind} {name}{}", place.map(|place| format!("  ({place})")).unwrap_or_default());
            let body = body(project, global, stage, &definition)?;
            let _ = writeln!(text, "{}", body.trim_end());
        }
    }
    Ok(text)
}

fn body(project: &Project, global: &Global, wanted: ExplainStage, definition: &Definition) -> Result<String, Failure> {
    let name = definition.name();
    let none =
        |what: &str, has: &str| config(format!("{} `{name}` has no {what} of its own; {has} have", definition.kind()));
    match wanted {
        ExplainStage::Yaml => {
            let vars: BTreeMap<String, String> = global.vars.iter().cloned().collect();
            Ok(written::resolved(project, definition, &vars, &|name| std::env::var(name).ok()))
        }
        ExplainStage::Sql => stage::sql(project, definition, global.as_of)
            .map_err(|error| Failure::of_engine(error, &project.files))?
            .ok_or_else(|| none("SQL", "rollups, tables, facts, scores and KPIs")),
        ExplainStage::Plan => stage::plan(project, definition, global.as_of)
            .map_err(|error| Failure::of_engine(error, &project.files))?
            .ok_or_else(|| none("plan", "tables with SQL")),
    }
}
