//! Mermaid flowcharts. Ids are numbered, so that no name can break the syntax; names stand in quoted labels.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::label;
use super::text::words;
use crate::Target;
use crate::column::How;
use crate::view::View;

/// The view as a flowchart from left to right; what it is around is drawn bold.
#[must_use]
pub fn mermaid(view: &View<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    if view.of_columns() {
        columns(view, &mut text);
    } else {
        definitions(view, &mut text);
    }
    text
}

fn definitions(view: &View<'_>, text: &mut String) {
    let ids: BTreeMap<_, _> = view
        .definitions
        .iter()
        .enumerate()
        .map(|(index, definition)| (&definition.node, format!("n{index}")))
        .collect();
    let mut bold = Vec::new();
    for definition in &view.definitions {
        let id = &ids[&definition.node];
        let _ = writeln!(text, "  {id}[\"{}\"]", escaped(&label(&definition.node)));
        if view.targets.iter().any(|target| *target == Target::Definition(definition.node.clone())) {
            bold.push(id.clone());
        }
    }
    for (from, to) in &view.edges {
        if let (Some(from), Some(to)) = (ids.get(from), ids.get(to)) {
            let _ = writeln!(text, "  {from} --> {to}");
        }
    }
    emphasis(text, &bold);
}

fn columns(view: &View<'_>, text: &mut String) {
    let with_rows: BTreeSet<_> =
        view.column_edges.iter().filter(|edge| edge.column.is_none()).map(|edge| &edge.to).collect();
    let mut ids = BTreeMap::new();
    let mut bold = Vec::new();
    for (index, definition) in view.definitions.iter().enumerate() {
        let _ = writeln!(text, "  subgraph d{index}[\"{}\"]", escaped(&label(&definition.node)));
        for column in view.columns.iter().filter(|column| column.of == definition.node) {
            let id = format!("c{}", ids.len());
            let _ = writeln!(text, "    {id}[\"{}\"]", escaped(&column.column));
            if view.targets.contains(&Target::Column(column.clone())) {
                bold.push(id.clone());
            }
            ids.insert((column.of.to_string(), Some(column.column.clone())), id);
        }
        if with_rows.contains(&definition.node) {
            let id = format!("c{}", ids.len());
            let _ = writeln!(text, "    {id}([\"all rows\"])");
            ids.insert((definition.node.to_string(), None), id);
        }
        text.push_str("  end\n");
    }
    let mut edges: BTreeMap<(&String, &String), BTreeSet<How>> = BTreeMap::new();
    for edge in &view.column_edges {
        let from = ids.get(&(edge.from.of.to_string(), Some(edge.from.column.clone())));
        let to = ids.get(&(edge.to.to_string(), edge.column.clone()));
        if let (Some(from), Some(to)) = (from, to) {
            edges.entry((from, to)).or_default().insert(edge.how);
        }
    }
    for ((from, to), hows) in edges {
        // What is only looked at is drawn dotted.
        let line = if hows.iter().any(|how| how.is_direct()) { "-->" } else { "-.->" };
        let _ = writeln!(text, "  {from} {line}|\"{}\"| {to}", words(hows));
    }
    emphasis(text, &bold);
}

fn emphasis(text: &mut String, ids: &[String]) {
    if !ids.is_empty() {
        let _ = writeln!(text, "  classDef target stroke-width:3px\n  class {} target", ids.join(","));
    }
}

/// Mermaid writes special characters as numbered entities.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        if matches!(character, '"' | '#' | '<' | '>' | '&' | '`' | ';' | '\\') || character.is_control() {
            let _ = write!(safe, "#{};", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::escaped;

    #[rstest]
    #[case("kpi win_rate", "kpi win_rate")]
    #[case("a\"b", "a#34;b")]
    #[case("a#b;", "a#35;b#59;")]
    #[case("<b>\n", "#60;b#62;#10;")]
    fn no_name_ends_a_label(#[case] name: &str, #[case] label: &str) {
        assert_eq!(escaped(name), label);
    }
}
