//! The project in `fixtures/changes` on lakes of a few accounts and orders, for tests of what changes between two runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use jiff::civil::{Date, date};
use serde_json::Value;
use tempfile::TempDir;

use super::contract;
use super::lake::parquet;
use super::program::{Files, Outcome, collect};

/// An order: id, account, day, amount.
pub type Order = (&'static str, &'static str, &'static str, f64);
/// An account: id, region, tier.
pub type Account = (&'static str, &'static str, &'static str);

/// A lake, its marts, and a copy of the project.
#[derive(Debug)]
pub struct Changes {
    folder: TempDir,
}

impl Changes {
    /// A place without data.
    pub fn new() -> Self {
        let place = Self { folder: TempDir::new().expect("a temporary folder") };
        for (key, content) in project() {
            write(&place.project().join(key), &content);
        }
        place
    }

    /// The folder of the project.
    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The folder of the marts.
    pub fn marts(&self) -> PathBuf {
        self.folder.path().join("marts")
    }

    /// Another version of the project, with a text of its job replaced.
    pub fn version(&self, name: &str, from: &str, to: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        for (key, content) in project() {
            write(&folder.join(key), &content);
        }
        edit(&folder, from, to);
        folder
    }

    /// Replaces a text in the job of the project.
    pub fn edit(&self, from: &str, to: &str) {
        edit(&self.project(), from, to);
    }

    /// Writes the snapshot of the accounts of a day.
    pub fn accounts(&self, day: &str, accounts: &[Account]) -> &Self {
        let column = |of: fn(&Account) -> &'static str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(accounts.iter().map(of)))
        };
        let rows =
            [("account_id", column(|row| row.0)), ("region", column(|row| row.1)), ("tier", column(|row| row.2))];
        self.put(&format!("accounts/dt={day}/part-0.parquet"), rows);
        self
    }

    /// Writes a file of orders, all of one month.
    pub fn orders(&self, month: &str, part: &str, orders: &[Order]) -> &Self {
        let text = |of: fn(&Order) -> &'static str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(orders.iter().map(of)))
        };
        let days: ArrayRef = Arc::new(Date32Array::from_iter_values(orders.iter().map(|row| since_1970(row.2))));
        let amounts: ArrayRef = Arc::new(Float64Array::from_iter_values(orders.iter().map(|row| row.3)));
        let rows = [
            ("order_id", text(|row| row.0)),
            ("account_id", text(|row| row.1)),
            ("ordered_at", days),
            ("amount", amounts),
        ];
        self.put(&format!("orders/ym={month}/{part}.parquet"), rows);
        self
    }

    fn put<const N: usize>(&self, key: &str, columns: [(&str, ArrayRef); N]) {
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        write(&self.folder.path().join("lake").join(key), &parquet(&batch));
    }

    /// The program, to be run on this place.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abmart"));
        let folder = |name: &str| self.folder.path().join(name);
        command.args(arguments).arg("--project").arg(self.project());
        command
            .arg("--lake")
            .arg(folder("lake"))
            .arg("--marts")
            .arg(folder("marts"))
            .arg("--cache")
            .arg(folder("cache"));
        command.env_remove("ABMART_LOG");
        command
    }

    /// Runs a command to its end.
    pub fn command(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&self.program(arguments).output().expect("the program starts"))
    }

    /// Runs a night, and gives the id of the run.
    pub fn night(&self, day: &str, more: &[&str]) -> String {
        self.command(&[&["run", "--as-of", day], more].concat()).ok();
        text(&self.results()["run_id"]).to_owned()
    }

    /// The file `run_results.json`.
    pub fn results(&self) -> Value {
        let text = fs::read(self.marts().join("run_results.json")).expect("run_results.json");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// What `diff` says in JSON.
    pub fn diff(&self, arguments: &[&str]) -> Diff {
        let outcome = self.command(&[&["diff", "--json"], arguments].concat()).ok();
        // JSON is YAML; this reader takes numbers to the last bit, that of JSON does not always.
        Diff(serde_yaml::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stdout)))
    }

    /// The runs that the manifest names, sorted, and those that have files beside it.
    pub fn kept(&self) -> (Vec<String>, Vec<String>) {
        let text = fs::read(self.marts().join("_abmart/manifest.json")).expect("a manifest");
        let manifest: Value = serde_json::from_slice(&text).expect("JSON");
        let named = manifest["runs"].as_array().into_iter().flatten();
        let mut named: Vec<String> = named.map(|run| run["run_id"].as_str().expect("a run").to_owned()).collect();
        named.sort();
        let mut files = Files::new();
        collect(&self.marts().join("_abmart/runs"), "", &mut files);
        let mut there: Vec<String> = files.keys().filter_map(|key| Some(key.split_once('/')?.0.to_owned())).collect();
        there.dedup();
        (named, there)
    }
}

