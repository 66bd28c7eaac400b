//! A cold run beside what Polars needs only to decode the columns that the run reads, on the same files in one go.
//!
//! `ABMART_BENCH_LAKE` names the lake; without it a small one is generated. `ABMART_BENCH_ROUNDS` says how often both
//! are measured (3); medians are shown. A run that is not measured comes first, so that the files are in the page cache.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use abmart_spec::Project;
use abmart_spec::model::{Rollup, Source};
use measure::{Needed, median, number, watched};
use polars::prelude::{LazyFrame, PlRefPath, ScanArgsParquet, col};
use serde_json::Value;

mod measure;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The program, built with the same profile as this bench.
const ABMART: &str = env!("CARGO_BIN_EXE_abmart");

fn main() -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let scratch = tempfile::tempdir()?;
    let lake = lake(scratch.path())?;
    let marts = scratch.path().join("marts");
    let (project, _) = abmart_spec::load(&root, &BTreeMap::new(), &|_| None)?;
    let planned = planned(&root, &lake)?;
    let rounds = number("ROUNDS", 3).max(1);

    // The first run says which sources are read at all, and brings the files into the page cache.
    let sources = run(&root, &lake, &marts)?.sources();
    let read = |source: &Source| sources.contains(&source.name);
    let reduced = |source: &Source| project.rollups.values().any(|rollup| rollup.from.value == source.name);
    let (mut rolled, mut all, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        rolled.push(decode(&lake, &project, &planned, &reduced)?);
        all.push(decode(&lake, &project, &planned, &read)?);
        // Nothing is left of the run before, as on a new machine.
        for folder in [&marts, &cache_of(&marts)] {
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        runs.push(run(&root, &lake, &marts)?);
    }

    let (rolled, all) = (median(rolled), median(all));
    let read = median(runs.iter().map(|run| run.stage("read")).collect());
    let whole = median(runs.iter().map(|run| run.needed.seconds).collect());
    println!("\nlake {}, {} threads, median of {rounds}", lake.display(), std::thread::available_parallelism()?);
    println!("rows read by the run          {:>14}", runs[0].rows);
    println!("decode, sources of rollups    {rolled:>10.3} s");
    println!("decode, all that the run reads{all:>10.3} s");
    for stage in ["read", "tables", "periods", "marts"] {
        println!("run, stage {stage:<19}{:>10.3} s", median(runs.iter().map(|run| run.stage(stage)).collect()));
    }
    println!("run, from start to exit       {whole:>10.3} s");
    println!("stage read / decode of all    {:>10.2}   at most 3 wanted", read / all);
    println!("stage read / decode of rollups{:>10.2}", read / rolled);
    println!("run / decode of all           {:>10.2}   at most 10 wanted", whole / all);
    println!("run / decode of rollups       {:>10.2}", whole / rolled);
    match runs.iter().filter_map(|run| run.needed.peak).max() {
        Some(peak) => println!("peak memory of the run        {:>10} MiB  under 2048 wanted", peak >> 10),
        None => println!("peak memory of the run           unknown on this system"),
    }
    Ok(())
}

/// What a run said of itself.
struct Run {
    needed: Needed,
    results: Value,
    rows: u64,
}

impl Run {
    /// Names of the sources that were read.
    fn sources(&self) -> Vec<String> {
        let sources = self.results["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
        sources.iter().filter_map(|source| source["source"].as_str()).map(str::to_owned).collect()
    }

    fn stage(&self, name: &str) -> f64 {
        let stages = self.results["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
        stages.iter().filter(|stage| stage["stage"] == name).filter_map(|stage| stage["seconds"].as_f64()).sum()
    }
}

fn run(root: &Path, lake: &Path, marts: &Path) -> Outcome<Run> {
    let needed = watched(
        abmart(root, lake)
            .args([OsStr::new("--quiet"), OsStr::new("--marts"), marts.as_os_str(), OsStr::new("--cache")])
            .args([cache_of(marts).as_os_str(), OsStr::new("run")]),
    )?;
    let results: Value = serde_json::from_slice(&std::fs::read(marts.join("run_results.json"))?)?;
    let sources = results["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = sources.iter().filter_map(|source| source["rows_in"].as_u64()).sum();
    Ok(Run { needed, results, rows })
}

fn cache_of(marts: &Path) -> PathBuf {
    marts.with_file_name("cache")
}

/// Reads the columns that the run reads of the planned files and drops them, file by file: seconds.
fn decode(lake: &Path, project: &Project, planned: &Value, wanted: &dyn Fn(&Source) -> bool) -> Outcome<f64> {
    let begun = Instant::now();
    for source in project.sources.values().filter(|source| wanted(source)) {
        let columns: Vec<_> = columns(project, source).into_iter().map(col).collect();
        let files = planned["plan"]["sources"][&source.name]["files"].as_array().map(Vec::as_slice).unwrap_or_default();
        for key in files.iter().filter_map(|file| file["key"].as_str()) {
            let path = PlRefPath::try_from_path(&lake.join(key))?;
            LazyFrame::scan_parquet(path, ScanArgsParquet::default())?.select(&columns).collect()?;
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Of a source with rollups the columns that these name, its key and its time; of others all of the contract.
fn columns<'a>(project: &'a Project, source: &'a Source) -> Vec<&'a str> {
    let rollups: Vec<&Rollup> = project.rollups.values().filter(|rollup| rollup.from.value == source.name).collect();
    let named = |column: &&str| {
        let key = source.key.iter().chain(&source.time).any(|name| name.value == *column);
        let mut texts =
            rollups.iter().flat_map(|rollup| rollup.by.values().chain(rollup.measures.values()).chain(&rollup.filter));
        key || texts.any(|sql| sql.text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *column))
    };
    source.columns.keys().map(String::as_str).filter(|column| rollups.is_empty() || named(column)).collect()
}

fn planned(root: &Path, lake: &Path) -> Outcome<Value> {
    let output = abmart(root, lake).args(["plan", "--json"]).stdout(Stdio::piped()).output()?;
    if !output.status.success() {
        return Err("the lake cannot be planned".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn abmart(root: &Path, lake: &Path) -> Command {
    let mut command = Command::new(ABMART);
    command.arg("--project").arg(root).arg("--lake").arg(lake).stdout(Stdio::null());
    command
}

fn lake(scratch: &Path) -> Outcome<PathBuf> {
    if let Some(given) = std::env::var_os("ABMART_BENCH_LAKE") {
        return Ok(std::path::absolute(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(given))?);
    }
    let lake = scratch.join("lake");
    let options = ["sample", "--accounts", "2000", "--months", "12", "--touchpoints", "1000000", "--out"];
    let status = Command::new(ABMART).args(options).arg(&lake).stdout(Stdio::null()).status()?;
    if status.success() { Ok(lake) } else { Err("no lake could be generated".into()) }
}
