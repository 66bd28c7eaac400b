//! Rollups on engines that speak Spark Connect: whatever computes them, the marts are the same, byte for byte. The servers
//! are real ones, started by tests/spark/run; without them a test says so and is no test.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use rstest::rstest;
use serde_json::{Value, json};
use support::contract;
use support::lake::Row;
use support::marts::rows;
use support::program::{Outcome, Project, Workshop, run_with};
use support::{Lake, Marts};
use tempfile::TempDir;

/// The address of a server; none, and a word about it, where there is none and none is demanded.
fn server(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        assert!(std::env::var_os("ABMART_REQUIRE_SPARK").is_none(), "{variable} is not set");
        eprintln!("SKIPPED: {variable} names no server; tests/spark/run starts them");
    }
    address
}

/// Marts, results and rows set aside of a run.
struct Night {
    folder: TempDir,
}

impl Night {
    fn run(arguments: &[&str], lake: &Path, cache: Option<&Path>, environment: &[(&str, &str)]) -> (Self, Outcome) {
        let folder = TempDir::new().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        let (lake, marts) = (lake.display().to_string(), place("marts"));
        let cache = cache.map_or_else(|| place("cache"), |cache| cache.display().to_string());
        let project = contract::root().display().to_string();
        let all = [&["run", "--lake", &lake, "--marts", &marts, "--cache", &cache, "--project", &project], arguments];
        let outcome = run_with(&all.concat(), environment);
        (Self { folder }, outcome)
    }

    fn here(lake: &Path) -> Self {
        let (night, outcome) = Self::run(&[], lake, None, &[]);
        outcome.ok();
        night
    }

    fn on(server: &str, lake: &Path) -> Self {
        let (night, outcome) = Self::run(&["--engine", "spark"], lake, None, &[("ABMART_SPARK_REMOTE", server)]);
        outcome.ok();
        night
    }

    fn marts(&self) -> Marts {
        Marts::read(&self.folder.path().join("marts"))
    }

    fn cache(&self) -> std::path::PathBuf {
        self.folder.path().join("cache")
    }

    fn results(&self) -> Value {
        let text = fs::read(self.folder.path().join("marts/run_results.json")).expect("run_results.json");
        serde_json::from_slice(&text).expect("JSON")
    }

    fn published(&self) -> bool {
        self.folder.path().join("marts/_abmart/manifest.json").exists()
    }
}

fn shipped() -> std::path::PathBuf {
    contract::root().join("data/lake")
}

static LOCAL: LazyLock<Night> = LazyLock::new(|| Night::here(&shipped()));

#[rstest]
#[case::spark("ABMART_SPARK")]
#[case::sail("ABMART_SAIL")]
fn the_shipped_pipeline_gives_the_marts_of_this_process(#[case] variable: &str) {
    let Some(server) = server(variable) else { return };
    let there = Night::on(&server, &shipped());
    assert_eq!(there.marts().differing(&LOCAL.marts()), Vec::<&str>::new());
    let (results, local) = (there.results(), LOCAL.results());
    assert_eq!(results["sources"], local["sources"]);
    assert_eq!(results["rollups"], local["rollups"]);
    assert_eq!(results["findings"], local["findings"]);
    let queries = results["engine"]["queries"].as_array().expect("queries");
    let about = |what: &str| queries.iter().filter(|query| query["about"] == what).count();
    assert!(about("rollup contact_touches") > 0 && about("rows of touchpoints") > 0, "{queries:#?}");
    assert!(queries.iter().all(|query| query["id"].as_str().is_some_and(|id| !id.is_empty())), "{queries:#?}");
    assert_eq!(local["engine"], Value::Null);
}

#[rstest]
#[case::spark("ABMART_SPARK")]
#[case::sail("ABMART_SAIL")]
fn what_one_engine_kept_serves_the_other(#[case] variable: &str) {
    let Some(server) = server(variable) else { return };
    let address = [("ABMART_SPARK_REMOTE", server.as_str())];
    let (there, outcome) = Night::run(&["--engine", "spark"], &shipped(), Some(&LOCAL.cache()), &address);
    outcome.ok();
    assert_eq!(there.results()["cache"]["files"]["computed"], json!(0));
    assert_eq!(there.results()["engine"]["queries"], json!([]));

    let first = Night::on(&server, &shipped());
    let (second, outcome) = Night::run(&[], &shipped(), Some(&first.cache()), &[]);
    outcome.ok();
    assert_eq!(second.results()["cache"]["files"]["computed"], json!(0));
    assert_eq!(second.marts().differing(&LOCAL.marts()), Vec::<&str>::new());
}