/// What `diff --json` says.
#[derive(Debug)]
pub struct Diff(pub Value);

impl Diff {
    /// The changed cells of the grain `month`: `kpi start cut` → before, after and the parts that are not 0.
    pub fn months(&self) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        for cell in self.0["cells"].as_array().expect("cells").iter().filter(|cell| cell["period_grain"] == "month") {
            let cut = cell["cut"].as_object().expect("a cut");
            let cut: Vec<&str> = cut.values().filter_map(Value::as_str).collect();
            let cut = if cut.is_empty() { "all".to_owned() } else { cut.join("+") };
            let name = format!("{} {} {cut}", text(&cell["kpi"]), &text(&cell["period_start"])[..7]);
            let parts = cell["parts"].as_object().expect("parts").iter();
            let parts: Vec<String> = parts
                .filter(|(_, part)| part.as_f64().is_some_and(|part| part != 0.0))
                .map(|(name, part)| format!("{name} {part}"))
                .collect();
            told.insert(name, format!("{} -> {}: {}", cell["before"], cell["after"], parts.join(", ")));
        }
        told
    }

    /// How a cause was told: `split`, `nothing` or `unknown`.
    pub fn state(&self, cause: &str) -> &str {
        self.0["causes"][cause]["state"].as_str().expect("a state")
    }

    /// Asserts that the parts of every cell add up to its change, to the bit.
    #[track_caller]
    pub fn adds_up(&self) -> &Self {
        for cell in self.0["cells"].as_array().expect("cells") {
            let parts = cell["parts"].as_object().expect("parts");
            let sum: f64 = parts.values().filter_map(Value::as_f64).sum();
            assert_eq!(Some(sum), cell["change"].as_f64(), "{cell}");
            let side = |name: &str| cell[name].as_f64().unwrap_or_default();
            assert!((sum - (side("after") - side("before"))).abs() < 1e-6, "{cell}");
        }
        self
    }

    /// Causes that some cell has a part of.
    pub fn causes(&self) -> Vec<&str> {
        let causes = self.0["causes"].as_object().expect("causes").iter();
        causes
            .filter(|(_, cause)| cause["cells"].as_u64().is_some_and(|cells| cells > 0))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Changes of definitions: `code message`.
    pub fn definitions(&self) -> Vec<String> {
        let changes = self.0["definitions"].as_array().expect("definitions");
        changes.iter().map(|change| format!("{}: {}", text(&change["code"]), text(&change["message"]))).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn project() -> Files {
    let mut files = Files::new();
    collect(&contract::root().join("tests/fixtures/changes"), "", &mut files);
    files
}

#[track_caller]
fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join("jobs/orders.yaml");
    let text = fs::read_to_string(&path).expect("a job");
    assert!(text.contains(from), "the job holds `{from}`");
    write(&path, text.replace(from, to).as_bytes());
}

fn write(path: &Path, content: &[u8]) {
    // One that is replaced is another file, as in a bucket, even where its size and second are the same.
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder that can be made");
    let new = path.with_extension("new");
    fs::write(&new, content).expect("a file that can be written");
    fs::rename(new, path).expect("a file that can be replaced");
}

fn since_1970(text: &str) -> i32 {
    let day: Date = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    day.since(date(1970, 1, 1)).expect("a day in range").get_days()
}
