//! Attribution beside what Polars needs only to sort the same touches by account and time, in one go.
//!
//! `ABMART_BENCH_ATTRIBUTED_TOUCHES` (20,000,000) and `ABMART_BENCH_CONVERSIONS` (200,000) say how large the lake is, of 30,000
//! accounts, 12 channels and 24 months; `ABMART_BENCH_ROUNDS` how often both are measured (3); medians are shown.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use measure::{Needed, median, number, watched};
use polars::prelude::*;
use serde_json::Value;

mod measure;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The program, built with the same profile as this bench.
const ABMART: &str = env!("CARGO_BIN_EXE_abmart");
const ACCOUNTS: u64 = 30_000;
const MONTHS: u64 = 24;
/// Microseconds of a day and of a month of 30 of them; the lake begins on 1 December 2024.
const DAY: u64 = 86_400_000_000;
const BEGIN: u64 = 1_733_011_200_000_000;

const CHANNELS: [&str; 12] = [
    "web",
    "email",
    "ads",
    "social",
    "event",
    "sales",
    "product",
    "support",
    "intent",
    "partner",
    "podcast",
    "direct_mail",
];

const PIPELINES: &str = "
project: bench
pipelines:
  nightly: {title: {en: Bench, fr: Banc}, periods: {year: {last: 1}}}
";

const JOB: &str = "
job: bench
title: {en: Bench, fr: Banc}
entities:
  account: {key: account_id, snapshot: accounts, dimensions: [region]}
sources:
  accounts: {kind: snapshot, key: [account_id], columns: {account_id: string, region: string}}
  touches: {kind: events, time: occurred_at, columns: {account_id: string, occurred_at: timestamp, channel: string, campaign_id: string?}}
  deals: {kind: snapshot, columns: {deal_id: string, account_id: string, closed_at: timestamp, lead_at: timestamp, created_at: timestamp, amount: number}}
attributions:
  won:
    touches: {from: touches, channel: channel, campaign: campaign_id}
    conversions: {from: deals, key: deal_id, time: closed_at, value: amount, milestones: {lead: lead_at, opportunity: created_at}}
    models:
      first_touch: {}
      last_touch: {}
      linear: {}
      time_decay: {half_life: 30 days}
      u_shaped_50_50: {}
      position_40_20_40: {}
      position_20_50_30: {}
      w_shaped: {}
      full_path: {}
      custom: {weights: {first: 0.3, middle: 0.4, last: 0.3}}
      markov: {order: 1}
      markov_journey: {order: 1}
      shapley: {}
      shapley_rate: {}
tables:
  credit:
    sql: select model, channel, sum(conversions) as conversions, sum(value) as value from won_credits group by model, channel
marts:
  credit: {from: credit, key: [model, channel]}
  channels: {from: won_channels, key: [model, channel]}
";

fn main() -> Outcome<()> {
    let (touches, deals) = (number("ATTRIBUTED_TOUCHES", 20_000_000), number("CONVERSIONS", 200_000));
    let rounds = number("ROUNDS", 3).max(1);
    let scratch = tempfile::tempdir()?;
    let (lake, project) = (scratch.path().join("lake"), scratch.path().join("project"));
    write_lake(&lake, touches, deals)?;
    fs::create_dir_all(project.join("jobs"))?;
    fs::write(project.join("pipelines.yaml"), PIPELINES)?;
    fs::write(project.join("jobs/bench.yaml"), JOB)?;

    let (mut sorts, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        sorts.push(sort(&lake)?);
        runs.push(run(&project, &lake, scratch.path())?);
    }
    let sorted = median(sorts);
    let attributed = median(runs.iter().map(|run| run.attribution).collect());
    let whole = median(runs.iter().map(|run| run.needed.seconds).collect());
    println!("{touches} touches, {deals} conversions, {} channels, median of {rounds}", CHANNELS.len());
    println!("Polars sorts the touches by account and time  {sorted:>8.2} s");
    println!("the attribution, from the rows to its tables  {attributed:>8.2} s");
    println!("the run, reading and marts included           {whole:>8.2} s");
    println!("attribution / sort                            {:>8.2}   under 6 wanted", attributed / sorted);
    match runs.iter().filter_map(|run| run.needed.peak).max() {
        Some(peak) => {
            println!("peak memory of the run                        {:>8} MiB  under 3072 wanted", peak >> 10);
        }
        None => println!("peak memory of the run                         unknown on this system"),
    }
    Ok(())
}

