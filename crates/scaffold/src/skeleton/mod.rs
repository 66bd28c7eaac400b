//! Definitions to be filled in: in order as they are, with remarks where something is to be decided.
//!
//! What a project says of itself does not settle everything, such as which unit a formula gives. Therefore each kind
//! gives several texts, the likeliest first, and whoever adds one takes the first that the project's check finds nothing
//! wrong with.

mod alert;
mod fact;
mod kpi;
mod mart;
mod relation;
mod source;
mod table;

#[cfg(test)]
mod tests;

use abmart_spec::diagnostic::{Diagnostic, did_you_mean};
use abmart_spec::{Document, Node, Project};

pub use alert::alert;
pub use fact::fact;
pub use kpi::kpi;
pub use mart::mart;
pub use source::{FileColumn, FileSource, source};
pub use table::table;

/// A definition to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeleton {
    /// The key of job files that it belongs under (`kpis`).
    pub section: &'static str,
    /// Block YAML from the left margin: the name and indented lines.
    pub text: String,
    /// What it reads, beside which it is at home.
    pub reads: Option<Node>,
}

impl Skeleton {
    /// A definition, laid out as `abmart fmt` does it.
    fn new(section: &'static str, text: &str, reads: Option<Node>) -> Self {
        let indented = text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
        let laid_out = abmart_fmt::format(&format!("{section}:\n{indented}\n"), Document::Job).unwrap_or_default();
        let lines = laid_out
            .lines()
            .skip(1)
            .skip_while(|line| line.is_empty())
            .map(|line| line.strip_prefix("  ").unwrap_or(line));
        let lines = lines.collect::<Vec<_>>().join("\n");
        Self { section, text: if lines.is_empty() { text.to_owned() } else { lines + "\n" }, reads }
    }
}

/// The job that a definition belongs to where nobody says: that of what it reads, else the one with most of its kind;
/// none in a project that has neither.
#[must_use]
pub fn home<'a>(project: &'a Project, kind: &str, reads: Option<&Node>) -> Option<&'a str> {
    if let Some(definition) = reads.and_then(|node| project.definition(node)) {
        return Some(definition.job);
    }
    let order = project.order();
    let of_kind = |job: &str, kind: Option<&str>| {
        let mine = order.iter().filter(|node| kind.is_none_or(|kind| node.kind() == kind));
        mine.filter(|node| project.definition(node).is_some_and(|definition| definition.job == job)).count()
    };
    // Packs are a region's own; what is the project's does not belong there.
    let core = project.jobs.values().filter(|job| job.pack.is_none());
    let ranked = core.map(|job| (of_kind(&job.name, Some(kind)), of_kind(&job.name, None), job.name.as_str()));
    ranked.max_by(|a, b| (a.0, a.1, b.2).cmp(&(b.0, b.1, a.2))).map(|(.., name)| name)
}

/// `Win rate` of `win_rate`.
#[must_use]
pub fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// A name that an option gives and the project does not have.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let near = did_you_mean(name, known);
    Diagnostic::error("unknown-name", format!("`{name}` is not {what} of the project"))
        .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
}

fn missing(message: &str, help: &str) -> Diagnostic {
    Diagnostic::error("nothing-to-read", message).help(help)
}
