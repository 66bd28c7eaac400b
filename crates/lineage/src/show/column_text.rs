//! Trees of columns.

use std::collections::BTreeMap;

use abmart_spec::Node;

use super::text::{Line, MANY, SOME, place, spanned, words};
use super::{column_label, label};
use crate::column::{ColumnRef, How};
use crate::view::{ColumnEdge, View};
use crate::{Target, name};

pub(super) fn of_columns(view: &View<'_>, node: &Node, lines: &mut Vec<Line>) {
    for column in view.lineage.columns(node) {
        lines.push(Line::new(1, column, None));
        of_column(view, &ColumnRef::new(node.clone(), column), 1, lines);
    }
    if view.focus.direction.is_upstream() {
        rows(view, node, 1, lines);
    }
}

/// What stands at a place of a tree of columns: a column, or the rows of a definition.
type Spot = (Node, Option<String>);

pub(super) fn of_column(view: &View<'_>, column: &ColumnRef, depth: usize, lines: &mut Vec<Line>) {
    let start: Spot = (column.of.clone(), Some(column.column.clone()));
    let short = view.focus.columns && matches!(view.targets.as_slice(), [Target::Definition(_)]);
    if view.focus.direction.is_upstream() {
        let edges = |spot: &Spot| -> Vec<&ColumnEdge> {
            view.column_edges
                .iter()
                .filter(|edge| edge.to == spot.0 && edge.column == spot.1 && spot.1.is_some())
                .collect()
        };
        let far = |edge: &ColumnEdge| (edge.from.of.clone(), Some(edge.from.column.clone()));
        let nothing = "is a constant, or made by the engine";
        columns(view, &start, ("comes from", nothing), edges, far, depth + 1, lines);
        if !short {
            rows(view, &column.of, depth + 1, lines);
        }
    }
    if view.focus.direction.is_downstream() {
        let edges = |spot: &Spot| -> Vec<&ColumnEdge> {
            let name = spot.1.as_ref();
            view.column_edges.iter().filter(|edge| edge.from.of == spot.0 && Some(&edge.from.column) == name).collect()
        };
        let far = |edge: &ColumnEdge| (edge.to.clone(), edge.column.clone());
        columns(view, &start, ("goes into", "goes into nothing else"), edges, far, depth + 1, lines);
    }
}

fn columns<'v>(
    view: &View<'v>,
    start: &Spot,
    (title, nothing): (&str, &str),
    edges: impl Fn(&Spot) -> Vec<&'v ColumnEdge>,
    far: impl Fn(&ColumnEdge) -> Spot,
    depth: usize,
    lines: &mut Vec<Line>,
) where
    'v: 'v,
{
    let sorted = |spot: &Spot| {
        let mut near: Vec<Spot> = edges(spot).into_iter().map(&far).collect();
        near.sort_by_key(|spot| (name::rank(&spot.0), spot.clone()));
        near.dedup();
        near
    };
    let tree = spanned(start.clone(), sorted);
    if tree.is_empty() {
        lines.push(Line::new(depth, nothing, None));
        return;
    }
    lines.push(Line::new(depth, title, None));
    let how = |near: &Spot, below: &Spot| -> Vec<How> {
        edges(near).into_iter().filter(|edge| far(edge) == *below).map(|edge| edge.how).collect()
    };
    column_branch(view, start, depth + 1, &tree, &how, lines);
}

fn column_branch(
    view: &View<'_>,
    spot: &Spot,
    depth: usize,
    tree: &BTreeMap<Spot, Vec<Spot>>,
    how: &dyn Fn(&Spot, &Spot) -> Vec<How>,
    lines: &mut Vec<Line>,
) {
    let below = tree.get(spot).map(Vec::as_slice).unwrap_or_default();
    let leaves = below.iter().filter(|spot| !tree.contains_key(*spot)).count();
    let mut shown = 0;
    for near in below {
        if !tree.contains_key(near) && leaves > MANY {
            shown += 1;
            if shown == SOME + 1 {
                lines.push(Line::new(depth, format!("… and {} more", leaves - SOME), None));
            }
            if shown > SOME {
                continue;
            }
        }
        let name = match &near.1 {
            Some(column) => format!("{}.{column}", label(&near.0)),
            None => format!("{}, all of its rows", label(&near.0)),
        };
        let words = words(how(spot, near));
        lines.push(Line::new(depth, format!("{name} ({words})"), place(view.lineage, &near.0)));
        column_branch(view, near, depth + 1, tree, how, lines);
    }
}

/// The columns that decide about the rows of a definition.
fn rows(view: &View<'_>, node: &Node, depth: usize, lines: &mut Vec<Line>) {
    let mut found: BTreeMap<&ColumnRef, Vec<How>> = BTreeMap::new();
    for input in view.lineage.definition(node).into_iter().flat_map(|definition| &definition.rows) {
        found.entry(&input.column).or_default().push(input.how);
    }
    if found.is_empty() {
        return;
    }
    lines.push(Line::new(depth, "its rows go by", None));
    for (column, hows) in found {
        let label = format!("{} ({})", column_label(column), words(hows));
        lines.push(Line::new(depth + 1, label, place(view.lineage, &column.of)));
    }
}
