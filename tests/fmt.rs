//! `abmart fmt` as a whole: what it prints, what it writes, and the exit code that a build goes by.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use support::contract;
use support::program::{Outcome, run};
use tempfile::TempDir;

/// A project of one job, laid out badly.
fn project(job: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    fs::create_dir(folder.path().join("jobs")).unwrap();
    fs::write(folder.path().join("pipelines.yaml"), "project: small\n\npipelines:\n  nightly: {from: other}\n")
        .unwrap();
    fs::write(folder.path().join("jobs/one.yaml"), job).unwrap();
    folder
}

const UGLY: &str = "job:   one   # the only one\ntables:\n    deals:\n        sql: >\n            SELECT a,b FROM nowhere\n            WHERE a>1 -- big\n";

const TIDY: &str = "job: one  # the only one\n\ntables:\n\n  deals:\n    sql: |\n      select a, b\n      from nowhere\n      where a > 1  -- big\n";

fn fmt(folder: &Path, arguments: &[&str]) -> Outcome {
    let project = folder.to_str().expect("a path in UTF-8");
    run(&[&["fmt", "--project", project], arguments].concat())
}

fn job(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("jobs/one.yaml")).unwrap()
}

fn piped(arguments: &[&str], text: &str) -> Outcome {
    let mut program = Command::new(env!("CARGO_BIN_EXE_abmart"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    program.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a text that is read");
    Outcome::of(&program.wait_with_output().expect("an end"))
}

#[test]
fn the_shipped_project_is_formatted() {
    let outcome = fmt(&contract::root(), &["--check", "--diff"]);
    assert_eq!(outcome.stdout, "");
    outcome.ok();
}

#[test]
fn files_are_formatted_even_where_their_names_lead_nowhere() {
    let folder = project(UGLY);
    let outcome = fmt(folder.path(), &[]).ok();
    assert_eq!(outcome.stdout, format!("{}\n", folder.path().join("jobs/one.yaml").display()));
    assert_eq!(job(&folder), TIDY);
    assert_eq!(fmt(folder.path(), &[]).ok().stdout, "", "nothing is left to do");
    let left: Vec<_> =
        fs::read_dir(folder.path().join("jobs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["one.yaml"]);
}

#[test]
fn check_writes_nothing_and_fails() {
    let folder = project(UGLY);
    let outcome = fmt(folder.path(), &["--check"]);
    assert_eq!(outcome.stdout, format!("{}\n", folder.path().join("jobs/one.yaml").display()));
    outcome.fails(1, &["1 file is not formatted; `abmart fmt` formats it"]);
    assert_eq!(job(&folder), UGLY);
    let tidy = project(TIDY);
    assert_eq!(fmt(tidy.path(), &["--check"]).ok().stdout, "");
}

#[test]
fn diff_writes_nothing_and_shows_the_lines() {
    let folder = project(UGLY);
    let outcome = fmt(folder.path(), &["--diff"]).ok();
    for line in
        ["-job:   one   # the only one", "+job: one  # the only one", "+      where a > 1  -- big", "@@ -1,6 +1,9 @@"]
    {
        assert!(outcome.stdout.lines().any(|shown| shown == line), "`{line}` is not in:\n{}", outcome.stdout);
    }
    assert_eq!(job(&folder), UGLY);
    fmt(folder.path(), &["--diff", "--check"]).fails(1, &["1 file is not formatted"]);
}

#[test]
fn standard_input_goes_to_standard_output() {
    assert_eq!(piped(&["fmt", "-"], UGLY).ok().stdout, TIDY);
    assert_eq!(piped(&["fmt", "-"], TIDY).ok().stdout, TIDY);
    let outcome = piped(&["fmt", "-", "--check"], UGLY);
    assert_eq!(outcome.stdout, "");
    outcome.fails(1, &["standard input is not formatted"]);
    piped(&["fmt", "-"], "a: [1\n").fails(2, &["error[yaml-syntax]", "--> -:1:4"]);
}

#[test]
fn a_broken_file_is_reported_and_the_others_are_formatted() {
    let folder = project(UGLY);
    let broken = "tables:\n  a: [1, 2\n  b: 3\n";
    fs::write(folder.path().join("jobs/broken.yaml"), broken).unwrap();
    fmt(folder.path(), &[]).fails(2, &["error[yaml-syntax]: YAML syntax: ", "jobs/broken.yaml:3:4"]);
    assert_eq!(job(&folder), TIDY);
    assert_eq!(fs::read_to_string(folder.path().join("jobs/broken.yaml")).unwrap(), broken);
}

#[test]
fn paths_are_files_and_folders() {
    let folder = project(UGLY);
    fs::write(folder.path().join("jobs/notes.txt"), "a:   1\n").unwrap();
    fs::write(folder.path().join("jobs/other.yml"), "a:   1\n").unwrap();
    let jobs = folder.path().join("jobs");
    let outcome = run(&["fmt", jobs.to_str().unwrap()]).ok();
    assert_eq!(outcome.stdout.lines().count(), 2, "{}", outcome.stdout);
    assert_eq!(fs::read_to_string(jobs.join("other.yml")).unwrap(), "a: 1\n");
    assert_eq!(fs::read_to_string(jobs.join("notes.txt")).unwrap(), "a:   1\n");
    run(&["fmt", "no/such.yaml"]).fails(2, &["`no/such.yaml` is no file and no folder"]);
    run(&["fmt", "-", jobs.to_str().unwrap()]).fails(2, &["`-` stands for standard input"]);
}

#[test]
fn a_folder_without_a_project_is_no_place_to_format() {
    let folder = TempDir::new().unwrap();
    fmt(folder.path(), &[]).fails(2, &["`pipelines.yaml` cannot be read"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = project(UGLY);
    let path = folder.path().join("jobs/one.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    fmt(folder.path(), &[]).fails(3, &["jobs/one.yaml` cannot be written: it is read-only"]);
    assert_eq!(job(&folder), UGLY);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = project(TIDY);
    let (real, link) = (folder.path().join("real.yaml"), folder.path().join("jobs/link.yaml"));
    fs::write(&real, UGLY).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    fmt(folder.path(), &[]).ok();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), TIDY);
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}
