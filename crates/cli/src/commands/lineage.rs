//! `abmart lineage`.

use abmart_lineage::{Direction, Focus, Lineage, NameError, Target, show};
use abmart_spec::Project;
use serde_json::{Value, json};

use crate::args::{Global, LineageArgs, LineageForm};
use crate::exit::{Failure, config};
use crate::text::print;
use crate::{lineage, project};

/// Shows what definitions and columns come from and where they go, or what breaks without one.
///
/// # Errors
/// When the project is wrong, or a name stands for nothing in it.
pub fn lineage(global: &Global, args: &LineageArgs) -> Result<(), Failure> {
    let project = project::load(global)?;
    let lineage = Lineage::of(&project);
    let text = match &args.if_removed {
        Some(name) => removal(&lineage, name, args.output)?,
        None => shown(&project, &lineage, args)?,
    };
    print(&text)
}

fn removal(lineage: &Lineage, name: &str, form: LineageForm) -> Result<String, Failure> {
    let target = match lineage.find(name) {
        // A source of the name is meant before others.
        Err(NameError::Ambiguous { .. }) => lineage.find(&format!("source:{name}")).map_err(config)?,
        found => found.map_err(config)?,
    };
    let removal = lineage.if_removed(&target);
    match form {
        LineageForm::Text => Ok(show::removal(lineage, &removal)),
        LineageForm::Json => pretty(&show::removal_json(lineage, &removal)),
        _ => Err(config("what a removal does is shown as text or json")),
    }
}

fn shown(project: &Project, lineage: &Lineage, args: &LineageArgs) -> Result<String, Failure> {
    let targets: Vec<Target> =
        args.names.iter().map(|name| lineage.find(name)).collect::<Result<_, _>>().map_err(config)?;
    if args.output == LineageForm::Openlineage {
        return pretty(&Value::Array(lineage::events(project, lineage, &targets)));
    }
    if targets.is_empty() {
        return everything(lineage, args.output);
    }
    // All columns of a definition with all that they come from would fill pages.
    let short = args.columns && targets.iter().any(|target| matches!(target, Target::Definition(_)));
    let focus = Focus {
        direction: match (args.upstream, args.downstream) {
            (true, _) => Direction::Upstream,
            (_, true) => Direction::Downstream,
            _ => Direction::Both,
        },
        depth: args.depth.map(usize::from).or(short.then_some(1)),
        columns: args.columns,
        rows: args.rows,
    };
    let view = lineage.view(&targets, &focus);
    match args.output {
        LineageForm::Mermaid => Ok(show::mermaid(&view)),
        LineageForm::Dot => Ok(show::dot(&view)),
        LineageForm::Json => pretty(&show::json(&view)),
        LineageForm::Text | LineageForm::Openlineage => Ok(show::text(&view)),
    }
}

/// Without a name: how much there is and how to ask for it; for machines all of it.
fn everything(lineage: &Lineage, form: LineageForm) -> Result<String, Failure> {
    let all = || {
        let targets: Vec<Target> = lineage.nodes().cloned().map(Target::Definition).collect();
        lineage.view(&targets, &Focus { direction: Direction::Upstream, depth: Some(1), ..Focus::default() })
    };
    match form {
        LineageForm::Text | LineageForm::Openlineage => Ok(format!("{}{HOW_TO_ASK}", show::counts(lineage))),
        LineageForm::Mermaid => Ok(show::mermaid(&all())),
        LineageForm::Dot => Ok(show::dot(&all())),
        LineageForm::Json => {
            let mut value = show::json(&all());
            value["targets"] = json!([]);
            pretty(&value)
        }
    }
}

const HOW_TO_ASK: &str = "
abmart lineage win_rate                            what a definition comes from and where it goes
abmart lineage mart:account_360 --columns          its columns, with what each comes from
abmart lineage account_360.owner                   one column; --upstream or --downstream: one way
abmart lineage --if-removed touchpoints.channel    what breaks and what changes without a column
";

fn pretty(value: &Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map(|text| format!("{text}\n")).map_err(config)
}