fn touch(values: Value) -> [Row; 1] {
    [serde_json::from_value(values).expect("a row")]
}

/// Rows that break each check that a row can break, keys that repeat in a file and between files, and rows of tomorrow.
fn broken() -> Lake {
    let mut lake = Lake::fixture("healthy");
    let day = "2026-06-20T10:00:00";
    for (id, change) in [
        ("T-null", json!({"account_id": null})),
        ("T-unknown", json!({"channel": "pigeon"})),
        ("T-negative", json!({"duration_s": -5})),
        ("T-both", json!({"account_id": null, "duration_s": -1})),
        ("T-later", json!({"occurred_at": "2026-07-02T00:00:00"})),
        ("T-twice", json!({})),
        ("T-twice", json!({})),
        ("T-months", json!({})),
        ("T-months", json!({"occurred_at": "2026-05-02T00:00:00"})),
        ("T-no-number", json!({"consumed": "NaN"})),
        // Halves of what a sum is counted in, to be rounded to an even number of them, and some that are near a half.
        ("T-half", json!({"consumed": 1.0 / 2.0_f64.powi(41)})),
        ("T-half-too", json!({"consumed": 3.0 / 2.0_f64.powi(41)})),
        ("T-more", json!({"consumed": 1.25 / 2.0_f64.powi(40)})),
        ("T-large", json!({"duration_s": 123_456_789_012.375})),
    ] {
        let mut row = json!({"touch_id": id, "account_id": "H1", "occurred_at": day, "duration_s": 3});
        let (fields, more) = (row.as_object_mut().expect("a map"), change.as_object().expect("a map"));
        fields.extend(more.clone());
        lake.add("touchpoints", touch(row));
    }
    lake
}

/// The rows of touchpoints that a run set aside, without their order, which is the engine's.
fn set_aside(place: &Workshop) -> Vec<String> {
    let Some(file) = place.set_aside("touchpoints") else { return Vec::new() };
    let batch: RecordBatch = rows(&file.into());
    let texts: Vec<_> =
        batch.columns().iter().map(|column| cast(column, &DataType::Utf8).expect("a text of every type")).collect();
    let text = |row: usize| {
        let cells = texts.iter().map(AsArray::as_string::<i32>);
        cells.map(|cell| if cell.is_valid(row) { cell.value(row) } else { "null" }).collect::<Vec<_>>().join("|")
    };
    let mut found: Vec<String> = (0..batch.num_rows()).map(text).collect();
    found.sort();
    found
}

#[rstest]
#[case::spark("ABMART_SPARK")]
#[case::sail("ABMART_SAIL")]
fn rows_that_break_the_contract_fare_the_same(#[case] variable: &str) {
    let Some(server) = server(variable) else { return };
    let (here, there) = (Workshop::new(&broken()), Workshop::new(&broken()));
    here.run().ok();
    there.command_with(&["run", "--engine", "spark"], &[("ABMART_SPARK_REMOTE", &server)]).ok();
    assert_eq!(there.marts().differing(&here.marts()), Vec::<&str>::new());
    assert_eq!(there.source_rows("touchpoints"), here.source_rows("touchpoints"));
    assert!(here.source_rows("touchpoints")["rows_quarantined"].as_u64() > Some(3), "{:?}", here.results()["findings"]);
    assert_eq!(set_aside(&there), set_aside(&here));
}

/// A wall clock that is not UTC's, whose hours repeat and are left out.
#[rstest]
#[case::spark("ABMART_SPARK")]
#[case::sail("ABMART_SAIL")]
fn a_day_is_one_of_the_reporting_time_zone(#[case] variable: &str) {
    let Some(server) = server(variable) else { return };
    let paris = Project::copy().edit("pipelines.yaml", "time_zone: UTC", "time_zone: Europe/Paris");
    let mut lake = Lake::fixture("healthy");
    for (number, at) in [
        "2026-03-28T23:30:00",
        "2026-03-29T00:59:59",
        "2026-03-29T01:00:00",
        "2025-10-26T00:30:00",
        "2025-10-26T01:30:00",
        "2026-05-31T22:30:00",
    ]
    .iter()
    .enumerate()
    {
        let id = format!("T-zone-{number}");
        lake.add("touchpoints", touch(json!({"touch_id": id, "account_id": "H1", "occurred_at": at})));
    }
    let (here, there) = (Workshop::new(&lake).with_project(&paris), Workshop::new(&lake).with_project(&paris));
    here.run().ok();
    there.command_with(&["run", "--engine", "spark"], &[("ABMART_SPARK_REMOTE", &server)]).ok();
    assert_eq!(there.marts().differing(&here.marts()), Vec::<&str>::new());
}

