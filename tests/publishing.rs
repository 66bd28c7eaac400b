//! What happens to the marts when a run is killed, when two run at once, when the disk is full: all of a night or
//! nothing of it, and the next run goes on by itself.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::AsArray as _;
use arrow::datatypes::Float64Type;
use serde_json::{Value, json};
use support::marts::batches;
use support::program::Outcome;
use support::tiny::{Tiny, ended};

/// A place where the first night is published, and the snapshot of the second one has come.
fn second_evening() -> Tiny {
    let place = Tiny::new();
    place.run().ok();
    place.night(2);
    place
}

/// The lease, so that it can be that of someone else.
fn lease(place: &Tiny) -> Value {
    let text = fs::read(place.marts_folder().join("_abmart/lease.json")).expect("a lease");
    serde_json::from_slice(&text).expect("JSON")
}

fn put_lease(place: &Tiny, lease: &Value) {
    fs::write(place.marts_folder().join("_abmart/lease.json"), lease.to_string()).expect("a file that can be written");
}

/// A lease that a run elsewhere has until the given moment.
fn lease_elsewhere(place: &Tiny, until: &str) {
    let mut lease = lease(place);
    lease["released"] = json!(false);
    lease["until"] = json!(until);
    lease["run_id"] = json!("another-run");
    lease["process"] = json!({"host": "another-host", "pid": 4711, "boot": "another start of it"});
    put_lease(place, &lease);
}

// ---- Kills ----------------------------------------------------------------------------------------------------------

/// The names, sizes and times of a folder's files: it changes with every step of a run.
fn state(folder: &Path, seen: &mut String) {
    use std::fmt::Write as _;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if let Ok(meta) = fs::symlink_metadata(entry.path()) {
            if meta.is_dir() {
                state(&entry.path(), seen);
            } else {
                let _ = write!(seen, "{} {} {:?};", entry.path().display(), meta.len(), meta.modified().ok());
            }
        }
    }
}

/// Kills a run at the `n`-th state of the folder that a watcher sees; whether it lived long enough for that.
fn killed_at(place: &Tiny, n: usize) -> bool {
    let mut child = place.start();
    let (mut states, mut last) = (0, String::new());
    loop {
        let mut seen = String::new();
        state(place.marts_folder(), &mut seen);
        if seen != last {
            states += 1;
            last = seen;
        }
        if states > n {
            child.kill().expect("a process to kill");
            return ended(child).code != 0;
        }
        if child.try_wait().expect("a child").is_some() {
            ended(child).ok();
            return false;
        }
    }
}

/// The revenue that each mart was computed from, as a reader sees it who goes by the manifest and begins again when a file
/// is not the one that it names. `None` when it finds no rest within its patience: a run was killed amid its moves.
fn read_by_manifest(place: &Tiny) -> Option<BTreeSet<u64>> {
    let begun = Instant::now();
    'again: while begun.elapsed() < Duration::from_secs(1) {
        let manifest = place.manifest().expect("a manifest");
        let mut nights = BTreeSet::new();
        for (mart, entry) in manifest["marts"].as_object().expect("marts") {
            let mut revenue = 0.0;
            for file in entry["files"].as_array().expect("files") {
                let Ok(bytes) = fs::read(place.marts_folder().join(file["key"].as_str().expect("a key"))) else {
                    continue 'again;
                };
                if support::sha256(&bytes) != file["sha256"].as_str().expect("a hash") {
                    continue 'again;
                }
                for batch in batches(&bytes.into()) {
                    let column = batch.column_by_name("revenue").expect("a column").as_primitive::<Float64Type>();
                    revenue += column.iter().flatten().sum::<f64>();
                }
            }
            // Three accounts, each with the number of its night.
            assert!(revenue > 0.0, "mart {mart} has rows");
            nights.insert(revenue.to_bits());
        }
        return Some(nights);
    }
    None
}

#[test]
fn killed_at_any_moment_the_next_run_gives_what_an_undisturbed_one_gives() {
    let undisturbed = second_evening();
    let before = undisturbed.published();
    undisturbed.run().ok();
    let expected = undisturbed.published();
    assert!(before != expected && before.len() == 3);
    let (mut killed, mut half_way) = (0, 0);
    for n in 1.. {
        let place = second_evening();
        if !killed_at(&place, n) {
            break;
        }
        killed += 1;
        match read_by_manifest(&place) {
            Some(nights) => assert_eq!(nights.len(), 1, "killed at state {n}: a mix of two nights"),
            None => half_way += 1,
        }
        place.run().ok();
        assert!(place.published() == expected, "killed at state {n}");
        let leftovers: Vec<String> = place.files().into_keys().filter(|key| key.starts_with("_staging/")).collect();
        assert_eq!(leftovers, Vec::<String>::new(), "killed at state {n}");
    }
    assert!(killed > 10, "killed {killed} runs, {half_way} of them amid their moves");
}

#[test]
fn a_reader_who_goes_by_the_manifest_never_sees_two_nights_at_once() {
    let place = second_evening();
    let over = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.push(read_by_manifest(&place).expect("rest between two runs"));
            }
            seen
        });
        for night in 3..12 {
            place.run().ok();
            place.night(night);
        }
        over.store(true, Ordering::Relaxed);
        reader.join().expect("a reader")
    });
    assert!(reads.iter().all(|nights| nights.len() == 1), "{reads:?}");
    let different: BTreeSet<&BTreeSet<u64>> = reads.iter().collect();
    assert!(different.len() > 4, "saw {} nights", different.len());
}

// ---- Leases ---------------------------------------------------------------------------------------------------------

