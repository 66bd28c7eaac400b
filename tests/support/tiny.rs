//! The smallest project, on a lake of one snapshot: for tests that run it hundreds of times.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use tempfile::TempDir;

use super::cloud::published;
use super::contract;
use super::lake::parquet;
use super::program::{Files, Outcome, collect};

/// A folder with a lake and marts of the project in `fixtures/tiny`.
#[derive(Debug)]
pub struct Tiny {
    folder: TempDir,
    marts: PathBuf,
}

impl Tiny {
    /// A place with the lake of the first night.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let tiny = Self { marts: folder.path().join("marts"), folder };
        tiny.night(1);
        tiny
    }

    /// A place with its marts elsewhere.
    pub fn with_marts(marts: &Path) -> Self {
        Self { marts: marts.to_owned(), ..Self::new() }
    }

    /// Adds the snapshot of a night: the revenue of each account is a number of that night only.
    pub fn night(&self, number: u8) {
        let ids: ArrayRef = Arc::new(StringArray::from(vec!["A", "B", "C"]));
        let regions: ArrayRef = Arc::new(StringArray::from(vec!["APAC", "EMEA", "EMEA"]));
        let revenue: ArrayRef = Arc::new(Float64Array::from(vec![f64::from(number); 3]));
        let batch = RecordBatch::try_from_iter([("account_id", ids), ("region", regions), ("revenue", revenue)]);
        let path = self.lake().join(Self::snapshot(number));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder that can be made");
        fs::write(path, parquet(&batch.expect("columns of one length"))).expect("a file");
    }

    /// The key of the snapshot of a night.
    pub fn snapshot(number: u8) -> String {
        format!("accounts/dt=2026-07-{number:02}/part-0.parquet")
    }

    /// The folder of the lake.
    pub fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The folder of the marts.
    pub fn marts_folder(&self) -> &Path {
        &self.marts
    }

    /// The program, to be run on this place with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_to(arguments, self.marts.as_os_str())
    }

    /// The program, with the marts of a run going to a store elsewhere.
    pub fn command_to(&self, arguments: &[&str], marts: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abmart"));
        command
            .args(arguments)
            .arg("--project")
            .arg(contract::root().join("tests/fixtures/tiny"))
            .arg("--lake")
            .arg(self.lake())
            .arg("--marts")
            .arg(marts)
            .arg("--cache")
            .arg(self.folder.path().join("cache"))
            .env_remove("ABMART_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Begins a run.
    pub fn start(&self) -> Child {
        self.command(&["run"]).spawn().expect("the program starts")
    }

    /// Runs to the end.
    pub fn run(&self) -> Outcome {
        ended(self.start())
    }

    /// What is published, as a reader finds it who goes by the manifest: mart and name of the file → content.
    pub fn published(&self) -> Files {
        published(&self.marts)
    }

    /// The manifest, where there is one.
    pub fn manifest(&self) -> Option<serde_json::Value> {
        let text = fs::read(self.marts.join("_abmart/manifest.json")).ok()?;
        Some(serde_json::from_slice(&text).expect("a manifest is never half-written"))
    }

    /// All files of the folder of marts.
    pub fn files(&self) -> Files {
        let mut files = Files::new();
        collect(&self.marts, "", &mut files);
        files
    }
}

/// The outcome of a process.
pub fn ended(child: Child) -> Outcome {
    Outcome::of(&child.wait_with_output().expect("the program ends"))
}

/// A copy of the tiny project, with more in its pipelines.yaml and another job.
pub fn project(more: &str, job: impl Fn(String) -> String) -> TempDir {
    let copy = TempDir::new().expect("a temporary folder");
    let shipped = contract::root().join("tests/fixtures/tiny");
    let read = |name: &str| fs::read_to_string(shipped.join(name)).expect("a file of the project");
    fs::write(copy.path().join("pipelines.yaml"), read("pipelines.yaml") + more).expect("a file");
    fs::create_dir(copy.path().join("jobs")).expect("a folder");
    fs::write(copy.path().join("jobs/tiny.yaml"), job(read("jobs/tiny.yaml"))).expect("a file");
    copy
}