/// Results that are too large to be sent go by way of files.
#[rstest]
#[case::spark("ABMART_SPARK")]
#[case::sail("ABMART_SAIL")]
fn large_results_are_left_in_the_staging_folder_and_read_from_there(#[case] variable: &str) {
    let Some(server) = server(variable) else { return };
    let staging = TempDir::new().expect("a temporary folder");
    let engine = format!(
        "    title: {{en: Every KPI and mart, fr: Tous les KPI et tous les marts}}\n    engine: {{spark: {{remote: '{server}', staging: '{}', sent_rows: 1000}}}}\n",
        staging.path().display()
    );
    let project = Project::copy().edit(
        "pipelines.yaml",
        "    title: {en: Every KPI and mart, fr: Tous les KPI et tous les marts}\n",
        &engine,
    );
    let folder = TempDir::new().expect("a temporary folder");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let lake = shipped().display().to_string();
    let stores = |name: &str| {
        let (marts, cache) = (place(&format!("{name}-marts")), place(&format!("{name}-cache")));
        ["run".to_owned(), "--lake".to_owned(), lake.clone(), "--marts".to_owned(), marts, "--cache".to_owned(), cache]
    };
    let arguments = stores("there");
    project.command(&arguments.each_ref().map(String::as_str)).ok();
    let mut arguments = stores("here").to_vec();
    arguments.extend(["--engine".to_owned(), "local".to_owned()]);
    project.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    let marts = |name: &str| Marts::read(Path::new(&place(name)));
    assert_eq!(marts("there-marts").differing(&marts("here-marts")), Vec::<&str>::new());
    let results = fs::read(folder.path().join("there-marts/run_results.json")).expect("results");
    let results: Value = serde_json::from_slice(&results).expect("JSON");
    let queries = results["engine"]["queries"].as_array().expect("queries").clone();
    let staged = queries.iter().filter(|query| query["staged"] == json!(true)).count();
    assert!(staged > 0 && staged < queries.len(), "{queries:#?}");
    assert_eq!(fs::read_dir(staging.path()).expect("the folder").count(), 0, "nothing is left in the staging folder");
}

#[test]
fn a_server_that_nobody_started_is_out_of_reach() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let address = format!("sc://127.0.0.1:{port}");
    let begun = Instant::now();
    let (night, outcome) = Night::run(&["--engine", "spark"], &shipped(), None, &[("ABMART_SPARK_REMOTE", &address)]);
    outcome.fails(3, &[&format!("127.0.0.1:{port}")]);
    assert!(!night.published());
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
}

#[test]
fn a_wrong_token_is_refused_and_not_shown() {
    let Some(server) = server("ABMART_SPARK_GUARDED") else { return };
    let engine = format!(
        "    title: {{en: Every KPI and mart, fr: Tous les KPI et tous les marts}}\n    engine: {{spark: {{remote: '{server}', token: MY_TOKEN}}}}\n"
    );
    let project = Project::copy().edit(
        "pipelines.yaml",
        "    title: {en: Every KPI and mart, fr: Tous les KPI et tous les marts}\n",
        &engine,
    );
    let place = Workshop::new(&Lake::fixture("healthy")).with_project(&project);
    let outcome = place.command_with(&["run", "--log", "json"], &[("MY_TOKEN", "not-the-token")]);
    assert!(!outcome.stderr.contains("not-the-token") && !place.results().to_string().contains("not-the-token"));
    outcome.fails(3, &["refuses the credentials"]);
    place.command(&["run"]).fails(2, &["MY_TOKEN"]);
    place.command_with(&["run"], &[("MY_TOKEN", "right")]).ok();
}

