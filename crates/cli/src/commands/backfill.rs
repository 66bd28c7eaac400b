//! `abmart backfill`: night after night, each as `run --as-of` would.

use std::fmt::Write as _;

use abmart_plan::Plan;
use abmart_spec::Project;
use abmart_store::Store;
use jiff::ToSpan as _;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use crate::args::{BackfillArgs, Global};
use crate::commands::run;
use crate::exit::Failure;
use crate::interrupt;
use crate::ledger::{self, Backfill, Ledger};
use crate::logging;
use crate::metrics::Metrics;
use crate::project;
use crate::results::RunResults;
use crate::run_id;
use crate::text::{count, print};

/// Runs the nights of `[from, to)` in order. Nights that this very backfill has done before it was stopped are not run
/// again.
///
/// # Errors
/// A wrong order or project (2); else as the night that failed, or with `--keep-going` 1, and 3 where nothing but the
/// environment failed.
pub fn backfill(global: &Global, args: &BackfillArgs) -> Result<(), Failure> {
    interrupt::listen();
    if global.as_of.is_some() {
        return Err(Failure::Config(
            "a backfill has many days: `--from` and `--to` stand instead of `--as-of`".to_owned(),
        ));
    }
    if args.from >= args.to {
        let (from, to) = (args.from, args.to);
        return Err(Failure::Config(format!(
            "`--from {from} --to {to}` holds no night: `--to` is the day after the last night, so it comes after `--from`"
        )));
    }
    let metrics = Metrics::to(args.run.metrics.as_deref())?;
    let project = project::load(global)?.restricted_to(&args.run.pipeline);
    project::computes(&project, &args.run.pipeline)?;
    within_the_lake(&project, args)?;
    let marts = project::open(&project.stores.marts, &project, true)?;
    let (backfill, resumed) = begin(&project, global, args, &marts)?;
    let nights = to_do(args, &backfill, &marts, resumed)?;
    say(global, &opening(args, &backfill, &nights, resumed))?;
    let mut tally = Tally { skipped: nights.skipped, ..Tally::default() };
    for (number, night) in nights.wanted.iter().enumerate() {
        let of_night = Global { as_of: Some(*night), ..global.clone() };
        let mut results = RunResults::begun(run_id::next(), args.run.pipeline.clone(), of_night.as_of);
        logging::belongs_to(&results);
        let outcome =
            stopped().and_then(|()| run::night(&project, &of_night, &args.run, Some(&backfill.id), &mut results));
        results.conclude(outcome.as_ref().err());
        metrics.write(&results);
        match outcome {
            Ok(_) => {
                say(global, &format!("  {night}  done    {:>8.1} s\n", results.seconds))?;
                tally.done += 1;
            }
            Err(failure) => {
                say(global, &format!("  {night}  failed  {:>8.1} s  exit code {}\n", results.seconds, failure.code()))?;
                let left = nights.wanted.len() - number - 1;
                if !args.keep_going || matches!(failure, Failure::Interrupted(_)) {
                    return Err(stopped_at(*night, left, failure));
                }
                failure.report();
                tally.failed.push((*night, failure.code()));
            }
        }
    }
    if tally.failed.is_empty() {
        Backfill { finished_at: Some(jiff::Timestamp::now()), ..backfill }.write(&marts, &args.run.pipeline)?;
    }
    say(global, &tally.summary(nights.wanted.last().copied()))?;
    tally.failure()
}

/// Nights lie between the oldest snapshot that can be used and the newest one.
fn within_the_lake(project: &Project, args: &BackfillArgs) -> Result<(), Failure> {
    let lake = project::open(&project.stores.lake, project, false)?;
    let listing = project::listing(project, &lake)?;
    let newest = Plan::build(project, &args.run.pipeline, None, &listing)?.as_of;
    let last = args.to.saturating_sub(1.day());
    if last > newest {
        return Err(Failure::Config(format!(
            "the last night would be {last}, but the newest snapshot of the lake {} is of {newest}: `--to` is at most {}",
            lake.label(),
            newest.saturating_add(1.day())
        )));
    }
    Plan::build(project, &args.run.pipeline, Some(args.from), &listing)?;
    Ok(())
}

