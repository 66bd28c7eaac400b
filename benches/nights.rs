//! What a night costs: one new day beside a full run, with half of a history and with all of it; what it asks a bucket for.
//!
//! `ABMART_BENCH_ACCOUNTS` (2,000) and `ABMART_BENCH_TOUCHPOINTS` (2,000,000 in 24 months) say how large the lakes are,
//! `ABMART_BENCH_ROUNDS` how often everything is measured (3); medians are shown.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use abmart_testkit::{Proxy, Request, S3Server};
use measure::{median, number};
use object_store::ObjectStoreExt as _;
use serde_json::Value;

mod measure;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The program, built with the same profile as this bench.
const ABMART: &str = env!("CARGO_BIN_EXE_abmart");
const MONTHS: u64 = 24;
/// The nights: a day of events after the first, and one on which all snapshots are a month newer.
const NIGHTS: [&str; 3] = ["2026-11-20", "2026-11-21", "2026-11-22"];

fn main() -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let (accounts, touchpoints) = (number("ACCOUNTS", 2_000), number("TOUCHPOINTS", 2_000_000));
    let rounds = number("ROUNDS", 3);
    for (name, months) in [("half", MONTHS / 2), ("all", MONTHS)] {
        let lake = scratch.path().join(name);
        sample(&lake, accounts, months, touchpoints * months / MONTHS)?;
        let (mut events, mut snapshots, mut fulls) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let place = Place::folders(&scratch.path().join(format!("{name}-{round}")), &lake);
            place.run(NIGHTS[0], &[])?;
            for (night, seconds) in [(NIGHTS[1], &mut events), (NIGHTS[2], &mut snapshots)] {
                let run = place.run(night, &[])?;
                if round == 0 {
                    println!("{name}, {night}: {} {}", run.results["cache"], run.results["stages"]);
                }
                seconds.push(run.seconds);
            }
            fulls.push(place.run(NIGHTS[2], &["--full"])?.seconds);
        }
        let full = median(fulls);
        println!("{name}: {months} months, a full run {full:.2} s");
        for (what, seconds) in [("a day of events", events), ("a month of snapshots", snapshots)] {
            let seconds = median(seconds);
            println!("{name}: {what} {seconds:.2} s, {:.1} %", 100.0 * seconds / full);
        }
    }
    bucket(&scratch.path().join("half"), scratch.path(), rounds)
}

/// A cold run from a bucket beside one from folders, and the requests of the nights after it.
fn bucket(lake: &Path, scratch: &Path, rounds: u64) -> Outcome<()> {
    let server = S3Server::start(&["lake", "marts", "cache"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bucket = server.client("lake");
    let mut files = Vec::new();
    collect(lake, &mut files)?;
    for path in &files {
        let key = path.strip_prefix(lake)?.display().to_string();
        runtime.block_on(bucket.put(&key.into(), fs::read(path)?.into()))?;
    }
    let (mut local, mut remote) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        local.push(Place::folders(&scratch.join(format!("local-{round}")), lake).run(NIGHTS[0], &[])?.seconds);
        remote.push(Place::bucket(&server, &server.url(), round).run(NIGHTS[0], &[])?.seconds);
    }
    let (local, remote) = (median(local), median(remote));
    println!(
        "cold run from folders {local:.2} s, from a bucket on loopback {remote:.2} s, {:.2} times",
        remote / local
    );
    let proxy = Proxy::start(&server.url());
    let place = Place::bucket(&server, &proxy.url(), rounds);
    let nights = [("cold", 0), ("the same night again", 0), ("a day of events", 1), ("a month of snapshots", 2)];
    for (what, night) in nights {
        proxy.clear();
        let run = place.run(NIGHTS[night], &[])?;
        let requests = proxy.requests();
        let of = |test: &dyn Fn(&Request) -> bool| requests.iter().filter(|request| test(request)).count();
        let data = |request: &Request| request.path.starts_with("/lake/") && request.path.ends_with(".parquet");
        let bytes: usize = requests.iter().filter(|request| data(request)).map(|request| request.bytes).sum();
        println!(
            "{what}: {} files planned, {} requests, {} of them for files of the lake ({} KiB), {} to the cache, {} to the marts",
            run.files(),
            requests.len(),
            of(&data),
            bytes >> 10,
            of(&|request| request.path.starts_with("/cache")),
            of(&|request| request.path.starts_with("/marts")),
        );
    }
    Ok(())
}

/// Stores that runs use one after the other.
struct Place {
    options: Vec<OsString>,
    environment: Vec<(&'static str, String)>,
    results: PathBuf,
}

struct Run {
    seconds: f64,
    results: Value,
}

impl Run {
    fn files(&self) -> u64 {
        let sources = self.results["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
        sources.iter().filter_map(|source| source["files"].as_u64()).sum()
    }
}

impl Place {
    fn folders(folder: &Path, lake: &Path) -> Self {
        let (marts, cache) = (folder.join("marts"), folder.join("cache"));
        Self {
            options: options(lake, &marts, &cache),
            environment: Vec::new(),
            results: marts.join("run_results.json"),
        }
    }

    fn bucket(server: &S3Server, endpoint: &str, number: u64) -> Self {
        let [marts, cache] = ["marts", "cache"].map(|bucket| format!("s3://{bucket}/{number}"));
        Self {
            options: options("s3://lake", &marts, &cache),
            environment: S3Server::environment(endpoint).to_vec(),
            results: server.folder("marts").join(number.to_string()).join("run_results.json"),
        }
    }

    fn run(&self, day: &str, more: &[&str]) -> Outcome<Run> {
        let begun = Instant::now();
        let mut command = Command::new(ABMART);
        command.args(["run", "--quiet", "--as-of", day]).args(more).args(&self.options);
        let status = command.envs(self.environment.iter().cloned()).stdout(Stdio::null()).status()?;
        let seconds = begun.elapsed().as_secs_f64();
        if !status.success() {
            return Err(format!("the run failed: {status}").into());
        }
        Ok(Run { seconds, results: serde_json::from_slice(&fs::read(&self.results)?)? })
    }
}

fn options(
    lake: &(impl AsRef<std::ffi::OsStr> + ?Sized),
    marts: &(impl AsRef<std::ffi::OsStr> + ?Sized),
    cache: &(impl AsRef<std::ffi::OsStr> + ?Sized),
) -> Vec<OsString> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").into_os_string();
    let stores = [("--lake", lake.as_ref()), ("--marts", marts.as_ref()), ("--cache", cache.as_ref())];
    let stores = stores.into_iter().flat_map(|(option, store)| [OsString::from(option), store.to_owned()]);
    [OsString::from("--project"), project].into_iter().chain(stores).collect()
}

fn sample(lake: &Path, accounts: u64, months: u64, touchpoints: u64) -> Outcome<()> {
    let numbers = [("--accounts", accounts), ("--months", months), ("--touchpoints", touchpoints)];
    let mut command = Command::new(ABMART);
    command.args(["sample", "--seed", "42", "--until", NIGHTS[2], "--out"]).arg(lake);
    for (option, number) in numbers {
        command.arg(option).arg(number.to_string());
    }
    if command.stdout(Stdio::null()).status()?.success() { Ok(()) } else { Err("no lake could be generated".into()) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
