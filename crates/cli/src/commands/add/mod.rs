//! `abmart add`.
//!
//! ```text
//! options ──skeleton──▶ YAML, the likeliest first ──edit──▶ text of the job file ──check──▶ the first in order is written
//! ```

mod source;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use abmart_scaffold::project::{new_job, schema_hint};
use abmart_scaffold::skeleton::{self, Skeleton};
use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::{Document, Edits, Project, SourceMap, edit};

use crate::args::{AddCommand, AddTo, Global};
use crate::exit::{Failure, config};
use crate::project;
use crate::replace::replace;
use crate::text::print;

/// Adds a definition to a job file.
///
/// # Errors
/// When the project is wrong, the name is taken or none, or the project would be wrong with the definition in it; then
/// nothing is written.
pub fn add(global: &Global, command: &AddCommand) -> Result<(), Failure> {
    let project = project::load(global)?;
    let (kind, to) = target(command);
    if let Some(finding) = edit::name_problem(&project, kind, &to.name) {
        return Err(Failure::of_diagnostics(&[finding], &project.files));
    }
    let skeletons = skeletons(global, &project, command)?;
    let addition = first_in_order(global, &project, kind, to, &skeletons)?;
    if !to.dry_run {
        write(&project.root, &addition)?;
    }
    print(&addition.rendered(kind, to))
}

/// The kind as [`abmart_spec::Node::kind`] calls it, and where to.
fn target(command: &AddCommand) -> (&'static str, &AddTo) {
    match command {
        AddCommand::Kpi { to, .. } => ("kpi", to),
        AddCommand::Source { to, .. } => ("source", to),
        AddCommand::Table { to, .. } => ("table", to),
        AddCommand::Fact { to, .. } => ("fact", to),
        AddCommand::Mart { to, .. } => ("mart", to),
        AddCommand::Alert { to, .. } => ("alert", to),
    }
}

fn skeletons(global: &Global, project: &Project, command: &AddCommand) -> Result<Vec<Skeleton>, Failure> {
    let made = match command {
        AddCommand::Kpi { to, formula, unit } => skeleton::kpi(project, &to.name, formula.as_deref(), unit.as_deref()),
        AddCommand::Source { to, from, kind } => {
            let file = source::read(global, project, from)?;
            skeleton::source(&to.name, &file, kind.map(|kind| kind == crate::args::SourceKind::Events))
        }
        AddCommand::Table { to, from } => skeleton::table(project, &to.name, from.as_deref()),
        AddCommand::Fact { to, from, per } => skeleton::fact(project, &to.name, from.as_deref(), per.as_deref()),
        AddCommand::Mart { to, from } => skeleton::mart(project, &to.name, from.as_deref()),
        AddCommand::Alert { to, kpi } => skeleton::alert(project, &to.name, kpi.as_deref()),
    };
    made.map_err(|finding| Failure::of_diagnostics(&[*finding], &SourceMap::default()))
}

/// A job file with a definition added.
struct Addition {
    /// Path relative to the project.
    path: PathBuf,
    job: String,
    /// The text of before; none for a new file.
    before: Option<String>,
    added: edit::Added,
}

/// The first of the texts with which the project is in order; where none is, what is wrong with the first.
fn first_in_order(
    global: &Global,
    project: &Project,
    kind: &str,
    to: &AddTo,
    skeletons: &[Skeleton],
) -> Result<Addition, Failure> {
    let mut first: Option<Failure> = None;
    for skeleton in skeletons {
        let addition = addition(project, kind, to, skeleton)?;
        match check(global, project, &addition) {
            Ok(()) => return Ok(addition),
            Err(failure) => first = first.or(Some(failure)),
        }
    }
    Err(first.unwrap_or_else(|| config("there is nothing to add")))
}