/// The backfill, and whether it was begun before.
fn begin(project: &Project, global: &Global, args: &BackfillArgs, marts: &Store) -> Result<(Backfill, bool), Failure> {
    let definitions = definitions(project, global);
    let pipeline = &args.run.pipeline;
    let before = Backfill::last(marts, pipeline)?;
    let before = before.filter(|before| !args.restart && before.is_resumed_by(args.from, args.to, &definitions));
    if let Some(before) = before {
        return Ok((before, true));
    }
    let backfill = Backfill::new(run_id::next(), args.from, args.to, definitions);
    backfill.write(marts, pipeline)?;
    Ok((backfill, false))
}

/// A short name for the texts of the project and the values of its variables.
fn definitions(project: &Project, global: &Global) -> String {
    let mut hash = Sha256::new();
    for file in &project.files.files {
        hash.update(format!("{}\n{}\n", file.path.display(), file.text));
    }
    for (kpi, fingerprint) in abmart_spec::fingerprint::fingerprints(project) {
        hash.update(format!("{kpi} {fingerprint}\n"));
    }
    for (name, value) in &global.vars {
        hash.update(format!("{name}={value}\n"));
    }
    ledger::short(hash)
}

/// Nights to run, and how many are left out because they are done.
struct Nights {
    wanted: Vec<Date>,
    skipped: usize,
}

fn to_do(args: &BackfillArgs, backfill: &Backfill, marts: &Store, resumed: bool) -> Result<Nights, Failure> {
    let known = Ledger::of(marts, &args.run.pipeline).nights()?;
    let done = |night: &Date| {
        let record = known.iter().find(|record| record.night == Some(*night)).filter(|record| record.is_done());
        let by_this = record.and_then(|record| record.last()?.backfill.as_deref()) == Some(backfill.id.as_str());
        (args.missing_only && record.is_some()) || (resumed && by_this)
    };
    let all = args.from.series(1.day()).take_while(|night| *night < args.to);
    let (done, wanted): (Vec<Date>, Vec<Date>) = all.partition(done);
    Ok(Nights { wanted, skipped: done.len() })
}

fn opening(args: &BackfillArgs, backfill: &Backfill, nights: &Nights, resumed: bool) -> String {
    let mut text = format!(
        "backfill of {}: nights from {} up to, not including, {}: {} to run, {} done before\n",
        args.run.pipeline,
        args.from,
        args.to,
        count(nights.wanted.len() as u64),
        count(nights.skipped as u64)
    );
    if resumed {
        let _ = writeln!(text, "it goes on with the one begun {:.0}; `--restart` begins anew", backfill.started_at);
    }
    text
}

/// Between two nights: whether the program was told to stop.
fn stopped() -> Result<(), Failure> {
    if interrupt::flag().load(std::sync::atomic::Ordering::Relaxed) {
        return Err(Failure::Interrupted(interrupt::signal()));
    }
    Ok(())
}

fn stopped_at(night: Date, left: usize, failure: Failure) -> Failure {
    let rest = format!("night {night} failed, {left} more were not begun; the same command goes on from there");
    let with = |text: String| format!("{}\n{rest}", text.trim_end());
    match failure {
        Failure::Run(text) => Failure::Run(with(text)),
        Failure::Config(text) => Failure::Config(with(text)),
        Failure::Environment(text) => Failure::Environment(with(text)),
        interrupted @ Failure::Interrupted(_) => interrupted,
    }
}

/// What came of the nights.
#[derive(Default)]
struct Tally {
    done: usize,
    skipped: usize,
    failed: Vec<(Date, u8)>,
}

impl Tally {
    fn summary(&self, last: Option<Date>) -> String {
        let Self { done, skipped, failed } = self;
        let mut text = format!("{done} nights done, {skipped} done before, {} failed\n", failed.len());
        if let Some(last) = last.filter(|last| failed.iter().all(|(night, _)| night != last)) {
            let _ = writeln!(text, "the marts are those of {last}");
        }
        text
    }

    fn failure(&self) -> Result<(), Failure> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let nights: Vec<String> =
            self.failed.iter().map(|(night, code)| format!("{night} (exit code {code})")).collect();
        let text =
            format!("{} nights failed: {}; the same command runs them again", self.failed.len(), nights.join(", "));
        let environment = self.failed.iter().all(|(_, code)| *code == 3);
        Err(if environment { Failure::Environment(text) } else { Failure::Run(text) })
    }
}

fn say(global: &Global, text: &str) -> Result<(), Failure> {
    if global.quiet { Ok(()) } else { print(text) }
}
