//! JSON for machines. Names and order are stable: definitions come after those that they need.

use abmart_spec::Node;
use serde_json::{Value, json};

use crate::column::ColumnRef;
use crate::removal::{Affected, Removal};
use crate::view::View;
use crate::{Definition, Lineage, Target};

/// The view: `targets`, `definitions`, `edges`, and where columns are looked at `column_edges`.
#[must_use]
pub fn json(view: &View<'_>) -> Value {
    let definition = |definition: &&Definition| {
        let mut value = head(view.lineage, &definition.node);
        if view.of_columns() {
            let shown = definition
                .columns
                .keys()
                .filter(|column| view.columns.contains(&ColumnRef::new(definition.node.clone(), column.as_str())));
            value["columns"] = json!(shown.collect::<Vec<_>>());
        }
        value
    };
    let mut value = json!({
        "targets": view.targets.iter().map(target).collect::<Vec<_>>(),
        "definitions": view.definitions.iter().map(definition).collect::<Vec<_>>(),
        "edges": view.edges.iter()
            .map(|(from, to)| json!({"from": from.to_string(), "to": to.to_string()}))
            .collect::<Vec<_>>(),
    });
    if view.of_columns() {
        let edge = |edge: &crate::view::ColumnEdge| {
            json!({
                "from": column(&edge.from),
                "to": {"definition": edge.to.to_string(), "column": edge.column},
                "type": edge.how.kind(),
                "subtype": edge.how.subtype(),
            })
        };
        value["column_edges"] = json!(view.column_edges.iter().map(edge).collect::<Vec<_>>());
    }
    value
}

/// A removal: `removed`, `breaks` and `changes`.
#[must_use]
pub fn removal_json(lineage: &Lineage, removal: &Removal) -> Value {
    let affected = |affected: &Affected| {
        let mut value = head(lineage, &affected.node);
        value["gone"] = json!(affected.gone);
        value["changed"] = json!(affected.changed);
        value["rows"] = json!(affected.rows);
        let step = |(of, how): &(ColumnRef, crate::How)| {
            let mut value = column(of);
            value["type"] = json!(how.kind());
            value["subtype"] = json!(how.subtype());
            value
        };
        value["path"] = json!(affected.path.iter().map(step).collect::<Vec<_>>());
        value
    };
    json!({
        "removed": target(&removal.target),
        "breaks": removal.broken().map(affected).collect::<Vec<_>>(),
        "changes": removal.changed().map(affected).collect::<Vec<_>>(),
    })
}

fn head(lineage: &Lineage, node: &Node) -> Value {
    let definition = lineage.definition(node);
    let place = definition.and_then(|definition| definition.place.as_ref());
    json!({
        "id": node.to_string(),
        "kind": node.kind(),
        "name": node.name(),
        "job": definition.map(|definition| definition.job.as_str()),
        "file": place.map(|place| place.file.as_str()),
        "line": place.map(|place| place.line),
    })
}

fn target(target: &Target) -> Value {
    match target {
        Target::Definition(node) => json!({"definition": node.to_string(), "column": null}),
        Target::Column(of) => column(of),
    }
}

fn column(column: &ColumnRef) -> Value {
    json!({"definition": column.of.to_string(), "column": column.column})
}