fn addition(project: &Project, kind: &str, to: &AddTo, skeleton: &Skeleton) -> Result<Addition, Failure> {
    let home = || skeleton::home(project, kind, skeleton.reads.as_ref()).map(str::to_owned);
    let Some(job) = to.job.clone().or_else(home) else {
        return Err(config("the project has no job yet; `--job NAME` makes jobs/NAME.yaml"));
    };
    let failed = |finding: Box<Diagnostic>, path: &Path| {
        let message = format!("{}: {}", path.display(), finding.message);
        Failure::of_diagnostics(&[Diagnostic { message, ..*finding }], &SourceMap::default())
    };
    if let Some(known) = project.jobs.get(&job) {
        let Some(file) = project.files.file(known.span.file) else {
            return Err(config(format!("job `{job}` stands in no file")));
        };
        let before = file.text.to_string();
        let added =
            edit::add(&before, skeleton.section, &skeleton.text).map_err(|finding| failed(finding, &file.path))?;
        return Ok(Addition { path: file.path.clone(), job, before: Some(before), added });
    }
    let path = PathBuf::from(format!("jobs/{job}.yaml"));
    if let Some(finding) = edit::name_problem(project, "job", &job) {
        return Err(Failure::of_diagnostics(&[finding], &project.files));
    }
    if project.root.join(&path).exists() {
        let message = format!("{} is there and defines another job than `{job}`", path.display());
        return Err(config(message));
    }
    let hint = if project.root.join(".abmart").is_dir() { schema_hint(&path.to_string_lossy()) } else { None };
    let head = hint.unwrap_or_default() + &new_job(&job);
    let mut added = edit::add(&head, skeleton.section, &skeleton.text).map_err(|finding| failed(finding, &path))?;
    // A file that nobody has laid out yet is laid out as `abmart fmt` does it.
    added.text = abmart_fmt::format(&added.text, Document::Job).unwrap_or(added.text);
    added.new = 0..added.text.len();
    Ok(Addition { path, job, before: None, added })
}

/// Loads and checks the project as it would be.
fn check(global: &Global, project: &Project, addition: &Addition) -> Result<(), Failure> {
    let edits = Edits::from([(addition.path.clone(), addition.added.text.clone())]);
    let (edited, _) = abmart_spec::load_edited(&project.root, &global.variables(), &project::environment, &edits)?;
    if !edited.jobs.contains_key(&addition.job) {
        let near = edit::near_job(project, &addition.job).map(|near| format!("; did you mean `{near}`?"));
        return Err(config(format!(
            "no pattern of `jobs` in pipelines.yaml takes in {}{}",
            addition.path.display(),
            near.unwrap_or_default()
        )));
    }
    let findings = abmart_engine::check(&edited);
    if findings.iter().any(Diagnostic::is_error) {
        return Err(Failure::of_diagnostics(&findings, &edited.files));
    }
    Ok(())
}

/// Replaces the file at once, unless it is no longer what was read.
fn write(root: &Path, addition: &Addition) -> Result<(), Failure> {
    let path = root.join(&addition.path);
    let failed = |error: std::io::Error| Failure::Environment(format!("{}: {error}", path.display()));
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above).map_err(failed)?;
    }
    let Some(before) = &addition.before else {
        let mut file = std::fs::File::create_new(&path).map_err(failed)?;
        return std::io::Write::write_all(&mut file, addition.added.text.as_bytes()).map_err(failed);
    };
    if std::fs::read_to_string(&path).map_err(failed)? != *before {
        return Err(config(format!("{} has changed meanwhile; nothing was written", addition.path.display())));
    }
    replace(&path, &addition.added.text).map_err(failed)
}

impl Addition {
    /// What is new, line by line, below its place.
    fn rendered(&self, kind: &str, to: &AddTo) -> String {
        let new = &self.added.text[self.added.new.clone()];
        let blank = new.lines().take_while(|line| line.trim().is_empty()).count();
        let line = self.added.text[..self.added.new.start].matches('\n').count() + 1 + blank;
        let mut text =
            format!("{}:{line}{}\n", self.path.display(), if self.before.is_none() { " (new file)" } else { "" });
        for line in new.lines().skip(blank) {
            let _ = writeln!(text, "{}", format!("+ {line}").trim_end());
        }
        let noun = if kind == "kpi" { "KPI" } else { kind };
        let (verb, end) = if to.dry_run {
            ("would be added", "nothing was written")
        } else {
            ("is added", "the project is valid with it")
        };
        let _ = writeln!(text, "\n{noun} `{}` {verb} to job `{}`; {end}", to.name, self.job);
        text
    }
}
