//! What a project's writer gets to read: every finding with its place and its advice.
//!
//! Each test adds one job file with a mistake to the small project in `fixture`, and shows the rendered messages.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod attribution;
mod contracts;
mod expressions;
mod fan_out;
mod fingerprints;
mod kpis;
mod names;
mod project;
mod reference;
mod robustness;
mod shape;
mod tables;
mod units;

use std::collections::BTreeMap;
use std::path::Path;

use abmart_spec::{LoadError, Project, diagnostic};
use tempfile::TempDir;

/// A project without mistakes: accounts with a target list, opportunities, touchpoints.
const BASE: &str = include_str!("fixture/base.yaml");
const PIPELINES: &str = include_str!("fixture/pipelines.yaml");

/// The fixture with one more job file, `jobs/case.yaml`, whose head is given.
fn case(definitions: &str) -> String {
    messages(&[("jobs/case.yaml", &job(definitions))])
}

/// A job file's text.
fn job(definitions: &str) -> String {
    format!("job: case\ntitle: {{en: Case, fr: Cas}}\n{definitions}")
}

/// The messages about the fixture with some files added or replaced; warnings too.
fn messages(files: &[(&str, &str)]) -> String {
    match load(files, &[]) {
        Ok((project, warnings)) => diagnostic::render(&warnings, &project.files, false),
        Err(error) => error.render(false),
    }
}

fn load(files: &[(&str, &str)], vars: &[(&str, &str)]) -> Result<(Project, Vec<diagnostic::Diagnostic>), LoadError> {
    let folder = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("pipelines.yaml", PIPELINES);
    write("jobs/base.yaml", BASE);
    for (path, text) in files {
        write(path, text);
    }
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_folder(folder.path(), &vars.collect())
}

fn load_folder(
    folder: &Path,
    vars: &BTreeMap<String, String>,
) -> Result<(Project, Vec<diagnostic::Diagnostic>), LoadError> {
    abmart_spec::load(folder, vars, &|_| None)
}

#[test]
fn the_fixture_has_no_mistakes() {
    assert_eq!(case(""), "");
}
