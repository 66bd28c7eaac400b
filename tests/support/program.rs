//! The real program, run on the shipped project or on a copy of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::contract;
use super::{Lake, Marts};

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// The outcome of a process that has ended.
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts that the command did what it was asked to.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// Asserts that the command failed with this code and said all of these.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in:\n{}", self.stderr);
        }
        self
    }
}

/// A place for one lake, its marts and the project that makes them.
#[derive(Debug)]
pub struct Workshop {
    folder: TempDir,
    project: PathBuf,
}

impl Workshop {
    /// A place with a lake and the shipped project.
    pub fn new(lake: &Lake) -> Self {
        let place = Self { folder: TempDir::new().expect("a temporary folder"), project: contract::root() };
        lake.write(&place.lake());
        place
    }

    /// The same place with a project of its own.
    pub fn with_project(mut self, project: &Project) -> Self {
        self.project = project.folder();
        self
    }

    /// The folder of the lake.
    pub fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The folder of the marts.
    pub fn marts_folder(&self) -> PathBuf {
        self.folder.path().join("marts")
    }

    /// The folder of the cache.
    pub fn cache_folder(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Replaces the lake.
    pub fn relaid(&self, lake: &Lake) -> &Self {
        fs::remove_dir_all(self.lake()).expect("a lake to replace");
        lake.write(&self.lake());
        self
    }

    /// Runs a command with the place's project and stores.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        self.command_with(arguments, &[])
    }

    /// Runs a command with the place's project and stores, and these environment variables.
    pub fn command_with<S: AsRef<OsStr>>(&self, arguments: &[S], environment: &[(&str, &str)]) -> Outcome {
        run_with(&self.arguments(arguments), environment)
    }

    /// Starts a command, does something to its process as soon as its JSON log holds a text `times` times, and waits
    /// for its end.
    #[cfg(unix)]
    pub fn signalled<S: AsRef<OsStr>>(&self, arguments: &[S], signal: &str, after: &str, times: usize) -> Outcome {
        let mut program = Command::new(env!("CARGO_BIN_EXE_abmart"));
        program.args(self.arguments(arguments)).args(["--log", "json"]);
        signalled(&mut program, signal, after, times)
    }

    fn arguments<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Vec<std::ffi::OsString> {
        let folder = |name: &str| self.folder.path().join(name).into_os_string();
        let mut all: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
        for (option, place) in [
            ("--project", self.project.clone().into_os_string()),
            ("--lake", folder("lake")),
            ("--marts", folder("marts")),
            ("--cache", folder("cache")),
        ] {
            all.extend([option.into(), place]);
        }
        all
    }

    /// Starts the nightly pipeline on the shipped lake, sends it a signal (`INT`, `TERM`) as soon as it says that it
    /// has started, and waits for its end.
    #[cfg(unix)]
    pub fn interrupted_run(&self, signal: &str) -> Outcome {
        let mut program = Command::new(env!("CARGO_BIN_EXE_abmart"));
        program
            .args(["run", "--log", "json", "--project"])
            .arg(&self.project)
            .arg("--lake")
            .arg(contract::root().join("data/lake"))
            .arg("--marts")
            .arg(self.marts_folder());
        signalled(&mut program, signal, "run started", 1)
    }

    /// Runs the nightly pipeline.
    pub fn run(&self) -> Outcome {
        self.command(&["run"])
    }

    /// The published marts.
    pub fn marts(&self) -> Marts {
        Marts::read(&self.marts_folder())
    }

