//! Blank lines between the definitions of a section and between sections.

use super::lines::Line;
use super::tree::{Node, Value};
use super::write::Written;

/// Lines of a definition up to which a section can do without blank lines.
const SHORT: usize = 4;

/// One blank line before every definition of a section, unless all of them are short.
pub(super) fn separate_definitions(lines: &mut [Line], written: &[Written], section: &Node) {
    let Value::Map { entries, .. } = &section.value else { return };
    let defines = |node: &Node| matches!(node.value, Value::Map { .. } | Value::Alias(_)) || node.own.is_empty();
    let long = sizes(lines.len(), written).any(|size| size > SHORT);
    if long && entries.iter().all(|(_, value)| defines(value)) {
        for definition in written {
            lines[definition.first].blank_before = true;
        }
    }
}

/// One blank line around everything of more than one line.
pub(super) fn separate_top_level(lines: &mut [Line], written: &[Written]) {
    let sizes: Vec<usize> = sizes(lines.len(), written).collect();
    for index in 1..written.len() {
        if sizes[index] > 1 || sizes[index - 1] > 1 {
            lines[written[index].first].blank_before = true;
        }
    }
}

/// The lines of each entry, without the comments above it.
fn sizes(end: usize, written: &[Written]) -> impl Iterator<Item = usize> {
    let ends = written.iter().skip(1).map(|next| next.first).chain([end]);
    written.iter().zip(ends).map(|(entry, end)| end.saturating_sub(entry.own))
}
