//! Definitions as they stand in their files, with the variables filled in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{SourceMap, Span};
use crate::graph::Node;
use crate::load::defaults;
use crate::model::Project;
use crate::syntax::{self, Variables};

/// The definitions of a name: a table and a mart may share one.
#[must_use]
pub fn definitions(project: &Project, name: &str) -> Vec<Node> {
    project.order().into_iter().filter(|node| node.name() == name).collect()
}

/// The names of all definitions, each once, in order.
#[must_use]
pub fn names(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = project.order().iter().map(|node| node.name().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn span(project: &Project, definition: &Node) -> Span {
    project.definition(definition).map_or(Span::none(), |definition| definition.span)
}

/// File and line of a definition.
#[must_use]
pub fn place(project: &Project, definition: &Node) -> Option<String> {
    let (path, line, _) = project.files.position(span(project, definition))?;
    Some(format!("{}:{line}", path.display()))
}

/// The lines of a definition with its variables filled in, as they were when the project was loaded; comments stay.
#[must_use]
pub fn resolved(
    project: &Project,
    definition: &Node,
    vars: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
) -> String {
    let block = block(&project.files, span(project, definition)).unwrap_or_default();
    let pipelines = project.files.files.iter().find(|file| file.path == Path::new("pipelines.yaml"));
    let tree = pipelines.and_then(|file| syntax::read(crate::diagnostic::FileId(0), &file.text).ok());
    let defaults = tree.map(|tree| defaults(&tree, &project.files)).unwrap_or_default();
    syntax::filled_in(&block, &Variables::new(vars, env, defaults))
}

/// The line that a place is in and those below it that lie deeper, without the indentation that all have.
fn block(files: &SourceMap, place: Span) -> Option<String> {
    let text = &files.file(place.file)?.text;
    let start = text.get(..place.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.get(start..)?.lines();
    let first = lines.next()?;
    let below = lines.take_while(|line| line.trim().is_empty() || depth(line) > depth(first));
    let all: Vec<&str> = std::iter::once(first).chain(below).collect();
    let cut = |line: &&str| line.get(depth(first)..).unwrap_or_default().to_owned();
    Some(all.iter().map(cut).collect::<Vec<_>>().join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_definition_ends_where_the_next_one_begins() {
        let mut files = SourceMap::default();
        let text =
            "facts:\n  one:\n    per: account\n\n    # why\n    measures: {n: count(*)}\n  two:\n    per: account\n";
        let file = files.add("jobs/a.yaml", text);
        let at = text.find("one").unwrap();
        let found = block(&files, Span::new(file, at, at + 3)).unwrap();
        assert_eq!(found, "one:\n  per: account\n\n  # why\n  measures: {n: count(*)}");
    }
}
