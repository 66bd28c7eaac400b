//! `abmart fmt`.

mod files;

use std::io::Read;
use std::path::{Path, PathBuf};

use abmart_fmt::FormatError;
use abmart_spec::Document;
use abmart_spec::diagnostic::{Diagnostic, FileId, SourceMap, Span, render};
use similar::TextDiff;

use crate::args::{FmtArgs, Global};
use crate::exit::{Failure, colours};
use crate::replace::replace;
use crate::text::print;

/// Lays out files of the project. One that is no YAML is reported and left alone; the others are formatted all the same.
///
/// # Errors
/// A file is no YAML, or cannot be read or written; with `--check`, a file would change.
pub fn fmt(global: &Global, args: &FmtArgs) -> Result<(), Failure> {
    if args.paths == [Path::new("-")] {
        return standard_input(args);
    }
    let mut work = Work { args, changed: 0, findings: Findings::default(), failed: Vec::new() };
    for path in files::files(global, args)? {
        work.file(&path)?;
    }
    work.outcome()
}

/// Formats standard input to standard output.
fn standard_input(args: &FmtArgs) -> Result<(), Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::Environment(format!("standard input cannot be read: {error}")))?;
    let name = Path::new("-");
    let formatted = abmart_fmt::format(&text, Document::Job).map_err(|error| {
        let mut findings = Findings::default();
        findings.add(name, &text, error);
        findings.failure()
    })?;
    let changed = formatted != text;
    match (args.diff, args.check) {
        (true, _) => print(&difference(name, &text, &formatted))?,
        (false, false) => print(&formatted)?,
        (false, true) => {}
    }
    if args.check && changed { Err(Failure::Run("standard input is not formatted".to_owned())) } else { Ok(()) }
}

struct Work<'a> {
    args: &'a FmtArgs,
    changed: usize,
    findings: Findings,
    /// Files that could not be read or written.
    failed: Vec<String>,
}

impl Work<'_> {
    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = match std::fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => {
                self.findings.found.push(no_text(path));
                return Ok(());
            }
            Err(error) => {
                self.failed.push(format!("`{}` cannot be read: {error}", path.display()));
                return Ok(());
            }
        };
        let formatted = match abmart_fmt::format(&text, kind(path)) {
            Ok(formatted) => formatted,
            Err(error) => {
                self.findings.add(path, &text, error);
                return Ok(());
            }
        };
        if formatted == text {
            return Ok(());
        }
        if self.args.diff {
            self.changed += 1;
            return print(&difference(path, &text, &formatted));
        }
        if !self.args.check
            && let Err(error) = replace(path, &formatted)
        {
            self.failed.push(format!("`{}` cannot be written: {error}", path.display()));
            return Ok(());
        }
        self.changed += 1;
        print(&format!("{}\n", path.display()))
    }

    /// What was wrong comes before what was not formatted, for it has to be put right first.
    fn outcome(self) -> Result<(), Failure> {
        let failed = self.failed.join("\n");
        if !self.findings.found.is_empty() {
            if !failed.is_empty() {
                eprintln!("error: {failed}");
            }
            return Err(self.findings.failure());
        }
        if !failed.is_empty() {
            return Err(Failure::Environment(failed));
        }
        if self.changed == 0 || !self.args.check {
            return Ok(());
        }
        Err(Failure::Run(match self.changed {
            1 => "1 file is not formatted; `abmart fmt` formats it".to_owned(),
            changed => format!("{changed} files are not formatted; `abmart fmt` formats them"),
        }))
    }
}

/// Files that cannot be formatted, with their texts.
#[derive(Default)]
struct Findings {
    found: Vec<Diagnostic>,
    files: SourceMap,
}

impl Findings {
    fn add(&mut self, path: &Path, text: &str, error: FormatError) {
        let file: FileId = self.files.add(path, text);
        let mut finding = *error.0;
        finding.span = finding.span.map(|span| Span { file, ..span });
        if finding.span.is_none() {
            finding.message = format!("{}: {}", path.display(), finding.message);
        }
        self.found.push(finding);
    }

    fn failure(self) -> Failure {
        Failure::Config(render(&self.found, &self.files, colours()))
    }
}

fn no_text(path: &Path) -> Diagnostic {
    Diagnostic::error("yaml-syntax", format!("`{}` is no text in UTF-8", path.display()))
}

fn kind(path: &Path) -> Document {
    let is_project = path.file_name().is_some_and(|name| name == "pipelines.yaml");
    if is_project { Document::Pipelines } else { Document::Job }
}

fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    TextDiff::from_lines(before, after).unified_diff().header(&name, &format!("{name} (formatted)")).to_string()
}

/// A path without `./` before it.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").map_or_else(|_| path.to_owned(), Path::to_owned)
}