    /// The file `run_results.json`.
    pub fn results(&self) -> Value {
        let text = fs::read(self.marts_folder().join("run_results.json")).expect("run_results.json");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Puts the files of another place's marts folder here.
    pub fn with_published(self, files: &Files) -> Self {
        for (key, content) in files {
            let path = self.marts_folder().join(key);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder that can be made");
            fs::write(path, content).expect("a file that can be written");
        }
        self
    }

    /// Every file of the marts folder but what failed runs write too: `run_results.json`, the ledger, and the records that
    /// say which run may write.
    pub fn published_files(&self) -> Files {
        let mut files = Files::new();
        collect(&self.marts_folder(), "", &mut files);
        let own = ["run_results.json", "_abmart/lease.json", "_abmart/intent.json"];
        files.retain(|key, _| !own.contains(&key.as_str()) && !key.starts_with("_abmart/ledger/"));
        files
    }

    /// The rows of a source that the run whose marts are published set aside.
    pub fn set_aside(&self, source: &str) -> Option<Vec<u8>> {
        let run = self.results()["run_id"].as_str().expect("a run").to_owned();
        let mut files = self.published_files();
        let others =
            |key: &&String| key.starts_with("_quarantine/") && !key.starts_with(&format!("_quarantine/{run}/"));
        assert_eq!(files.keys().find(others), None, "nothing of other runs is left");
        files.remove(&format!("_quarantine/{run}/{source}.parquet"))
    }

    /// What the last run did with the rows of a source.
    pub fn source_rows(&self, source: &str) -> Value {
        let results = self.results();
        let sources = results["sources"].as_array().expect("a list of sources").clone();
        sources.into_iter().find(|row| row["source"] == source).unwrap_or_else(|| panic!("no rows of `{source}`"))
    }
}

/// The files of a folder: key → content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A copy of the shipped project, to be changed.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// Copies pipelines.yaml, the jobs and the reference data.
    pub fn copy() -> Self {
        let copy = Self { folder: TempDir::new().expect("a temporary folder") };
        for part in ["pipelines.yaml", "jobs", "data/reference"] {
            copy_all(&contract::root().join(part), &copy.folder().join(part));
        }
        copy
    }

    /// Its folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Replaces a text that a file holds, everywhere.
    #[track_caller]
    pub fn edit(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.folder().join(file);
        let text = fs::read_to_string(&path).expect("a file of the project");
        assert!(text.contains(from), "{file} holds `{from}`");
        fs::write(path, text.replace(from, to)).expect("a file that can be written");
        self
    }

    /// Runs a command on it.
    pub fn command(&self, arguments: &[&str]) -> Outcome {
        let mut all: Vec<_> = arguments.iter().map(Into::into).collect();
        all.extend(["--project".into(), self.folder().into_os_string()]);
        run::<std::ffi::OsString>(&all)
    }
}

/// Runs the program, its output in pipes.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Outcome {
    run_with(arguments, &[])
}

/// Runs the program with these environment variables.
pub fn run_with<S: AsRef<OsStr>>(arguments: &[S], environment: &[(&str, &str)]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_abmart"))
        .args(arguments)
        .env_remove("ABMART_LOG")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Outcome::of(&output)
}

/// The marts of a fixture, or the reason why there are none.
pub fn published(fixture: &str) -> Marts {
    let place = Workshop::new(&Lake::fixture(fixture));
    place.run().ok();
    place.marts()
}

/// Adds the files of a folder.
pub fn collect(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{key}/"), files);
        } else {
            files.insert(key, fs::read(entry.path()).expect("a file that can be read"));
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder that can be made");
    if from.is_file() {
        fs::copy(from, to).expect("a file that can be copied");
        return;
    }
    for entry in fs::read_dir(from).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Starts a program, sends it a signal as soon as its log holds a text so many times, and waits for its end.
#[cfg(unix)]
fn signalled(program: &mut Command, signal: &str, after: &str, times: usize) -> Outcome {
    use std::io::{BufRead as _, BufReader, Read as _};
    let program = program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut stderr = String::new();
    while stderr.matches(after).count() < times {
        let read = log.read_line(&mut stderr).expect("a log");
        assert!(read > 0, "the program ended by itself:\n{stderr}");
    }
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(sent.expect("kill").success());
    log.read_to_string(&mut stderr).expect("a log");
    let output = child.wait_with_output().expect("the program ends");
    Outcome { stderr, ..Outcome::of(&output) }
}
