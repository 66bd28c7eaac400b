//! `abmart run`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use abmart_engine::cache::{CacheReport, Reuse};
use abmart_engine::context::{Budget, Context};
use abmart_engine::{Outcome, Shelf, Target};
use abmart_spec::Project;
use abmart_store::{Publication, Published, Store};

use crate::args::{Global, RunArgs};
use crate::exit::Failure;
use crate::interrupt;
use crate::progress::{self, Progress};
use crate::project::{self, Prepared};
use crate::quarantine;
use crate::results::{MartResult, RunResults};
use crate::text::{bytes, count, print};

/// Computes the KPIs and publishes the marts.
///
/// # Errors
/// A wrong project (2), a failed environment (3), a failed run or audit (1), an interruption (130, 143). Only a
/// complete run changes what readers see.
pub fn run(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    interrupt::listen();
    let project = project::load(global)?.restricted_to(&args.pipeline);
    let marts = project::open(&project.stores.marts.value, &project, true)?;
    let recovered = marts.recover()?;
    tracing::debug!(?recovered, "store of marts is clean");
    let mut results = RunResults::begun(new_run_id(), args.pipeline.clone());
    let outcome = publish(&project, args, global, &marts, &mut results);
    if let Err(failure) = &outcome {
        results.exit_code = failure.code();
        results.error = Some(failure.text());
        let _ = marts.discard_staging(&results.run_id);
        let _ = quarantine::discard(&marts, &results.run_id);
    }
    results.write(&marts, begun.elapsed())?;
    outcome?;
    if !global.quiet {
        print(&summary(&results, &marts, begun.elapsed().as_secs_f64()))?;
    }
    Ok(())
}

fn publish(
    project: &Project,
    args: &RunArgs,
    global: &Global,
    marts: &Store,
    results: &mut RunResults,
) -> Result<(), Failure> {
    let Prepared { lake, plan, footers } = project::prepare(project, &args.pipeline, global)?;
    results.as_of = Some(plan.as_of);
    tracing::info!(run_id = results.run_id, pipeline = plan.pipeline, as_of = %plan.as_of, bytes = plan.bytes(), "run started");
    let progress = Progress::new(global);
    let budget = Budget { memory: global.memory, threads: rayon::current_num_threads() };
    let scratch = std::env::temp_dir().join(format!("abmart-{}", results.run_id));
    let shelf = Arc::new(Shelf::new(&scratch, budget.held_rollups()));
    let cache = Arc::new(project::cache(project, args.full)?);
    let context = Context {
        project,
        plan: &plan,
        lake: Some(&lake),
        footers: &footers,
        budget,
        shelf: &shelf,
        cache: &cache,
        observer: &progress,
        interrupted: interrupt::flag(),
    };
    let definitions: BTreeMap<String, String> = abmart_spec::fingerprint::fingerprints(project);
    let target = Target { store: marts, run_id: &results.run_id, definitions: &definitions };
    let outcome = abmart_engine::run(&context, &target).map_err(|error| Failure::of_engine(error, &project.files))?;
    results.saw(&outcome);
    results.cache = cache.report();
    quarantine::write(&outcome, marts, &results.run_id)?;
    context.check_interrupted().map_err(|error| Failure::of_engine(error, &project.files))?;
    let published = marts.publish(&Publication {
        run_id: results.run_id.clone(),
        as_of: Some(plan.as_of.to_string()),
        files: outcome.staged.clone(),
        retired: Vec::new(),
    })?;
    quarantine::keep_only(marts, &results.run_id);
    results.marts = mart_results(&outcome, &published);
    cache.remember(&results.run_id);
    results.status = "published";
    results.exit_code = 0;
    tracing::info!(run_id = results.run_id, marts = results.marts.len(), "run published");
    Ok(())
}

fn mart_results(outcome: &Outcome, published: &Published) -> Vec<MartResult> {
    outcome
        .staged
        .iter()
        .map(|file| MartResult {
            mart: file.mart.clone(),
            rows: file.rows,
            bytes: file.bytes,
            unchanged: published.unchanged.contains(&file.published_key()),
        })
        .collect()
}

fn summary(results: &RunResults, marts: &Store, seconds: f64) -> String {
    let mut text = String::new();
    let day = results.as_of.map(|day| day.to_string()).unwrap_or_default();
    let _ = writeln!(text, "{} for {day}: published to {} in {seconds:.1} s", results.pipeline, marts.label());
    let rows_in: u64 = results.sources.iter().map(|source| source.rows_in).sum();
    let files: usize = results.sources.iter().map(|source| source.files).sum();
    let quarantined: u64 = results.sources.iter().map(|source| source.rows_quarantined).sum();
    let size: u64 = results.sources.iter().map(|source| source.bytes).sum();
    let _ = writeln!(
        text,
        "  read      {} rows in {} files ({}), {} quarantined",
        count(rows_in),
        files,
        bytes(size),
        count(quarantined)
    );
    let stages: Vec<String> =
        results.stages.iter().map(|time| format!("{} {:.1} s", progress::name(time.stage), time.seconds)).collect();
    let _ = writeln!(text, "  time      {}", stages.join(", "));
    let CacheReport { files, months, periods, .. } = &results.cache;
    if files.reused + months.reused + periods.reused > 0 {
        let of = |reuse: &Reuse| format!("{} of {}", count(reuse.reused), count(reuse.reused + reuse.computed));
        let _ =
            writeln!(text, "  reused    {} files, {} monthly tables, {} periods", of(files), of(months), of(periods));
    }
    for mart in &results.marts {
        let unchanged = if mart.unchanged { "  unchanged" } else { "" };
        let _ = writeln!(
            text,
            "  mart      {:<20} {:>12} rows {:>10}{unchanged}",
            mart.mart,
            count(mart.rows),
            bytes(mart.bytes)
        );
    }
    for finding in &results.findings {
        let _ = writeln!(text, "  finding   {finding}");
    }
    if let Ok(mart) = marts.get("executive_summary/part-0.parquet")
        && let Ok(figures) = abmart_report::executive::figures(mart)
    {
        text.push('\n');
        text.push_str(&figures);
    }
    text
}

/// The time in UTC and the process, so that two runs at the same second differ.
fn new_run_id() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("{now}-{:x}", std::process::id())
}