#[test]
fn of_two_runs_at_once_one_works_and_the_other_says_who_holds_the_lease() {
    let (mut worked, mut refused) = (0, 0);
    for _ in 0..10 {
        let place = second_evening();
        let children = [place.start(), place.start()];
        for outcome in children.map(ended) {
            if outcome.code == 0 {
                worked += 1;
            } else {
                refused += 1;
                outcome.fails(3, &["is in use: run ", "holds its lease since 20", ", until 20"]);
            }
        }
        assert!(worked > 0, "one of two always works");
        assert_eq!(read_by_manifest(&place).expect("rest").len(), 1);
        let results = fs::read(place.marts_folder().join("run_results.json")).expect("run_results.json");
        let results: Value = serde_json::from_slice(&results).expect("JSON");
        assert_eq!(results["status"], "published", "the results are those of the run that worked");
    }
    assert!(refused > 0, "{worked} runs worked, and never two at once");
}

#[test]
fn while_another_run_holds_the_lease_nothing_is_written() {
    let place = second_evening();
    lease_elsewhere(&place, "2999-01-01T00:00:00Z");
    let before = place.files();
    place.run().fails(
        3,
        &[
            "is in use: run another-run (process 4711 on another-host)",
            "until 2999-01-01T00:00:00Z unless it is renewed",
        ],
    );
    assert!(place.files() == before, "not even run_results.json");
}

#[test]
fn a_lease_elsewhere_that_has_expired_is_taken_over() {
    let place = second_evening();
    let token = lease(&place)["token"].as_u64().expect("a token");
    lease_elsewhere(&place, "2026-01-01T00:00:00Z");
    place.run().ok();
    let after = lease(&place);
    assert_eq!((after["token"].as_u64(), &after["released"]), (Some(token + 1), &json!(true)));
}

#[cfg(target_os = "linux")]
#[test]
fn the_lease_of_a_run_that_was_killed_on_this_machine_is_taken_over_at_once() {
    let place = second_evening();
    let mut child = place.start();
    while lease(&place)["released"] == json!(true) {
        std::thread::yield_now();
    }
    child.kill().expect("a process to kill");
    child.wait().expect("its end");
    let left = lease(&place);
    if left["released"] == json!(false) {
        let until: jiff::Timestamp = left["until"].as_str().expect("a time").parse().expect("a time");
        assert!(until > jiff::Timestamp::now(), "its lease has not expired");
    }
    place.run().ok();
}

#[test]
fn every_end_of_a_run_gives_the_lease_back() {
    let place = second_evening();
    let held = |place: &Tiny| lease(place)["released"] == json!(false);
    assert!(!held(&place));
    let failing = ended(place.command(&["run", "--as-of", "2020-01-01"]).spawn().expect("the program starts"));
    assert_ne!(failing.code, 0);
    assert!(!held(&place));
    let results = fs::read(place.marts_folder().join("run_results.json")).expect("run_results.json");
    let results: Value = serde_json::from_slice(&results).expect("JSON");
    assert_eq!(results["status"], "failed");
}

// ---- Full disks -----------------------------------------------------------------------------------------------------

/// A file system of a few pages, for those who may mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_while_marts_are_staged_leaves_the_old_ones() {
    use std::process::Command;
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mount = |arguments: &[&str]| Command::new("mount").args(arguments).arg(folder.path()).output();
    let mounted = mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"]);
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let place = Tiny::with_marts(folder.path());
        place.run().ok();
        place.night(2);
        let before = place.published();
        // All that is left is taken, but for what records need and one of the three staged files.
        let mut left = fs::File::create(folder.path().join("ballast")).expect("a file");
        let written = std::io::copy(&mut std::io::repeat(0).take(1 << 20), &mut left);
        assert!(written.is_err(), "the file system is full");
        drop(left);
        let file = fs::File::options().write(true).open(folder.path().join("ballast")).expect("a file");
        let size = file.metadata().expect("a file").len();
        file.set_len(size - 8 * 1024).expect("a file that can be cut");
        drop(file);
        place.run().fails(3, &["No space left on device"]);
        assert!(place.published() == before);
        assert_eq!(read_by_manifest(&place).expect("rest").len(), 1);
        fs::remove_file(folder.path().join("ballast")).expect("a file");
        place.run().ok();
        assert!(place.published() != before);
    });
    let unmounted = Command::new("umount").arg(folder.path()).status().expect("umount");
    assert!(unmounted.success());
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A process that may write files of some size only, as on a disk that is full: in units of 512 bytes.
#[cfg(unix)]
fn with_little_room(place: &Tiny, blocks: usize) -> Outcome {
    let run = place.command(&["run"]);
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh").arg(run.get_program());
    command.args(run.get_args()).env_remove("ABMART_LOG").stdin(std::process::Stdio::null());
    Outcome::of(&command.output().expect("a shell"))
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_leaves_the_old_marts() {
    let undisturbed = Tiny::new();
    undisturbed.run().ok();
    undisturbed.night(2);
    undisturbed.run().ok();
    let (mut failed, mut blocks) = (0, 1);
    loop {
        let place = Tiny::new();
        place.run().ok();
        let before = place.published();
        place.night(2);
        let outcome = with_little_room(&place, blocks);
        if outcome.code == 0 {
            assert_eq!(place.published(), undisturbed.published());
            break;
        }
        let outcome = outcome.fails(3, &[]);
        assert!(outcome.stderr.contains("arge"), "the cause is told: {}", outcome.stderr);
        assert_eq!(place.published(), before, "with {blocks} blocks");
        place.run().ok();
        assert_eq!(place.published(), undisturbed.published(), "with {blocks} blocks");
        failed += 1;
        blocks += 1;
    }
    assert!(failed > 2, "only {failed} sizes were too small");
}
