//! Does a word name a definition? And if it names none, which one may have been meant?

use glob::MatchOptions;

use super::parse::{Method, Word};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::graph::Node;
use crate::model::Project;

/// By what `tag:` selects a definition: `core` or `local`, and of a KPI its levels, cadence, styles and unit.
#[must_use]
pub fn tags<'a>(project: &'a Project, node: &Node) -> Vec<&'a str> {
    let mut tags = Vec::new();
    if let Some(definition) = project.definition(node) {
        let local = project.jobs.get(definition.job).is_some_and(|job| job.pack.is_some());
        tags.push(if local { "local" } else { "core" });
    }
    if let Node::Kpi(name) = node
        && let Some(kpi) = project.kpis.get(name)
    {
        tags.extend(kpi.level.iter().chain(&kpi.styles).map(String::as_str));
        tags.extend([kpi.cadence.as_str(), kpi.unit.name()]);
    }
    let mut seen = std::collections::BTreeSet::new();
    tags.retain(|tag| !tag.is_empty() && seen.insert(*tag));
    tags
}

/// Whether a word names a definition.
pub(super) fn selects(project: &Project, word: &Word, node: &Node) -> bool {
    match word.method {
        Method::Name => word.pattern.matches(node.name()),
        Method::Kind(kind) => node.kind() == kind && word.pattern.matches(node.name()),
        Method::Tag => tags(project, node).into_iter().any(|tag| word.pattern.matches(tag)),
        Method::Job | Method::Owner | Method::Path => {
            attribute(project, word.method, node).is_some_and(|value| match word.method {
                Method::Path => in_path(word, &value),
                _ => word.pattern.matches(&value),
            })
        }
    }
}

/// What a word says that names nothing, and what would be right.
pub(super) fn unknown(project: &Project, word: &Word) -> Diagnostic {
    let value = &word.value;
    let order = project.order();
    let (what, method) = match word.method {
        Method::Name => ("definition".to_owned(), String::new()),
        Method::Kind("kpi") => ("KPI".to_owned(), "kpi:".to_owned()),
        Method::Kind(kind) => (kind.to_owned(), format!("{kind}:")),
        Method::Job => ("job".to_owned(), "job:".to_owned()),
        Method::Tag => ("tag".to_owned(), "tag:".to_owned()),
        Method::Path => ("file of definitions".to_owned(), "path:".to_owned()),
        Method::Owner => ("owner".to_owned(), "owner:".to_owned()),
    };
    let known: Vec<String> = match word.method {
        Method::Name => order.iter().map(|node| node.name().to_owned()).collect(),
        Method::Kind(kind) => {
            order.iter().filter(|node| node.kind() == kind).map(|node| node.name().to_owned()).collect()
        }
        Method::Tag => order.iter().flat_map(|node| tags(project, node)).map(str::to_owned).collect(),
        method => order.iter().filter_map(|node| attribute(project, method, node)).collect(),
    };
    let message = if value.contains(['*', '?', '[']) {
        format!("no {what} is like `{value}`")
    } else {
        let article = if what.starts_with(['a', 'e', 'o']) { "an" } else { "a" };
        format!("`{value}` is not {article} {what} of the project")
    };
    let elsewhere = elsewhere(project, word, &order);
    let near = || did_you_mean(value, known.iter().map(String::as_str));
    let help = elsewhere.or_else(|| near().map(|near| format!("did you mean `{method}{near}`?")));
    Diagnostic::error("unknown-selector", message).maybe_help(help)
}

/// The same value with another method, where that names something.
fn elsewhere(project: &Project, word: &Word, order: &[Node]) -> Option<String> {
    let value = &word.value;
    let named = order.iter().find(|node| node.name() == value);
    if let Some(node) = named.filter(|_| word.method != Method::Name) {
        return Some(format!("`{node}` is one"));
    }
    if project.jobs.contains_key(value) {
        return Some(format!("`{value}` is a job: `job:{value}`"));
    }
    let tagged = order.iter().any(|node| tags(project, node).contains(&value.as_str()));
    tagged.then(|| format!("`{value}` is a tag: `tag:{value}`"))
}

fn attribute(project: &Project, method: Method, node: &Node) -> Option<String> {
    let definition = project.definition(node)?;
    match method {
        Method::Job => Some(definition.job.to_owned()),
        Method::Owner => Some(definition.owner.to_owned()),
        Method::Path => project.files.position(definition.span).map(|(path, ..)| path.to_string_lossy().into_owned()),
        Method::Name | Method::Kind(_) | Method::Tag => None,
    }
}

/// A file, or a folder that it lies in, however deep.
fn in_path(word: &Word, path: &str) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    word.value == "." || folders.chain([path]).any(|part| word.pattern.matches_with(part, options))
}
