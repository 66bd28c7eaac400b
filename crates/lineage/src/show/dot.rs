//! Graphviz' language. Ids are the definitions' own, in quotes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::label;
use super::text::words;
use crate::Target;
use crate::column::How;
use crate::view::View;

/// The view as a directed graph from left to right; what it is around is drawn bold.
#[must_use]
pub fn dot(view: &View<'_>) -> String {
    let mut text = String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n");
    if view.of_columns() {
        columns(view, &mut text);
    } else {
        definitions(view, &mut text);
    }
    text.push_str("}\n");
    text
}

fn definitions(view: &View<'_>, text: &mut String) {
    for definition in &view.definitions {
        let bold = view.targets.iter().any(|target| target.definition() == &definition.node);
        let style = if bold { ", style=bold" } else { "" };
        let _ = writeln!(
            text,
            "  {} [label={}{style}];",
            quoted(&definition.node.to_string()),
            quoted(&label(&definition.node))
        );
    }
    for (from, to) in &view.edges {
        let _ = writeln!(text, "  {} -> {};", quoted(&from.to_string()), quoted(&to.to_string()));
    }
}

fn columns(view: &View<'_>, text: &mut String) {
    let rows = |node: &abmart_spec::Node| format!("{node} rows");
    let with_rows: BTreeSet<_> =
        view.column_edges.iter().filter(|edge| edge.column.is_none()).map(|edge| &edge.to).collect();
    for (index, definition) in view.definitions.iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_{index} {{\n    label={};", quoted(&label(&definition.node)));
        for column in view.columns.iter().filter(|column| column.of == definition.node) {
            let bold = view.targets.contains(&Target::Column(column.clone()));
            let style = if bold { ", style=bold" } else { "" };
            let (id, name) = (quoted(&column.to_string()), quoted(&column.column));
            let _ = writeln!(text, "    {id} [label={name}{style}];");
        }
        if with_rows.contains(&definition.node) {
            let _ = writeln!(text, "    {} [label=\"all rows\", shape=oval];", quoted(&rows(&definition.node)));
        }
        text.push_str("  }\n");
    }
    let mut edges: BTreeMap<(String, String), BTreeSet<How>> = BTreeMap::new();
    for edge in &view.column_edges {
        let to = match &edge.column {
            Some(column) => format!("{}.{column}", edge.to),
            None => rows(&edge.to),
        };
        edges.entry((edge.from.to_string(), to)).or_default().insert(edge.how);
    }
    for ((from, to), hows) in edges {
        // What is only looked at is drawn dashed.
        let style = if hows.iter().any(|how| how.is_direct()) { "" } else { ", style=dashed" };
        let _ = writeln!(text, "  {} -> {} [label={}{style}];", quoted(&from), quoted(&to), quoted(&words(hows)));
    }
}

fn quoted(text: &str) -> String {
    let mut safe = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            other => safe.push(other),
        }
    }
    safe.push('"');
    safe
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::quoted;

    #[rstest]
    #[case("kpi:win_rate", "\"kpi:win_rate\"")]
    #[case("a\"b\\", "\"a\\\"b\\\\\"")]
    fn no_name_ends_a_string(#[case] name: &str, #[case] string: &str) {
        assert_eq!(quoted(name), string);
    }
}
