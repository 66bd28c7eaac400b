//! What becomes of a lake from night to night: rows come late, are corrected, move between files, go away. A run that
//! reuses what earlier ones kept gives the bytes of one that reuses nothing.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take, take_record_batch};
use jiff::ToSpan as _;
use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;
use serde_json::Value;
use support::contract;
use support::lake::parquet;
use support::marts::{Marts, rows};
use support::program::{Files, collect, run};
use tempfile::TempDir;

/// What happens between two nights. Files are chosen among all of the lake's events, rows among those of the file.
#[derive(Debug, Clone)]
enum Change {
    /// Rows that were missing so far come in a file of their own.
    Late(Index),
    /// Rows exchange the values of a column, so that what was said of one is now said of another.
    Corrected(Index, Index, u32),
    /// A part of a file's rows moves to a new file.
    Divided(Index, Index),
    /// All files of a month become one.
    Joined(Index),
    /// Rows go away.
    Removed(Index, Index),
    /// A whole file goes away; the rows of a month may be none.
    Gone(Index),
}

fn changes() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Change::Late),
        (index(), index(), 1_u32..9).prop_map(|(file, column, by)| Change::Corrected(file, column, by)),
        (index(), index()).prop_map(|(file, row)| Change::Divided(file, row)),
        index().prop_map(Change::Joined),
        (index(), index()).prop_map(|(file, row)| Change::Removed(file, row)),
        index().prop_map(Change::Gone),
    ]
}

/// A night: what happened before it, and whether a day has passed.
#[derive(Debug, Clone)]
struct Night {
    changes: Vec<Change>,
    days: i64,
}

fn nights() -> impl Strategy<Value = Vec<Night>> {
    let night = (prop::collection::vec(changes(), 0..4), 0_i64..5).prop_map(|(changes, days)| Night { changes, days });
    prop::collection::vec(night, 4..5)
}

/// A lake of four months, some rows of which have not come yet.
struct Lake {
    folder: TempDir,
    /// Key of the file in which they would have been → rows that come later.
    missing: BTreeMap<String, Vec<u8>>,
    made: usize,
}

impl Lake {
    fn new(seed: u8) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let lake = folder.path().join("lake").display().to_string();
        let size = ["--accounts", "40", "--months", "4", "--touchpoints", "1500"];
        let sample = ["sample", "--seed", &seed.to_string(), "--until", "2026-12-10", "--out", &lake];
        run(&[&sample[..], &size].concat()).ok();
        let mut lake = Self { folder, missing: BTreeMap::new(), made: 0 };
        for key in lake.events() {
            let rows = lake.rows(&key);
            let kept = rows.num_rows() - rows.num_rows() / 5;
            lake.missing.insert(key.clone(), parquet(&rows.slice(kept, rows.num_rows() - kept)));
            lake.write(&key, &rows.slice(0, kept));
        }
        lake
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// Keys of the files of events.
    fn events(&self) -> Vec<String> {
        let mut files = Files::new();
        collect(&self.path(), "", &mut files);
        files.into_keys().filter(|key| key.contains("/ym=")).collect()
    }

    fn rows(&self, key: &str) -> RecordBatch {
        rows(&fs::read(self.path().join(key)).expect("a file of the lake").into())
    }

    fn write(&self, key: &str, rows: &RecordBatch) {
        // One that is replaced is another file, as in a bucket, even where its size and second are the same.
        let path = self.path().join(key);
        let new = path.with_extension("new");
        fs::write(&new, parquet(rows)).expect("a file that can be written");
        fs::rename(new, path).expect("a file that can be replaced");
    }

    /// A new key beside another one.
    fn beside(&mut self, key: &str) -> String {
        self.made += 1;
        let (folder, _) = key.rsplit_once('/').expect("a file in a folder");
        format!("{folder}/part-{}.parquet", 10 + self.made)
    }

    /// Lets the rows come that are missing from a file.
    fn late(&mut self, key: &str) {
        let rows = rows(&self.missing.remove(key).expect("rows that wait").into());
        let new = self.beside(key);
        fs::create_dir_all(self.path().join(&new).parent().expect("a folder")).expect("a folder");
        self.write(&new, &rows);
    }

    fn apply(&mut self, change: &Change) {
        let events = self.events();
        match change {
            Change::Late(which) => {
                let waiting: Vec<String> = self.missing.keys().cloned().collect();
                if waiting.is_empty() {
                    return;
                }
                self.late(which.get(waiting.as_slice()).as_str());
            }
            Change::Corrected(file, column, by) => {
                let key = file.get(&events);
                let rows = self.rows(key);
                let height = u32::try_from(rows.num_rows()).expect("few rows");
                if height > 1 {
                    // The first columns are keys of the source; those that follow say what happened.
                    let column = column.index(rows.num_columns().saturating_sub(2)) + 2;
                    let turned = UInt32Array::from_iter_values((0..height).map(|row| (row + by) % height));
                    let mut columns = rows.columns().to_vec();
                    columns[column] = take(&columns[column], &turned, None).expect("rows of one file");
                    self.write(key, &RecordBatch::try_new(rows.schema(), columns).expect("columns of one length"));
                }
            }
            Change::Divided(file, row) => {
                let key = file.get(&events).clone();
                let rows = self.rows(&key);
                if rows.num_rows() > 1 {
                    let at = row.index(rows.num_rows() - 1) + 1;
                    let new = self.beside(&key);
                    self.write(&new, &rows.slice(at, rows.num_rows() - at));
                    self.write(&key, &rows.slice(0, at));
                }
            }
            Change::Joined(file) => {
                let key = file.get(&events).clone();
                let (folder, _) = key.rsplit_once('/').expect("a file in a folder");
                let all: Vec<&String> =
                    events.iter().filter(|other| other.starts_with(&format!("{folder}/"))).collect();
                let parts: Vec<RecordBatch> = all.iter().map(|key| self.rows(key)).collect();
                for other in all {
                    fs::remove_file(self.path().join(other)).expect("a file that can be removed");
                }
                let new = self.beside(&key);
                self.write(&new, &concat_batches(&parts[0].schema(), &parts).expect("files of one schema"));
            }
            Change::Removed(file, row) => {
                let key = file.get(&events);
                let rows = self.rows(key);
                if rows.num_rows() > 0 {
                    let gone = u32::try_from(row.index(rows.num_rows())).expect("few rows");
                    let height = u32::try_from(rows.num_rows()).expect("few rows");
                    let kept = UInt32Array::from_iter_values((0..height).filter(|row| row % 7 != gone % 7));
                    self.write(key, &take_record_batch(&rows, &kept).expect("rows of one file"));
                }
            }
            Change::Gone(file) => {
                // A source keeps one file at least.
                let key = file.get(&events);
                let source = key.split('/').next().unwrap_or_default();
                if events.iter().filter(|other| other.starts_with(&format!("{source}/"))).count() > 1 {
                    fs::remove_file(self.path().join(key)).expect("a file that can be removed");
                }
            }
        }
    }

