//! `abmart plan`.

use std::fmt::Write;

use abmart_engine::cache::RunCache;
use abmart_plan::Effort;
use abmart_plan::calendar::{Period, grain_name};
use serde_json::json;

use crate::args::{Global, PlanArgs};
use crate::exit::{Failure, config};
use crate::project::{self, Prepared};
use crate::text::{bytes, count, print};

/// Shows what a run would read and compute, and why.
///
/// # Errors
/// As a run would fail before it begins: a wrong project, an unreadable lake, a broken contract.
pub fn plan(global: &Global, args: &PlanArgs) -> Result<(), Failure> {
    let project = project::load(global)?.restricted_to(&args.pipeline);
    project::computes(&project, &args.pipeline)?;
    let prepared = project::prepare(&project, &args.pipeline, global, &RunCache::none())?;
    let (plan, footers) = (&prepared.plan, &prepared.footers);
    let effort = Effort::of(&project, plan, footers, rayon::current_num_threads(), global.memory);
    if args.json {
        let text = serde_json::to_string_pretty(&json!({
            "plan": prepared.plan,
            "lake": prepared.lake.label(),
            "rows": prepared.footers.iter().map(|(key, footer)| (key.clone(), footer.rows)).collect::<std::collections::BTreeMap<_, _>>(),
            "effort": effort,
            "definitions": abmart_spec::fingerprint::fingerprints(&project),
        }))
        .map_err(config)?;
        return print(&format!("{text}\n"));
    }
    print(&rendered(&project, &prepared, &effort))
}

fn rendered(project: &abmart_spec::Project, prepared: &Prepared, effort: &Effort) -> String {
    let plan = &prepared.plan;
    let mut text = String::new();
    let _ = writeln!(text, "pipeline {} for {}, lake {}", plan.pipeline, plan.as_of, prepared.lake.label());
    let _ = writeln!(text, "\nperiods");
    for (grain, of_grain) in by_grain(&plan.periods) {
        let (Some(first), Some(last)) = (of_grain.first(), of_grain.last()) else { continue };
        let partial = if last.partial { ", the last one partial" } else { "" };
        let _ = writeln!(text, "  {grain:<15} {:>4}  from {} to {}{partial}", of_grain.len(), first.start, last.cutoff);
    }
    let _ = writeln!(text, "\nsources {:>22} {:>12} {:>10}  why", "files", "rows", "bytes");
    let (mut files, mut rows) = (0, 0);
    for (name, source) in &plan.sources {
        let own: u64 = source.files.iter().filter_map(|file| prepared.footers.get(&file.key)).map(|f| f.rows).sum();
        let size: u64 = source.files.iter().map(|file| file.size).sum();
        files += source.files.len();
        rows += own;
        let _ = writeln!(
            text,
            "  {name:<20} {:>7} {:>12} {:>10}  {}",
            source.files.len(),
            count(own),
            bytes(size),
            source.why
        );
    }
    let _ = writeln!(text, "  {:<20} {files:>7} {:>12} {:>10}", "together", count(rows), bytes(plan.bytes()));
    if effort.rollups > 0 {
        let _ = writeln!(
            text,
            "\nreduces {} rows ({}) for {} rollups: about {} here and {} of memory, with nothing in the cache",
            count(effort.rows),
            bytes(effort.bytes),
            effort.rollups,
            duration(effort.seconds),
            bytes(effort.memory),
        );
        if effort.is_long() {
            let _ = writeln!(
                text,
                "  a cluster can do that: `engine: {{spark: …}}` of the pipeline, or `--engine spark` (docs/scaling.md)"
            );
        }
    }
    let kpis = project.kpis.values().filter(|kpi| kpi.published).count();
    let _ = writeln!(
        text,
        "\ncomputes {} rollups, {} tables, {} attributions, {} facts and {kpis} KPIs; publishes {}",
        project.rollups.len(),
        project.defined_tables(),
        project.attributions.len(),
        project.facts.len() + project.scores.len(),
        project.marts.keys().cloned().collect::<Vec<_>>().join(", "),
    );
    text
}

/// Seconds in words, as roughly as they are known.
fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1.0 => "a second".to_owned(),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7_200.0 => format!("{:.0} minutes", seconds / 60.0),
        seconds => format!("{:.0} hours", seconds / 3_600.0),
    }
}

fn by_grain(periods: &[Period]) -> Vec<(&'static str, Vec<Period>)> {
    let mut grains: Vec<(&'static str, Vec<Period>)> = Vec::new();
    for period in periods {
        let name = grain_name(period.grain);
        match grains.last_mut() {
            Some((known, of_grain)) if *known == name => of_grain.push(*period),
            _ => grains.push((name, vec![*period])),
        }
    }
    grains
}
