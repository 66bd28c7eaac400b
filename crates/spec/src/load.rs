//! A folder → a project, or everything that is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::decode::{self, Decoder, Names};
use crate::diagnostic::{self, Diagnostic, SourceMap, Span};
use crate::grammar;
use crate::model::{Project, Spanned, UnitTest};
use crate::resolve;
use crate::syntax::{self, Node, Value, Variables};

/// Reads `pipelines.yaml` below `root`, the job files that it names and their reference files.
///
/// Values name variables as `${NAME}`: `vars` count first, then `env`, then the defaults of `pipelines.yaml`.
/// The diagnostics beside the project are warnings.
///
/// # Errors
///
/// All errors of all files, in the order of files and places. Files that could be read are checked even where
/// others are broken; names defined in a file that is no YAML are not missed.
pub fn load(
    root: &Path,
    vars: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Project, Vec<Diagnostic>), LoadError> {
    load_edited(root, vars, env, &Edits::new())
}

/// YAML files as they are to become: path relative to the project → text. Files that are not there yet may be among them.
pub type Edits = BTreeMap<PathBuf, String>;

/// As [`load`], with some files as they are to become, so that an edit can be checked before it is written.
///
/// # Errors
///
/// As those of [`load`]; places are those in the edited texts.
pub fn load_edited(
    root: &Path,
    vars: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
    edits: &Edits,
) -> Result<(Project, Vec<Diagnostic>), LoadError> {
    let mut loader = Loader { root, edits, files: SourceMap::default(), diagnostics: Vec::new(), unreadable: false };
    let project = loader.project(vars, env);
    let mut diagnostics = loader.diagnostics;
    diagnostic::sort(&mut diagnostics);
    match project {
        Some(mut project) if !diagnostics.iter().any(Diagnostic::is_error) => {
            project.files = loader.files;
            Ok((project, diagnostics))
        }
        _ => Err(LoadError { diagnostics, files: loader.files }),
    }
}

/// Reads the unit tests of a project, whose files are added to those of the project.
///
/// Values are as they are written: a test says its variables itself.
///
/// # Errors
///
/// All errors of all test files: shape, names that the project does not have, columns that contracts do not have.
pub fn load_tests(project: &mut Project) -> Result<Vec<UnitTest>, LoadError> {
    let root = project.root.clone();
    let files = std::mem::take(&mut project.files);
    let edits = Edits::new();
    let mut loader = Loader { root: &root, edits: &edits, files, diagnostics: Vec::new(), unreadable: false };
    let mut tests = Vec::new();
    let patterns: Vec<(String, Span)> =
        project.tests.iter().map(|Spanned { value, span }| (value.clone(), *span)).collect();
    for (path, place) in loader.files(patterns) {
        let Some(node) = loader.read(&path, place) else { continue };
        let place = node.entries().first().map_or(node.span, |entry| entry.key.span);
        grammar::check(&node, &grammar::TESTS, place, &mut loader.diagnostics);
        tests.extend(decode::unit_tests(&node, &mut loader.diagnostics));
    }
    let mut diagnostics = loader.diagnostics;
    diagnostics.extend(resolve::unit_tests(project, &tests));
    diagnostic::sort(&mut diagnostics);
    project.files = loader.files;
    if diagnostics.is_empty() { Ok(tests) } else { Err(LoadError { diagnostics, files: project.files.clone() }) }
}

/// The job files that `pipelines.yaml` below `root` names, each once and relative to `root`, whatever they hold.
///
/// # Errors
///
/// `pipelines.yaml` cannot be read, or is no YAML.
pub fn job_files(
    root: &Path,
    vars: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<PathBuf>, LoadError> {
    let edits = Edits::new();
    let mut loader =
        Loader { root, edits: &edits, files: SourceMap::default(), diagnostics: Vec::new(), unreadable: false };
    let Some(mut pipelines) = loader.read(Path::new("pipelines.yaml"), Span::none()) else {
        return Err(LoadError { diagnostics: loader.diagnostics, files: loader.files });
    };
    let variables = Variables::new(vars, env, defaults(&pipelines, &loader.files));
    syntax::interpolate(&mut pipelines, &variables, &mut loader.diagnostics);
    Ok(loader.job_files(&pipelines).into_iter().map(|(path, _)| path).collect())
}

/// Why a project cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", summary(diagnostics))]
pub struct LoadError {
    /// All errors and warnings, in the order of files and places.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that they point into.
    pub files: SourceMap,
}

impl LoadError {
    /// All findings with their snippets.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        diagnostic::render(&self.diagnostics, &self.files, color)
    }
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    match diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count() {
        1 => "the project has 1 error".to_owned(),
        errors => format!("the project has {errors} errors"),
    }
}

/// Variables with a default that no value names.
fn unused_defaults(pipelines: &Node, variables: &Variables) -> Vec<Diagnostic> {
    let entries = pipelines.get("variables").map(Node::entries).unwrap_or_default();
    let unused = entries.iter().filter(|entry| !variables.is_used(&entry.key.value));
    unused
        .map(|entry| {
            let name = &entry.key.value;
            Diagnostic::warning("unused-variable", format!("no value of the project names the variable `{name}`"))
                .at(entry.key.span)
                .help(format!("values name it as `${{{name}}}`"))
        })
        .collect()
}

struct Loader<'a> {
    root: &'a Path,
    edits: &'a Edits,
    files: SourceMap,
    diagnostics: Vec<Diagnostic>,
    /// A file could not be read: whatever it defines is unknown, so that unknown names prove nothing.
    unreadable: bool,
}

