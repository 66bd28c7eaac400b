//! Two versions of a project as readers of the marts see them: what is gone, what is called or typed otherwise, and what
//! means something else now.

mod columns;
mod kpis;
mod marts;

use std::collections::BTreeMap;

use abmart_spec::Project;
use abmart_spec::diagnostic::Span;
use serde::Serialize;

/// Mart → its columns in order: name and type.
pub type Columns = BTreeMap<String, Vec<(String, &'static str)>>;

/// A version of a project.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The definitions.
    pub project: &'a Project,
    /// The columns of its marts, as the engine knows them without data.
    pub columns: &'a Columns,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whether queries and reports on the marts fail or show something else than what they say, so that somebody has to
    /// look at them.
    pub breaking: bool,
    /// What sort of change: a stable word for machines.
    pub code: &'static str,
    /// What it is, in words.
    pub message: String,
    /// What to do about it, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where it stands in the version before.
    pub before: Option<Place>,
    /// Where it stands in the version after.
    pub after: Option<Place>,
}

/// A line of a file of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Path relative to the project.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What readers of the marts meet when the project goes from one version to the other: breaking changes first, then by
/// place.
#[must_use]
pub fn changes(before: &Version<'_>, after: &Version<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    marts::changes(before, after, &mut found);
    kpis::changes(before, after, &mut found);
    pipelines(before, after, &mut found);
    found.sort_by(|a, b| {
        let place = |change: &Change| change.after.clone().or_else(|| change.before.clone());
        (!a.breaking, place(a), &a.message).cmp(&(!b.breaking, place(b), &b.message))
    });
    found
}

/// Pipelines that are gone, and periods that a pipeline computes no longer.
fn pipelines(before: &Version<'_>, after: &Version<'_>, found: &mut Vec<Change>) {
    for (name, old) in &before.project.pipelines {
        let at = Some(old.span);
        let Some(new) = after.project.pipelines.get(name) else {
            found.push(Change::breaking(
                "pipeline-removed",
                format!("pipeline `{name}` is gone"),
                before,
                at,
                after,
                None,
            ));
            continue;
        };
        for grain in old.periods.keys().filter(|grain| !new.periods.contains_key(*grain)) {
            let message = format!("pipeline `{name}` computes no periods of the grain `{}` any more", word(grain));
            found.push(Change::breaking("grain-removed", message, before, at, after, Some(new.span)));
        }
        if old.dimensions != new.dimensions {
            let message = format!(
                "pipeline `{name}` goes by dimensions `{}`, not `{}`",
                word(&new.dimensions),
                word(&old.dimensions)
            );
            found.push(Change::breaking("dimensions-changed", message, before, at, after, Some(new.span)));
        }
    }
}

/// The word that YAML has for a choice.
fn word(choice: &impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for letter in format!("{choice:?}").chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

impl Change {
    fn breaking(
        code: &'static str,
        message: String,
        before: &Version<'_>,
        old: Option<Span>,
        after: &Version<'_>,
        new: Option<Span>,
    ) -> Self {
        Self { breaking: true, code, message, help: None, before: place(before, old), after: place(after, new) }
    }

    fn harmless(self) -> Self {
        Self { breaking: false, ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

fn place(version: &Version<'_>, span: Option<Span>) -> Option<Place> {
    let (path, line, _) = version.project.files.position(span?)?;
    Some(Place { file: path.display().to_string(), line })
}

/// Pairs of something that is gone and something that has come, where exactly one fits the other: what was renamed.
fn renamed<T: Copy>(gone: &[T], come: &[T], fits: impl Fn(T, T) -> bool) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (old, gone_one) in gone.iter().enumerate() {
        let mut candidates = come.iter().enumerate().filter(|(_, new)| fits(*gone_one, **new)).map(|(new, _)| new);
        let (first, second) = (candidates.next(), candidates.next());
        let Some(new) = first.filter(|_| second.is_none()) else { continue };
        let rivals = gone.iter().filter(|other| fits(**other, come[new])).count();
        if rivals == 1 {
            pairs.push((old, new));
        }
    }
    pairs
}
