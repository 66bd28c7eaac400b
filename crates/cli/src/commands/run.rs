//! `abmart run`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use abmart_engine::cache::Reuse;
use abmart_engine::context::{Budget, Context};
use abmart_engine::remote::Remote;
use abmart_engine::{Shelf, Target};
use abmart_plan::Plan;
use abmart_spec::Project;
use abmart_spec::model::{Mart, MartFormat};
use abmart_store::{Claim, Lease, Publication, Published, RunRecord, StagedFile, Store};

use crate::args::{Global, RunArgs};
use crate::deliver;
use crate::engine;
use crate::exit::{Failure, chain};
use crate::interrupt;
use crate::kept;
use crate::ledger::{self, Ledger};
use crate::lineage::Lineage;
use crate::logging;
use crate::metrics::Metrics;
use crate::progress::{self, Progress};
use crate::project::{self, Prepared};
use crate::quarantine;
use crate::results::{MartResult, RunResults};
use crate::run_id;
use crate::text::{bytes, count, print};

/// Computes the KPIs and publishes the marts.
///
/// # Errors
/// A wrong project (2), a failed environment (3), a failed run or audit (1), an interruption (130, 143). Only a
/// complete run changes what readers see.
pub fn run(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    interrupt::listen();
    let mut results = RunResults::begun(run_id::next(), args.pipeline.clone(), global.as_of);
    logging::belongs_to(&results);
    let metrics = Metrics::to(args.metrics.as_deref())?;
    let outcome = project::load(global)
        .map(|project| project.restricted_to(&args.pipeline))
        .and_then(|project| night(&project, global, args, None, &mut results));
    // A project that does not load and stores that cannot be opened are told as well.
    results.conclude(outcome.as_ref().err());
    metrics.write(&results);
    let text = outcome?;
    if global.quiet { Ok(()) } else { print(&text) }
}

/// One night, from an open store of marts to what became of it; returns what people are told of it.
///
/// # Errors
/// As [`run`].
pub fn night(
    project: &Project,
    global: &Global,
    args: &RunArgs,
    backfill: Option<&str>,
    results: &mut RunResults,
) -> Result<String, Failure> {
    let _span = tracing::info_span!("run", pipeline = results.pipeline, run_id = results.run_id).entered();
    let mut lineage = Lineage::begin(project, results);
    let outcome = in_store(project, global, args, backfill, results, &mut lineage);
    results.conclude(outcome.as_ref().err());
    lineage.end(results);
    outcome
}

fn in_store(
    project: &Project,
    global: &Global,
    args: &RunArgs,
    backfill: Option<&str>,
    results: &mut RunResults,
    lineage: &mut Lineage,
) -> Result<String, Failure> {
    let marts = project::open(&project.stores.marts, project, true)?;
    // Where another run holds the lease, its results are not overwritten.
    let lease =
        marts.acquire(&Claim { unguarded: project.stores.marts.unsafe_no_lease, ..Claim::of(&results.run_id) })?;
    let mut record = Record { ledger: Ledger::of(&marts, &args.pipeline), backfill, lake: None };
    let outcome = publish(project, args, global, &lease, results, lineage, &mut record);
    if outcome.is_err() {
        lease.abandon();
        let _ = quarantine::discard(&marts, &results.run_id);
    }
    results.conclude(outcome.as_ref().err());
    match lease.check() {
        Ok(()) => {
            // A pipeline that the project does not have has no nights.
            if project.pipelines.contains_key(&args.pipeline) {
                record.ledger.end(results, record.lake.as_deref(), backfill);
            }
            results.write(&marts)?;
        }
        // The results beside the marts are those of the run that took over.
        Err(error) => tracing::warn!(error = chain(&error), "run_results.json is not written"),
    }
    if let Err(error) = lease.release() {
        tracing::warn!(error = chain(&error), "the lease could not be given back; it ends in time");
    }
    Ok(summary(results, &outcome?, &marts))
}