impl Loader<'_> {
    fn project(&mut self, vars: &BTreeMap<String, String>, env: &dyn Fn(&str) -> Option<String>) -> Option<Project> {
        let mut pipelines = self.read(Path::new("pipelines.yaml"), Span::none())?;
        let variables = Variables::new(vars, env, defaults(&pipelines, &self.files));
        self.check(&mut pipelines, &grammar::PIPELINES, &variables);

        let mut names = Names::default();
        let mut project = decode::pipelines(&pipelines, self.root, &mut self.decoder(&mut names));
        for path in self.job_files(&pipelines) {
            let Some(mut node) = self.read(&path.0, path.1) else {
                continue;
            };
            self.check(&mut node, &grammar::JOB, &variables);
            let stem = path.0.file_stem().unwrap_or_default().to_string_lossy();
            decode::job(&node, &stem, &mut self.decoder(&mut names), &mut project);
        }
        self.diagnostics.extend(variables.unused());
        project.variables = variables.filled_in();
        if !self.unreadable {
            self.diagnostics.extend(unused_defaults(&pipelines, &variables));
        }

        let mut findings = resolve::resolve(&project, &names);
        if self.unreadable {
            findings.retain(|finding| !finding.code.starts_with("unknown-"));
        }
        self.diagnostics.extend(findings);
        Some(project)
    }

    fn decoder<'n>(&'n mut self, names: &'n mut Names) -> Decoder<'n> {
        Decoder { root: self.root, files: &mut self.files, names, diagnostics: &mut self.diagnostics }
    }

    /// The tree of a YAML file; `place` is where the file is named.
    fn read(&mut self, path: &Path, place: Span) -> Option<Node> {
        let edited = self.edits.get(path).cloned();
        let text = match edited.map_or_else(|| std::fs::read_to_string(self.root.join(path)), Ok) {
            Ok(text) => text,
            Err(error) => {
                self.unreadable = true;
                let message = format!("`{}` cannot be read: {error}", path.display());
                self.diagnostics.push(Diagnostic::error("missing-file", message).at(place));
                return None;
            }
        };
        let file = self.files.add(path, text.as_str());
        match syntax::read(file, &text) {
            Ok(node) => Some(node),
            Err(diagnostic) => {
                self.unreadable = true;
                self.diagnostics.push(*diagnostic);
                None
            }
        }
    }

    fn check(&mut self, node: &mut Node, object: &grammar::Object, variables: &Variables) {
        syntax::interpolate(node, variables, &mut self.diagnostics);
        // A missing key of a whole file is reported at its first key rather than over all of the file.
        let place = node.entries().first().map_or(node.span, |entry| entry.key.span);
        let text = self.files.file(node.span.file).map(|file| file.text.clone()).unwrap_or_default();
        grammar::mend(node, object, &text, &mut self.diagnostics);
        grammar::check(node, object, place, &mut self.diagnostics);
    }

    /// The job files in the order of the patterns, each once, relative to the project.
    fn job_files(&mut self, pipelines: &Node) -> Vec<(PathBuf, Span)> {
        self.files(match pipelines.get("jobs") {
            Some(node) => {
                node.items().iter().filter_map(|item| Some((item.as_text()?.to_owned(), item.span))).collect()
            }
            None => vec![("jobs/*.yaml".to_owned(), Span::none())],
        })
    }

    /// The files that patterns name, each once.
    fn files(&mut self, patterns: Vec<(String, Span)>) -> Vec<(PathBuf, Span)> {
        let mut paths: Vec<(PathBuf, Span)> = Vec::new();
        for (pattern, span) in patterns {
            let found = if pattern.contains(['*', '?', '[']) {
                self.matches(&pattern, span)
            } else {
                vec![PathBuf::from(&pattern)]
            };
            for path in found {
                if !paths.iter().any(|(known, _)| *known == path) {
                    paths.push((path, span));
                }
            }
        }
        paths
    }

    fn matches(&mut self, pattern: &str, span: Span) -> Vec<PathBuf> {
        let root = std::path::absolute(self.root).unwrap_or_else(|_| self.root.to_owned());
        let escaped = glob::Pattern::escape(&root.to_string_lossy());
        let full = format!("{}/{pattern}", escaped.trim_end_matches('/'));
        match glob::glob(&full) {
            Ok(found) => {
                let found = found.filter_map(Result::ok);
                let found = found.filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_owned()));
                let mut found: std::collections::BTreeSet<PathBuf> = found.collect();
                let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
                let like = |path: &&PathBuf| {
                    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_path_with(path, options))
                };
                found.extend(self.edits.keys().filter(like).cloned());
                found.into_iter().collect()
            }
            Err(error) => {
                let message = format!("`{pattern}` is no path pattern: {}", error.msg);
                self.diagnostics.push(Diagnostic::error("bad-path", message).at(span));
                Vec::new()
            }
        }
    }
}

/// The defaults of variables that pipelines.yaml says, as text.
pub(crate) fn defaults(pipelines: &Node, files: &SourceMap) -> BTreeMap<String, String> {
    let entries = pipelines.get("variables").map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let value = match &entry.node.value {
                Value::Text(text) => text.value.clone(),
                Value::Null => String::new(),
                Value::List(_) | Value::Map(_) => return None,
                _ => files.text(entry.node.span).to_owned(),
            };
            Some((entry.key.value.clone(), value))
        })
        .collect()
}