#[test]
fn a_run_survives_the_death_of_an_executor() {
    let Some(server) = server("ABMART_SPARK") else { return };
    let mut run = Running::begin(&server, &shipped(), Duration::from_secs(2));
    let executors = executors();
    assert!(executors.len() >= 2, "two executors: {executors:?}");
    kill(executors[0]);
    let there = run.end(0);
    assert_eq!(there.differing(&LOCAL.marts()), Vec::<&str>::new());
}

#[test]
fn a_server_that_stops_in_mid_query_fails_the_run_and_nothing_is_published() {
    let Some(program) = server("ABMART_SAIL_PROGRAM") else { return };
    let mut sail = Sail::start(&program);
    let mut run = Running::begin(&sail.address(), &shipped(), Duration::from_millis(30));
    sail.process.kill().expect("a server to kill");
    let _ = sail.process.wait();
    let marts = run.end(3);
    assert!(marts.names().is_empty(), "{:?}", marts.names());
    assert!(run.log.contains(&sail.port.to_string()), "{}", run.log);
}

#[test]
fn a_run_that_is_interrupted_ends_its_query() {
    let Some(program) = server("ABMART_SAIL_PROGRAM") else { return };
    let sail = Sail::start(&program);
    let mut run = Running::begin(&sail.address(), &shipped(), Duration::from_millis(30));
    let sent = Command::new("kill").arg("-INT").arg(run.process.id().to_string()).status();
    assert!(sent.expect("kill").success());
    let begun = Instant::now();
    let marts = run.end(130);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(marts.names().is_empty(), "{:?}", marts.names());
}

/// A run under way on a server.
struct Running {
    folder: TempDir,
    process: Child,
    errors: BufReader<std::process::ChildStderr>,
    log: String,
}

impl Running {
    /// Starts a run, and waits until its first query has run for so long.
    fn begin(server: &str, lake: &Path, into: Duration) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut process = Command::new(env!("CARGO_BIN_EXE_abmart"))
            .args(["run", "--engine", "spark", "--log", "json", "--project"])
            .arg(contract::root())
            .arg("--lake")
            .arg(lake)
            .arg("--marts")
            .arg(folder.path().join("marts"))
            .arg("--cache")
            .arg(folder.path().join("cache"))
            .env("ABMART_SPARK_REMOTE", server)
            .env("ABMART_LOG", "warn,abmart=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut errors = BufReader::new(process.stderr.take().expect("a pipe"));
        let (mut log, mut line) = (String::new(), String::new());
        while !line.contains("query begins") {
            line.clear();
            let read = errors.read_line(&mut line).expect("a log");
            log.push_str(&line);
            assert!(read > 0, "the program ended by itself:\n{log}");
        }
        std::thread::sleep(into);
        Self { folder, process, errors, log }
    }

    /// Waits for the end, which has this exit code, and reads what is published.
    fn end(&mut self, code: i32) -> Marts {
        use std::io::Read as _;
        self.errors.read_to_string(&mut self.log).expect("a log");
        let status = self.process.wait().expect("an end");
        assert_eq!(status.code(), Some(code), "{}", self.log.lines().rev().take(30).collect::<Vec<_>>().join("\n"));
        Marts::read(&self.folder.path().join("marts"))
    }
}

/// A Sail server of a test's own, which ends with it.
struct Sail {
    process: Child,
    port: u16,
}

impl Sail {
    fn start(program: &str) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let process = Command::new(program)
            .args(["spark", "server", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sail starts");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "sail does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, port }
    }

    fn address(&self) -> String {
        format!("sc://127.0.0.1:{}", self.port)
    }
}

impl Drop for Sail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The processes of Spark's executors: children of the workers.
fn executors() -> Vec<u32> {
    let workers = std::env::var("ABMART_SPARK_WORKERS").expect("the workers' processes");
    let children = workers.split_whitespace().map(|worker| {
        let found = Command::new("ps").args(["-o", "pid=", "--ppid", worker]).output().expect("ps");
        String::from_utf8_lossy(&found.stdout).lines().filter_map(|line| line.trim().parse().ok()).collect::<Vec<_>>()
    });
    children.flatten().collect()
}

fn kill(process: u32) {
    let sent = Command::new("kill").args(["-9", &process.to_string()]).status().expect("kill");
    assert!(sent.success(), "process {process}");
}