/// What the ledger is told of a run.
struct Record<'a> {
    ledger: Ledger<'a>,
    backfill: Option<&'a str>,
    lake: Option<String>,
}

fn publish(
    project: &Project,
    args: &RunArgs,
    global: &Global,
    lease: &Lease,
    results: &mut RunResults,
    lineage: &mut Lineage,
    record: &mut Record<'_>,
) -> Result<Published, Failure> {
    let marts = lease.store();
    let recovered = lease.recover()?;
    tracing::debug!(?recovered, "store of marts is clean");
    if let Some(from) = project.pipelines.get(&args.pipeline).and_then(|pipeline| pipeline.from.as_ref()) {
        return review(project, &from.value, global, lease, results, record);
    }
    let cache = Arc::new(project::cache(project, args.full)?);
    let Prepared { lake, plan, footers } = project::prepare(project, &args.pipeline, global, &cache)?;
    results.planned(&plan);
    logging::belongs_to(results);
    record.lake = Some(ledger::lake_fingerprint(&plan));
    record.ledger.begin(results, record.lake.as_deref(), record.backfill)?;
    lineage.planned(project, results, &lake, &plan, &footers);
    tracing::info!(run_id = results.run_id, pipeline = plan.pipeline, as_of = %plan.as_of, bytes = plan.bytes(), "run started");
    let progress = Progress::new(global);
    let budget = Budget { memory: global.memory, threads: rayon::current_num_threads() };
    let scratch = scratch(results);
    let shelf = Arc::new(Shelf::new(&scratch, budget.held_rollups()));
    let engine = engine::of(project, &args.pipeline, global, &results.run_id, &progress)?;
    let context = Context {
        project,
        plan: &plan,
        lake: Some(&lake),
        footers: &footers,
        budget,
        shelf: &shelf,
        cache: &cache,
        remote: engine.as_deref().map(|engine| engine as &dyn Remote),
        observer: &progress,
        interrupted: interrupt::flag(),
    };
    let definitions: BTreeMap<String, String> = abmart_spec::fingerprint::fingerprints(project);
    let target = Target { store: marts, run_id: &results.run_id, definitions: &definitions };
    let outcome = abmart_engine::run(&context, &target).map_err(|error| Failure::of_engine(error, &project.files));
    results.engine = engine.as_ref().map(|engine| engine.used());
    let outcome = outcome?;
    results.saw(&outcome);
    results.cache = cache.report();
    lease.check()?;
    quarantine::write(&outcome, marts, &results.run_id)?;
    context.check_interrupted().map_err(|error| Failure::of_engine(error, &project.files))?;
    let keeps = kept::stage(project, results, &plan, &outcome.figures, marts)?;
    let published = show(project, lease, results, &plan, &outcome.staged, Some(keeps))?;
    quarantine::keep_only(marts, &results.run_id);
    results.alerted(&outcome.alerts, plan.as_of);
    // What was open long ago is nobody's news.
    if record.backfill.is_none() {
        results.deliveries = deliver::deliver(project, marts, &outcome.alerts, plan.as_of);
    }
    cache.remember(&results.run_id);
    lineage.published(project, marts, &published);
    tracing::info!(run_id = results.run_id, marts = results.marts.len(), "run published");
    Ok(published)
}