struct Run {
    needed: Needed,
    /// Seconds of the attribution.
    attribution: f64,
}

fn run(project: &Path, lake: &Path, scratch: &Path) -> Outcome<Run> {
    let marts = scratch.join("marts");
    let needed = watched(
        Command::new(ABMART)
            .args(["run", "--quiet", "--full", "--project"])
            .arg(project)
            .arg("--lake")
            .arg(lake)
            .arg("--marts")
            .arg(&marts)
            .arg("--cache")
            .arg(scratch.join("cache")),
    )?;
    let results: Value = serde_json::from_slice(&fs::read(marts.join("run_results.json"))?)?;
    let timings = results["timings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = timings.iter().filter(|timing| timing["kind"] == "attribution");
    Ok(Run { needed, attribution: own.filter_map(|timing| timing["seconds"].as_f64()).sum() })
}

/// Seconds that Polars needs to sort all touches by account and time, once they are in memory.
fn sort(lake: &Path) -> Outcome<f64> {
    let files = PlRefPath::try_from_path(&lake.join("touches/*/*.parquet"))?;
    let rows = LazyFrame::scan_parquet(files, ScanArgsParquet::default())?.collect()?;
    let begun = Instant::now();
    let sorted = rows.lazy().sort(["account_id", "occurred_at"], SortMultipleOptions::default()).collect()?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(sorted);
    Ok(seconds)
}

fn write_lake(lake: &Path, touches: u64, deals: u64) -> Outcome<()> {
    let mut random = Random(42);
    let account = |random: &mut Random| format!("A{:05}", random.below(ACCOUNTS));
    for month in 0..MONTHS {
        let rows = usize::try_from(touches / MONTHS)?;
        let (mut accounts, mut times) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let (mut channels, mut campaigns) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for _ in 0..rows {
            accounts.push(account(&mut random));
            times.push(i64::try_from(BEGIN + month * 30 * DAY + random.below(30 * DAY))?);
            channels.push(CHANNELS[usize::try_from(random.below(12))?]);
            let campaign = random.below(40);
            campaigns.push((campaign < 10).then(|| format!("C{campaign:02}")));
        }
        let day = jiff::civil::date(2024, 12, 1).checked_add(jiff::Span::new().months(i64::try_from(month)?))?;
        let frame =
            df!("account_id" => accounts, "occurred_at" => times, "channel" => channels, "campaign_id" => campaigns)?;
        write(&lake.join(format!("touches/ym={}", day.strftime("%Y-%m"))), instants(frame, &["occurred_at"])?)?;
    }
    let rows = usize::try_from(deals)?;
    let closed: Vec<u64> = (0..rows).map(|_| BEGIN + 60 * DAY + random.below(600 * DAY)).collect();
    let earlier = |random: &mut Random, days: u64| -> Result<Vec<i64>, std::num::TryFromIntError> {
        closed.iter().map(|at| i64::try_from(at - random.below(days * DAY))).collect()
    };
    let frame = df!(
        "deal_id" => (0..rows).map(|deal| format!("D{deal:06}")).collect::<Vec<_>>(),
        "account_id" => (0..rows).map(|_| account(&mut random)).collect::<Vec<_>>(),
        "closed_at" => closed.iter().map(|at| i64::try_from(*at)).collect::<Result<Vec<_>, _>>()?,
        "lead_at" => earlier(&mut random, 60)?,
        "created_at" => earlier(&mut random, 30)?,
        "amount" => (0..rows).map(|_| f64::from(u32::try_from(random.below(100_000)).unwrap_or(0)) / 3.0).collect::<Vec<_>>(),
    )?;
    write(&lake.join("deals/dt=2026-11-20"), instants(frame, &["closed_at", "lead_at", "created_at"])?)?;
    let ids: Vec<String> = (0..ACCOUNTS).map(|account| format!("A{account:05}")).collect();
    let regions = vec!["EMEA"; ids.len()];
    write(&lake.join("accounts/dt=2026-11-20"), df!("account_id" => ids, "region" => regions)?)
}

fn instants(rows: DataFrame, columns: &[&str]) -> Outcome<DataFrame> {
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    Ok(rows
        .lazy()
        .with_columns(columns.iter().map(|name| col(*name).cast(utc.clone())).collect::<Vec<_>>())
        .collect()?)
}

fn write(folder: &Path, mut rows: DataFrame) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    ParquetWriter::new(File::create(folder.join("part-0.parquet"))?).finish(&mut rows)?;
    Ok(())
}

/// Numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
