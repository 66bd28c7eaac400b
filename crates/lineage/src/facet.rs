//! `OpenLineage`'s facet of column lineage: from columns of sources to columns of marts, whatever lies between.

use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::Node;
use serde_json::{Map, Value, json};

use crate::Lineage;
use crate::column::{ColumnRef, How, Input};

/// The version and name of the facet's schema.
pub const SCHEMA: &str = "1-2-0/ColumnLineageDatasetFacet";

/// The content of the facet for a definition: for every column the columns of sources that its values come from; for all of
/// them together the columns that decide about rows, on the whole way.
///
/// `dataset` gives namespace and name of a source; one that it does not know is left out, as are tables whose rows the
/// project itself holds.
#[must_use]
pub fn column_lineage(lineage: &Lineage, node: &Node, dataset: &dyn Fn(&str) -> Option<(String, String)>) -> Value {
    let mut fields = Map::new();
    let mut passed: BTreeSet<Node> = BTreeSet::from([node.clone()]);
    for column in lineage.columns(node) {
        let found = sources_of(lineage, &ColumnRef::new(node.clone(), column), &mut passed);
        let inputs = fields_of(&found, dataset);
        if !inputs.is_empty() {
            fields.insert(column.to_owned(), json!({"inputFields": inputs}));
        }
    }
    let mut rows: BTreeSet<Input> = BTreeSet::new();
    for definition in passed.iter().filter_map(|node| lineage.definition(node)) {
        for input in &definition.rows {
            let found = sources_of(lineage, &input.column, &mut BTreeSet::new());
            rows.extend(found.into_iter().map(|found| Input { how: found.how.then(input.how), ..found }));
        }
    }
    let mut content = json!({"fields": fields});
    let rows = fields_of(&rows, dataset);
    if !rows.is_empty() {
        content["dataset"] = json!(rows);
    }
    content
}

/// The columns of sources that the values of a column come from, and the definitions on the way.
fn sources_of(lineage: &Lineage, column: &ColumnRef, passed: &mut BTreeSet<Node>) -> BTreeSet<Input> {
    let mut found = BTreeSet::new();
    let mut seen: BTreeSet<(ColumnRef, How)> = BTreeSet::new();
    let mut waiting = vec![(column.clone(), How::Identity)];
    while let Some((column, how)) = waiting.pop() {
        if !seen.insert((column.clone(), how)) {
            continue;
        }
        passed.insert(column.of.clone());
        if matches!(column.of, Node::Source(_)) {
            found.insert(Input { column, how });
            continue;
        }
        let own = lineage.definition(&column.of).and_then(|definition| definition.columns.get(&column.column));
        for input in own.into_iter().flat_map(|own| &own.inputs) {
            waiting.push((input.column.clone(), input.how.then(how)));
        }
    }
    found
}

fn fields_of(inputs: &BTreeSet<Input>, dataset: &dyn Fn(&str) -> Option<(String, String)>) -> Vec<Value> {
    let mut by_column: BTreeMap<&ColumnRef, Vec<How>> = BTreeMap::new();
    for input in inputs {
        by_column.entry(&input.column).or_default().push(input.how);
    }
    let field = |(column, hows): (&ColumnRef, Vec<How>)| {
        let (namespace, name) = dataset(column.of.name())?;
        let transformations: Vec<Value> =
            hows.iter().map(|how| json!({"type": how.kind(), "subtype": how.subtype()})).collect();
        Some(json!({"namespace": namespace, "name": name, "field": column.column, "transformations": transformations}))
    };
    by_column.into_iter().filter_map(field).collect()
}