/// Publishes marts over what another pipeline has published.
fn review(
    project: &Project,
    from: &str,
    global: &Global,
    lease: &Lease,
    results: &mut RunResults,
    record: &mut Record<'_>,
) -> Result<Published, Failure> {
    let marts = lease.store();
    let missing = |name: &str| {
        Failure::Run(format!("`{name}` is not published in {} yet: `abmart run {from}` comes first", marts.label()))
    };
    let read: BTreeSet<&str> = project.marts.values().flat_map(Mart::reads).map(|name| name.value.as_str()).collect();
    let Some(mut manifest) = marts.manifest()? else { return Err(missing(read.first().copied().unwrap_or(from))) };
    manifest.marts.retain(|name, _| read.contains(name.as_str()));
    let mut days = BTreeSet::new();
    for name in read {
        let day = manifest.marts.get(name).and_then(|mart| mart.as_of.clone()).ok_or_else(|| missing(name))?;
        days.insert(day);
    }
    let days: Vec<String> = days.into_iter().collect();
    let as_of = match days.as_slice() {
        [day] => day.parse::<jiff::civil::Date>().map_err(|error| Failure::Run(error.to_string()))?,
        several => {
            let several = several.join(" and ");
            return Err(Failure::Run(format!(
                "the marts that are read are of {several}: `abmart run {from}` brings them together"
            )));
        }
    };
    if let Some(asked) = global.as_of.filter(|asked| *asked != as_of) {
        return Err(Failure::Run(format!(
            "the published marts are of {as_of}: `abmart run {from} --as-of {asked}` comes first"
        )));
    }
    let plan = Plan::without_lake(&results.pipeline, as_of);
    results.planned(&plan);
    logging::belongs_to(results);
    record.ledger.begin(results, None, None)?;
    let definitions: BTreeMap<String, String> = abmart_spec::fingerprint::fingerprints(project);
    let target = Target { store: marts, run_id: &results.run_id, definitions: &definitions };
    let scratch = scratch(results);
    let staged = abmart_engine::review(project, &plan, &manifest, &target, &scratch);
    let _ = std::fs::remove_dir_all(&scratch);
    let staged = staged.map_err(|error| Failure::of_engine(error, &project.files))?;
    lease.check()?;
    show(project, lease, results, &plan, &staged, None)
}

/// Where a run puts what it cannot hold in memory.
fn scratch(results: &RunResults) -> PathBuf {
    std::env::temp_dir().join(format!("abmart-{}", results.run_id))
}

/// Makes what a run has staged visible.
fn show(
    project: &Project,
    lease: &Lease,
    results: &mut RunResults,
    plan: &Plan,
    staged: &[StagedFile],
    kept: Option<RunRecord>,
) -> Result<Published, Failure> {
    let delta = project.marts.values().filter(|mart| mart.format == MartFormat::Delta);
    let published = lease.publish(&Publication {
        run_id: results.run_id.clone(),
        as_of: Some(plan.as_of.to_string()),
        files: staged.to_vec(),
        delta: delta.map(|mart| mart.name.clone()).collect(),
        record: kept,
        ..Publication::default()
    })?;
    results.marts = mart_results(staged, &published);
    Ok(published)
}

fn mart_results(staged: &[StagedFile], published: &Published) -> Vec<MartResult> {
    let mut names: Vec<&String> = staged.iter().map(|file| &file.mart).collect();
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

fn summary(results: &RunResults, published: &Published, marts: &Store) -> String {
    let mut text = String::new();
    let day = results.as_of.map(|day| day.to_string()).unwrap_or_default();
    let seconds = results.seconds;
    let _ = writeln!(text, "{} for {day}: published to {} in {seconds:.1} s", results.pipeline, marts.label());
    // A review reads nothing of the lake.
    if !results.sources.is_empty() {
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
    }
    let reuse = &results.cache;
    let of = |part: Reuse| format!("{} of {}", count(part.reused), count(part.reused + part.computed));
    if reuse.files.reused + reuse.periods.reused > 0 {
        let (files, periods) = (of(reuse.files), of(reuse.periods));
        let _ = writeln!(text, "  reused    what came of {files} files, the figures of {periods} closed periods");
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
    let alerts = results.alerts;
    if alerts.new + alerts.continuing > 0 {
        let _ = writeln!(text, "  alerts    {} new, {} continuing", alerts.new, alerts.continuing);
    }
    for sent in &results.deliveries {
        let _ = write!(text, "  sent      {} alerts to {}", sent.sent, sent.delivery);
        let _ = match &sent.error {
            Some(error) => writeln!(text, ", {} did not arrive: {error}", sent.failed),
            None => writeln!(text),
        };
    }
    for finding in &results.findings {
        let _ = writeln!(text, "  finding   {finding}");
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
