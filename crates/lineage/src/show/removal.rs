//! A removal for people: marts and KPIs first, because those who read them suffer.

use std::fmt::Write as _;

use super::text::words;
use super::{column_label, label};
use crate::column::{ColumnRef, How};
use crate::name;
use crate::removal::{Affected, Removal};
use crate::{Lineage, Target};

/// What no longer computes, and what computes with other values, kind by kind.
#[must_use]
pub fn removal(lineage: &Lineage, removal: &Removal) -> String {
    let what = match &removal.target {
        Target::Definition(node) => label(node),
        Target::Column(column) => column_label(column),
    };
    let place = lineage.definition(removal.target.definition()).and_then(|definition| definition.place.as_ref());
    let place = place.map(|place| format!("  {place}")).unwrap_or_default();
    let mut text = format!("without {what}{place}\n");
    if removal.affected.is_empty() {
        text.push_str("\nnothing breaks and nothing changes: no definition reads it\n");
        return text;
    }
    let broken: Vec<&Affected> = removal.broken().collect();
    let changed: Vec<&Affected> = removal.changed().collect();
    part(&mut text, lineage, "breaks: no longer computes, for it names what is gone", &broken);
    part(&mut text, lineage, "changes: computes, with other values", &changed);
    let _ = writeln!(text, "\n{} break, {} change", broken.len(), changed.len());
    text
}

fn part(text: &mut String, lineage: &Lineage, title: &str, all: &[&Affected]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    let mut kind = "";
    for affected in all {
        if affected.node.kind() != kind {
            kind = affected.node.kind();
            let number = all.iter().filter(|other| other.node.kind() == kind).count();
            let many = name::KINDS.iter().find(|(one, _)| *one == kind).map_or(kind, |(_, many)| *many);
            let _ = writeln!(text, "\n  {many} ({number})");
        }
        let place = lineage.definition(&affected.node).and_then(|definition| definition.place.as_ref());
        let place = place.map(|place| format!("  {place}")).unwrap_or_default();
        let _ = writeln!(text, "    {}{place}", affected.node.name());
        if let (true, Some(of)) = (kind == "mart", lineage.definition(&affected.node)) {
            columns(text, "gone", &affected.gone, of.columns.len());
            let changed = if affected.rows { &[] } else { affected.changed.as_slice() };
            columns(text, "changed", changed, of.columns.len());
            if affected.rows {
                text.push_str("      rows: others, or differently put together\n");
            }
        }
        let _ = writeln!(text, "      {}", way(&affected.path));
    }
}

fn columns(text: &mut String, title: &str, columns: &[String], all: usize) {
    /// More would fill a screen.
    const SHOWN: usize = 10;
    if columns.is_empty() {
        return;
    }
    let shown: Vec<&str> = columns.iter().take(SHOWN).map(String::as_str).collect();
    let more = columns.len() - shown.len();
    let more = if more > 0 { format!(", … ({} of {all})", columns.len()) } else { String::new() };
    let _ = writeln!(text, "      {title}: {}{more}", shown.join(", "));
}

/// `source accounts.region → entity account.region (group by)`
fn way(path: &[(ColumnRef, How)]) -> String {
    let Some((_, how)) = path.last() else { return "needs it as a whole".to_owned() };
    let steps: Vec<String> = path.iter().map(|(column, _)| column_label(column)).collect();
    format!("by {} ({})", steps.join(" → "), words([*how]))
}
