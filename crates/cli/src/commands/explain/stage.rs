//! `abmart explain --stage`: what becomes of a definition on its way to Polars.

use std::fmt::Write;

use abmart_engine::explain::stage;
use abmart_spec::Project;
use abmart_spec::{Node, written};

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
        let bodies = found.iter().map(|definition| Ok((definition, body(project, global, stage, definition)?)));
        let bodies = bodies.collect::<Result<Vec<_>, Failure>>()?;
        if bodies.iter().all(|(_, body)| body.is_none()) {
            let kinds: Vec<&str> = found.iter().map(Node::kind).collect();
            return Err(config(format!("{} `{name}` has no {}", kinds.join(" and "), has(stage))));
        }
        for (definition, body) in bodies {
            let Some(body) = body else { continue };
            let place = written::place(project, definition).map(|place| format!("  ({place})")).unwrap_or_default();
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "# {} {name}{place}\n{}", definition.kind(), body.trim_end());
        }
    }
    Ok(text)
}

/// What a definition is shown of, and which definitions have it.
fn has(stage: ExplainStage) -> &'static str {
    match stage {
        ExplainStage::Yaml => "YAML",
        ExplainStage::Sql => "SQL of its own; rollups, tables, facts, scores and KPIs have",
        ExplainStage::Plan => "plan of its own; tables with SQL have",
    }
}

fn body(
    project: &Project,
    global: &Global,
    wanted: ExplainStage,
    definition: &Node,
) -> Result<Option<String>, Failure> {
    let failed = |error| Failure::of_engine(error, &project.files);
    match wanted {
        ExplainStage::Yaml => {
            Ok(Some(written::resolved(project, definition, &global.variables(), &crate::project::environment)))
        }
        ExplainStage::Sql => stage::sql(project, definition, global.as_of).map_err(failed),
        ExplainStage::Plan => stage::plan(project, definition, global.as_of).map_err(failed),
    }
}
