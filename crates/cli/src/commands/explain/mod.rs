//! `abmart explain`: where a figure comes from, or what becomes of a definition.

mod figures;
mod render;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use abmart_engine::Shelf;
use abmart_engine::context::{Budget, Context};
use abmart_engine::explain::{ExplainError, Question, RowsWanted};
use abmart_plan::{Plan, period_text};
use abmart_spec::Project;
use abmart_spec::diagnostic::did_you_mean;
use serde_json::json;

use crate::args::{ExplainArgs, Global};
use crate::exit::{Failure, config};
use crate::interrupt;
use crate::progress::Progress;
use crate::project::{self, Prepared};
use crate::run_id;
use crate::text::print;

/// Explains figures, or shows a stage of a compilation. Nothing is published or locked; only the cache is written.
///
/// # Errors
/// As a run (3, 1, 130), and when a name, a period or a cut is none (2).
pub fn explain(global: &Global, args: &ExplainArgs) -> Result<(), Failure> {
    interrupt::listen();
    let whole = project::load(global)?;
    if let Some(wanted) = args.stage {
        return print(&stage::shown(&whole, global, wanted, &args.names)?);
    }
    if !whole.pipelines.contains_key(&args.pipeline) {
        let names = whole.pipelines.keys().map(String::as_str);
        return Err(unknown("pipeline", &args.pipeline, names, "`abmart plan` shows what one computes"));
    }
    let whole = whole.restricted_to(&args.pipeline);
    project::computes(&whole, &args.pipeline)?;
    for name in &args.names {
        if !whole.kpis.contains_key(name) {
            let known = whole.kpis.keys().map(String::as_str);
            let help = format!("the KPIs of pipeline `{}` stand in its mart `kpi_catalog`", args.pipeline);
            return Err(unknown("KPI", name, known, &help));
        }
    }
    let cut = cut(args)?;
    let part = whole.restricted_to_kpis(args.names.iter().map(String::as_str));
    let cache = Arc::new(project::visited_cache(&whole)?);
    let prepared = project::prepare_period((&whole, &part), &args.pipeline, global, &cache, args.period.as_deref())?;
    let Prepared { lake, plan, footers } = &prepared;
    let scratch = std::env::temp_dir().join(format!("abmart-{}", run_id::next()));
    let budget = Budget { memory: global.memory, threads: rayon::current_num_threads() };
    let shelf = Arc::new(Shelf::new(&scratch, budget.held_rollups()));
    let context = Context {
        project: &part,
        plan,
        lake: Some(lake),
        footers,
        budget,
        shelf: &shelf,
        cache: &cache,
        remote: None,
        observer: &Progress::new(global),
        interrupted: interrupt::flag(),
    };
    let entities: BTreeSet<String> = args.entity.iter().cloned().collect();
    let rows = args.rows.then_some(RowsWanted { entities, limit: args.limit });
    let question = Question { kpis: &args.names, cut: &cut, top: args.top, rows };
    // Bands of scores that follow the data hold as they were published; where nothing is, they are those of the project.
    let marts = project::open(&whole.stores.marts, &whole, false).ok();
    let explained = abmart_engine::explain::explain(&context, &whole, marts.as_ref(), &question);
    let explained = explained.map_err(|error| match error {
        ExplainError::Engine(error) => Failure::of_engine(error, &part.files),
        other => config(other),
    })?;
    if args.json {
        let text = serde_json::to_string_pretty(&json!({
            "pipeline": plan.pipeline,
            "as_of": plan.as_of,
            "lake": lake.label(),
            "period": plan.periods.first().map(|period| json!({
                "name": name_of_period(plan, &part),
                "grain": period.grain,
                "start": period.start,
                "end": period.end,
                "partial": period.partial,
            })),
            "cut": cut,
            "explanations": explained,
        }))
        .map_err(config)?;
        return print(&format!("{text}\n"));
    }
    let about = render::About { period: name_of_period(plan, &part), plan, cut: &cut, lake: lake.label() };
    let texts: Vec<String> = explained.iter().map(|explanation| render::explanation(explanation, &about)).collect();
    print(&texts.join("\n\n"))
}

/// What the period of a plan of one period is called.
fn name_of_period(plan: &Plan, project: &Project) -> String {
    let period = plan.periods.first();
    period.map(|period| period_text(period, project.settings.fiscal_year_start)).unwrap_or_default()
}

fn cut(args: &ExplainArgs) -> Result<BTreeMap<String, String>, Failure> {
    let mut cut = BTreeMap::new();
    for (dimension, value) in &args.cut {
        if cut.insert(dimension.clone(), value.clone()).is_some() {
            return Err(config(format!("`--cut` names `{dimension}` twice; a cut holds one value of a dimension")));
        }
    }
    Ok(cut)
}

/// A name that the project does not have.
fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>, help: &str) -> Failure {
    let help = did_you_mean(name, known).map_or_else(|| help.to_owned(), |near| format!("did you mean `{near}`?"));
    config(format!("there is no {what} `{name}`; {help}"))
}
