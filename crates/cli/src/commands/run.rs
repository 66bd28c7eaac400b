//! `abmart run`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use abmart_engine::cache::{CacheReport, Reuse};
use abmart_engine::context::{Budget, Context};
use abmart_engine::{Outcome, Shelf, Target};
use abmart_spec::Project;
use abmart_spec::model::MartFormat;
use abmart_store::{Claim, Lease, Publication, Published, Store};
use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use crate::args::{Global, RunArgs};
use crate::exit::{Failure, chain};
use crate::interrupt;
use crate::progress::{self, Progress};
use crate::project::{self, Prepared};
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
    let marts = project::open(&project.stores.marts, &project, true)?;
    let mut results = RunResults::begun(new_run_id(), args.pipeline.clone());
    // Where another run holds the lease, its results are not overwritten.
    let lease =
        marts.acquire(&Claim { unguarded: project.stores.marts.unsafe_no_lease, ..Claim::of(&results.run_id) })?;
    let outcome = publish(&project, args, global, &lease, &mut results);
    if let Err(failure) = &outcome {
        results.exit_code = failure.code();
        results.error = Some(failure.text());
        lease.abandon();
    }
    match lease.check() {
        Ok(()) => results.write(&marts, begun.elapsed())?,
        // The results beside the marts are those of the run that took over.
        Err(error) => tracing::warn!(error = chain(&error), "run_results.json is not written"),
    }
    if let Err(error) = lease.release() {
        tracing::warn!(error = chain(&error), "the lease could not be given back; it ends in time");
    }
    let published = outcome?;
    if !global.quiet {
        print(&summary(&results, &published, &marts, begun.elapsed().as_secs_f64()))?;
    }
    Ok(())
}

fn publish(
    project: &Project,
    args: &RunArgs,
    global: &Global,
    lease: &Lease,
    results: &mut RunResults,
) -> Result<Published, Failure> {
    let marts = lease.store();
    let recovered = lease.recover()?;
    tracing::debug!(?recovered, "store of marts is clean");
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
    lease.check()?;
    quarantine(&outcome, marts)?;
    context.check_interrupted().map_err(|error| Failure::of_engine(error, &project.files))?;
    let delta = project.marts.values().filter(|mart| mart.format == MartFormat::Delta);
    let published = lease.publish(&Publication {
        run_id: results.run_id.clone(),
        as_of: Some(plan.as_of.to_string()),
        files: outcome.staged.clone(),
        delta: delta.map(|mart| mart.name.clone()).collect(),
        ..Publication::default()
    })?;
    results.marts = mart_results(&outcome, &published);
    cache.remember(&results.run_id);
    results.status = "published";
    results.exit_code = 0;
    tracing::info!(run_id = results.run_id, marts = results.marts.len(), "run published");
    Ok(published)
}

/// Rows set aside, one file a source, out of the sight of the marts' readers.
fn quarantine(outcome: &Outcome, marts: &Store) -> Result<(), Failure> {
    for object in marts.list("_quarantine")? {
        marts.delete(&object.key)?;
    }
    for (source, rows) in &outcome.quarantined {
        marts.put(&format!("_quarantine/{source}.parquet"), encoded(rows)?)?;
        tracing::warn!(source, rows = rows.num_rows(), "rows quarantined");
    }
    Ok(())
}

fn encoded(rows: &RecordBatch) -> Result<Bytes, Failure> {
    let failed = |error: parquet::errors::ParquetError| Failure::Run(chain(&error));
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, Arc::clone(&rows.schema()), None).map_err(failed)?;
    writer.write(rows).map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(Bytes::from(file))
}

fn mart_results(outcome: &Outcome, published: &Published) -> Vec<MartResult> {
    let mut names: Vec<&String> = outcome.staged.iter().map(|file| &file.mart).collect();
    names.dedup();
    let result = |name: &String| {
        let mart = published.manifest.marts.get(name)?;
        Some(MartResult {
            mart: name.clone(),
            rows: mart.rows,
            bytes: mart.files.iter().map(|file| file.size).sum(),
            unchanged: mart.files.iter().all(|file| published.unchanged.contains(&file.key)),
            delta_version: mart.delta_version,
        })
    };
    names.into_iter().filter_map(result).collect()
}

fn summary(results: &RunResults, published: &Published, marts: &Store, seconds: f64) -> String {
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
        let _ = writeln!(
            text,
            "  finding   {}: {} {} fails for {} of {} rows{}",
            finding.source,
            finding.check,
            finding.column,
            count(finding.rows_failed),
            count(finding.rows_in),
            if finding.files.is_empty() { String::new() } else { format!(" ({})", finding.files.join(", ")) },
        );
    }
    if let Some(key) = published.manifest.key_of("executive_summary", "part-0.parquet")
        && let Ok(mart) = marts.get(key)
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
