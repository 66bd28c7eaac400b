//! README and docs/: what they show works, what they point at is there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const JOB: &str = "jobs/local/latam.yaml";
const TESTS: &str = "jobs/tests/latam.yaml";

#[test]
fn the_job_of_the_readme_validates_and_says_what_the_readme_says() {
    let readme = read("README.md");
    let example = block(&readme, "yaml");
    let shown: Vec<&str> = blocks(&readme, "text").filter(|text| text.contains(" is valid: ")).collect();
    let output = validate_with(example);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(shown, [String::from_utf8(output.stdout).unwrap().trim_end()]);
}

#[test]
fn the_mistake_of_the_readme_is_reported_as_the_readme_says() {
    let readme = read("README.md");
    let example = block(&readme, "yaml").replace("activity.touches", "activity.touched");
    let shown: Vec<&str> = blocks(&readme, "text").filter(|text| text.starts_with("error[")).collect();
    let output = validate_with(&example);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(shown, [String::from_utf8(output.stderr).unwrap().trim_end()]);
}

#[test]
fn the_test_of_the_readme_holds() {
    let readme = read("README.md");
    let tests = blocks(&readme, "yaml").nth(1).unwrap();
    let folder = with_job(block(&readme, "yaml"));
    std::fs::write(folder.path().join(TESTS), tests).unwrap();
    let output = abmart(folder.path(), &["test", "accounts_that_nobody_touched"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn commands_that_the_readme_names_exist() {
    let readme = read("README.md");
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("cargo run -- ").or_else(|| line.strip_prefix("cargo run --release -- ")))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"run"));
    for command in commands {
        let output = abmart(&root(), &[command, "--help"]);
        assert!(output.status.success(), "abmart {command}");
    }
}

#[test]
fn files_that_the_pages_point_at_exist() {
    let mut missing = Vec::new();
    for page in ["README.md", "CHANGELOG.md", "docs/architecture.md", "docs/data-model.md", "docs/performance.md"] {
        let text = read(page);
        let folder = root().join(page).parent().unwrap().to_owned();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        let linked = links.filter(|target| !target.contains("://")).map(|target| folder.join(target));
        let prefixes = ["crates/", "jobs/", "tests/", "docs/", "data/", "benches/"];
        let words = text.split('`').skip(1).step_by(2);
        let named =
            words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)) && !word.contains(['*', ' ']));
        // Examples that the reader is asked to write.
        let named = named.filter(|word| ![JOB, TESTS].contains(word)).map(|word| root().join(word));
        missing.extend(linked.chain(named).filter(|path| !path.exists()).map(|path| (page, path)));
    }
    assert_eq!(missing, []);
}

/// `abmart validate` on the shipped project with one more job.
fn validate_with(job: &str) -> Output {
    abmart(with_job(job).path(), &["validate"])
}

/// A copy of the shipped project with one more job.
fn with_job(job: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["pipelines.yaml", "jobs", "data/reference"] {
        copy(&root().join(part), &folder.path().join(part));
    }
    let path = folder.path().join(JOB);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, job).unwrap();
    folder
}

fn abmart(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_abmart")).args(args).current_dir(folder).output().unwrap()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

fn block<'a>(page: &'a str, language: &str) -> &'a str {
    blocks(page, language).next().expect("the page has such a block")
}

/// Fenced blocks of a language, without the line break at their end.
fn blocks<'a>(page: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("\n```{language}\n");
    let parts: Vec<&str> = page.split(fence.as_str()).skip(1).collect();
    parts.into_iter().filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block)
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
