//! The mistakes that newcomers make, and what they get to read: `tests/newcomer/*.yaml` is the list, docs/mistakes.md shows
//! what `abmart validate` says about each. `UPDATE_DOCS=1` rewrites the page.
//!
//! Every mistake is made by itself in the small project of `tests/newcomer/project`, and what is advised there makes the
//! project valid again.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;
use support::contract::root;
use support::program::{Outcome, run};
use tempfile::TempDir;

/// A group of mistakes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    title: String,
    cases: Vec<Case>,
}

/// A mistake, and what sets it right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    mistake: String,
    /// Definitions of one more job.
    #[serde(default)]
    wrong: String,
    /// A file of the project, and what is written there in place of what.
    edit: Option<(String, String, String)>,
    /// What is written in place of what to follow the advice.
    fix: Vec<(String, String)>,
}

static TOPICS: LazyLock<Vec<Topic>> = LazyLock::new(|| {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder of mistakes")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a file of mistakes");
    files.iter().map(|path| serde_yaml::from_str(&read(path)).expect("a list of mistakes")).collect()
});

impl Case {
    /// What `validate` says about the project with the mistake, or with what sets it right.
    fn validated(&self, fixed: bool) -> Outcome {
        let place = TempDir::new().expect("a temporary folder");
        copy(&folder().join("project"), place.path());
        let (file, text) = self.text();
        let text = if fixed { self.fixed(text) } else { text };
        fs::write(place.path().join(file), text).expect("a file that can be written");
        run(&["validate", "--project", &place.path().to_string_lossy()])
    }

    /// The file with the mistake.
    fn text(&self) -> (String, String) {
        if let Some((file, from, to)) = &self.edit {
            let text = fs::read_to_string(folder().join("project").join(file)).expect("a file of the project");
            assert!(text.contains(from), "{file} holds `{from}`");
            return (file.clone(), text.replacen(from, to, 1));
        }
        let head = "job: newcomer\ntitle: {en: Newcomer, fr: Nouveau}\nowner: newcomer\n";
        ("jobs/newcomer.yaml".to_owned(), format!("{head}{}", self.wrong))
    }

    fn fixed(&self, mut text: String) -> String {
        for (from, to) in &self.fix {
            assert!(text.contains(from), "{}: there is no `{from}` to set right", self.mistake);
            text = text.replace(from, to);
        }
        text
    }
}

#[test]
fn the_project_without_mistakes_is_valid() {
    let outcome = run(&["validate", "--project", &folder().join("project").to_string_lossy()]).ok();
    assert_eq!(outcome.stderr, "");
}

#[test]
fn what_is_advised_makes_the_project_valid() {
    for case in cases() {
        let outcome = case.validated(true);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{}", case.mistake);
    }
}

/// One mistake gives one message with a place and with advice: `says` sees to it.
#[test]
fn the_page_of_mistakes_shows_what_is_said() {
    let mut page = String::from(
        "# Mistakes\n\nMistakes that are easily made, and what `abmart validate` says about each: where it is, what is wrong, and what\nwould be right. It takes no data and a moment.\n\n<!-- Made from tests/newcomer by the test of that name; UPDATE_DOCS=1 rewrites it. -->\n",
    );
    for topic in TOPICS.iter() {
        let _ = write!(page, "\n## {}\n", topic.title);
        for case in &topic.cases {
            let _ = write!(page, "\n### {}\n\n```text\n{}```\n", case.mistake, says(case));
        }
    }
    let file = root().join("docs/mistakes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).expect("a page that can be written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/mistakes.md differs from what is said; UPDATE_DOCS=1 rewrites it");
}

/// What is said about a mistake: one message, unless the case makes two mistakes.
fn says(case: &Case) -> String {
    let outcome = case.validated(false);
    let messages = outcome.stderr.matches("error[").count() + outcome.stderr.matches("warning[").count();
    let warned = outcome.stderr.contains("warning[") && !outcome.stderr.contains("error[");
    assert_eq!(outcome.code, if warned { 0 } else { 2 }, "{}:\n{}", case.mistake, outcome.stderr);
    let most = if case.mistake.contains(" and a ") { 2 } else { 1 };
    assert!((1..=most).contains(&messages), "{}:\n{}", case.mistake, outcome.stderr);
    assert!(outcome.stderr.contains(" --> "), "{} has no place:\n{}", case.mistake, outcome.stderr);
    let shown = outcome.stderr.trim_end().strip_suffix("the project has 1 error").unwrap_or(&outcome.stderr);
    shown.trim_end().to_owned() + "\n"
}

fn cases() -> impl Iterator<Item = &'static Case> {
    TOPICS.iter().flat_map(|topic| &topic.cases)
}

fn folder() -> PathBuf {
    root().join("tests/newcomer")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder that can be made");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file that can be copied");
        }
    }
}
