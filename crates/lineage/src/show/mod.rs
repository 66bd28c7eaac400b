//! A view as text for people, as Mermaid or Graphviz draw it, or as JSON.

mod column_text;
mod dot;
mod json;
mod mermaid;
mod removal;
mod text;

pub use dot::dot;
pub use json::{json, removal_json};
pub use mermaid::mermaid;
pub use removal::removal;
pub use text::{counts, text};

use abmart_spec::Node;

use crate::column::ColumnRef;

/// Kind and name: `kpi win_rate`.
pub(crate) fn label(node: &Node) -> String {
    format!("{} {}", node.kind(), node.name())
}

/// Kind, name and column: `kpi win_rate.value`.
pub(crate) fn column_label(column: &ColumnRef) -> String {
    format!("{}.{}", label(&column.of), column.column)
}