    /// Runs a night into a place below the lake's folder: so many days after the beginning of November.
    fn night(&self, place: &str, day: i64, options: &[&str]) -> (Marts, Value) {
        let folder = |name: &str| self.folder.path().join(format!("{place}-{name}")).display().to_string();
        let (lake, marts, cache) = (self.path().display().to_string(), folder("marts"), folder("cache"));
        let day = date(2026, 11, 1).saturating_add(day.days()).to_string();
        let project = contract::root().display().to_string();
        let stores =
            ["run", "--project", &project, "--as-of", &day, "--lake", &lake, "--marts", &marts, "--cache", &cache];
        run(&[&stores[..], options].concat()).ok();
        let results = fs::read(Path::new(&marts).join("run_results.json")).expect("results");
        (Marts::read(Path::new(&marts)), serde_json::from_slice(&results).expect("JSON"))
    }
}

proptest! {
    // Each case runs the program ten times.
    #![proptest_config(Config { cases: 3, max_shrink_iters: 4, failure_persistence: None, ..Config::default() })]

    #[test]
    fn an_incremental_run_gives_the_bytes_of_a_full_one(seed in any::<u8>(), nights in nights()) {
        let mut lake = Lake::new(seed);
        // Weeks, a month and a quarter's window end on the way.
        let mut day = 25;
        lake.night("incremental", day, &[]);
        lake.night("full", day, &["--full"]);
        for night in nights {
            night.changes.iter().for_each(|change| lake.apply(change));
            day += night.days;
            let (marts, _) = lake.night("incremental", day, &[]);
            let (full, results) = lake.night("full", day, &["--full"]);
            prop_assert_eq!(marts.differing(&full), Vec::<&str>::new(), "{} days into November after {:?}", day, &night.changes);
            prop_assert_eq!(&results["cache"]["periods"]["reused"], 0);
        }
    }
}

/// What was kept of a file and what was read just now meet in one group.
#[test]
fn rows_that_come_late_are_added_to_what_was_kept_of_their_days() {
    let mut lake = Lake::new(7);
    lake.night("incremental", 18, &[]);
    lake.night("full", 18, &["--full"]);
    let waiting: Vec<String> = lake.missing.keys().cloned().collect();
    let touches = waiting.iter().filter(|key| key.starts_with("touchpoints/"));
    for key in touches {
        lake.late(key);
    }
    let (marts, results) = lake.night("incremental", 18, &[]);
    let (full, _) = lake.night("full", 18, &["--full"]);
    assert_eq!(marts.differing(&full), Vec::<&str>::new());
    assert!(results["cache"]["files"]["reused"].as_u64() > Some(3), "{}", results["cache"]);
}

#[test]
fn closed_periods_are_computed_again_only_where_something_changed() {
    let lake = Lake::new(7);
    let reuse = |results: &Value, what: &str| {
        let count = |kind: &str| results["cache"][what][kind].as_u64().expect("a count");
        (count("reused"), count("computed"))
    };
    let (_, first) = lake.night("a", 18, &[]);
    let (none, all) = reuse(&first, "periods");
    assert_eq!(none, 0);
    assert!(all > 10, "{all} closed periods");
    let (_, second) = lake.night("a", 18, &[]);
    assert_eq!(reuse(&second, "periods"), (all, 0));
    // The next day closes none. The file of its month is another one now, so what read of it is computed: closed weeks.
    let (_, third) = lake.night("a", 19, &[]);
    let (reused, computed) = reuse(&third, "periods");
    assert_eq!(reused + computed, all);
    assert!(reused > all / 2 && computed <= 3, "{reused} reused, {computed} computed");
    let key = lake.events().into_iter().find(|key| key.starts_with("touchpoints/ym=2026-10/")).expect("a file");
    let rows = lake.rows(&key);
    lake.write(&key, &rows.slice(0, rows.num_rows() - 1));
    let (_, fourth) = lake.night("a", 19, &[]);
    let (reused, computed) = reuse(&fourth, "periods");
    assert!(reused > 0 && computed > 1, "{reused} reused, {computed} computed");
    assert_eq!(reuse(&fourth, "files"), (reuse(&third, "files").0 + reuse(&third, "files").1 - 1, 1));
}
