//! A part of the lineage: what some definitions or columns come from and where they go.

use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::Node;

use crate::column::{ColumnRef, How};
use crate::{Definition, Lineage, Target};

/// What is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Focus {
    /// Which way; both where it is not said.
    pub direction: Direction,
    /// So many steps at most; all where it is not said.
    pub depth: Option<usize>,
    /// Whether columns are shown where only a definition is named.
    pub columns: bool,
    /// Of columns: whether what decides about rows is followed as well. Else it is shown where it is met first.
    pub rows: bool,
}

/// Against the data's way, with it, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// What it comes from and where it goes.
    #[default]
    Both,
    /// What it comes from.
    Upstream,
    /// Where it goes.
    Downstream,
}

impl Direction {
    /// Whether it goes against the data's way.
    #[must_use]
    pub fn is_upstream(self) -> bool {
        self != Self::Downstream
    }

    /// Whether it goes the data's way.
    #[must_use]
    pub fn is_downstream(self) -> bool {
        self != Self::Upstream
    }
}

/// Definitions, or columns of them, and what leads from one to another.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The lineage that it is a part of.
    pub lineage: &'a Lineage,
    /// What it is around.
    pub targets: Vec<Target>,
    /// What is looked at.
    pub focus: Focus,
    /// The definitions, each after those that it needs.
    pub definitions: Vec<&'a Definition>,
    /// From a definition to one that needs it.
    pub edges: BTreeSet<(Node, Node)>,
    /// Where columns are looked at: those that are reached, the targets' own among them.
    pub columns: BTreeSet<ColumnRef>,
    /// From a column to what comes of it.
    pub column_edges: BTreeSet<ColumnEdge>,
}

/// From a column to one that comes from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnEdge {
    /// The column that is read.
    pub from: ColumnRef,
    /// The definition that reads it.
    pub to: Node,
    /// The column that comes of it; none where it decides about the rows.
    pub column: Option<String>,
    /// What becomes of it.
    pub how: How,
}

impl View<'_> {
    /// Whether columns are looked at.
    #[must_use]
    pub fn of_columns(&self) -> bool {
        self.focus.columns || self.targets.iter().any(|target| matches!(target, Target::Column(_)))
    }
}

pub(crate) fn of<'a>(lineage: &'a Lineage, targets: &[Target], focus: &Focus) -> View<'a> {
    let mut view = View {
        lineage,
        targets: targets.to_vec(),
        focus: *focus,
        definitions: Vec::new(),
        edges: BTreeSet::new(),
        columns: BTreeSet::new(),
        column_edges: BTreeSet::new(),
    };
    let mut nodes: BTreeSet<Node> = targets.iter().map(|target| target.definition().clone()).collect();
    if view.of_columns() {
        columns(lineage, &mut view);
        nodes.extend(view.columns.iter().map(|column| column.of.clone()));
        nodes.extend(view.column_edges.iter().map(|edge| edge.to.clone()));
        view.edges = view.column_edges.iter().map(|edge| (edge.from.of.clone(), edge.to.clone())).collect();
    } else {
        for target in targets {
            let node = target.definition();
            if focus.direction.is_upstream() {
                let up = around(node, focus.depth, |node| lineage.needs(node).to_vec());
                view.edges.extend(up.into_iter().map(|(near, far)| (far, near)));
            }
            if focus.direction.is_downstream() {
                view.edges.extend(around(node, focus.depth, |node| lineage.needed_by(node).to_vec()));
            }
        }
        nodes.extend(view.edges.iter().flat_map(|(from, to)| [from.clone(), to.clone()]));
    }
    view.definitions = lineage.definitions().filter(|definition| nodes.contains(&definition.node)).collect();
    view
}

/// Pairs of neighbours up to a number of steps away.
fn around(start: &Node, depth: Option<usize>, next: impl Fn(&Node) -> Vec<Node>) -> Vec<(Node, Node)> {
    let mut steps = BTreeMap::from([(start.clone(), 0)]);
    let mut waiting = std::collections::VecDeque::from([start.clone()]);
    let mut pairs = Vec::new();
    while let Some(node) = waiting.pop_front() {
        let step = steps.get(&node).copied().unwrap_or_default();
        if depth.is_some_and(|depth| step >= depth) {
            continue;
        }
        for near in next(&node) {
            pairs.push((node.clone(), near.clone()));
            if !steps.contains_key(&near) {
                steps.insert(near.clone(), step + 1);
                waiting.push_back(near);
            }
        }
    }
    pairs
}

fn columns(lineage: &Lineage, view: &mut View<'_>) {
    let mut starts: Vec<ColumnRef> = Vec::new();
    for target in &view.targets {
        match target {
            Target::Column(column) => starts.push(column.clone()),
            Target::Definition(node) => {
                starts.extend(lineage.columns(node).map(|column| ColumnRef::new(node.clone(), column)));
            }
        }
    }
    view.columns.extend(starts.iter().cloned());
    let rows = view.focus.rows;
    let (mut up, mut down) = (BTreeSet::new(), BTreeSet::new());
    if view.focus.direction.is_upstream() {
        let own: BTreeSet<&Node> = view.targets.iter().map(Target::definition).collect();
        let shown = |edge: &ColumnEdge| rows || edge.column.is_some() || own.contains(&edge.to);
        let edges = |column: &ColumnRef| inward(lineage, column).into_iter().filter(shown).collect();
        let onward = |edge: &ColumnEdge| {
            if rows || edge.column.is_some() { vec![edge.from.clone()] } else { Vec::new() }
        };
        up = walk(&starts, view.focus.depth, edges, onward);
    }
    if view.focus.direction.is_downstream() {
        let onward = |edge: &ColumnEdge| match &edge.column {
            Some(column) => vec![ColumnRef::new(edge.to.clone(), column.clone())],
            None if !rows => Vec::new(),
            None => lineage.columns(&edge.to).map(|column| ColumnRef::new(edge.to.clone(), column)).collect(),
        };
        down = walk(&starts, view.focus.depth, |column| outward(lineage, column), onward);
    }
    for edge in up.into_iter().chain(down) {
        view.columns.insert(edge.from.clone());
        view.columns.extend(edge.column.iter().map(|column| ColumnRef::new(edge.to.clone(), column.clone())));
        view.column_edges.insert(edge);
    }
}

/// The edges that lead to a column.
fn inward(lineage: &Lineage, column: &ColumnRef) -> Vec<ColumnEdge> {
    let Some(definition) = lineage.definition(&column.of) else { return Vec::new() };
    let own = definition.columns.get(&column.column).into_iter().flat_map(|own| &own.inputs);
    let own = own.map(|input| (Some(column.column.clone()), input));
    let edge = |(name, input): (Option<String>, &crate::Input)| ColumnEdge {
        from: input.column.clone(),
        to: column.of.clone(),
        column: name,
        how: input.how,
    };
    own.chain(definition.rows.iter().map(|input| (None, input))).map(edge).collect()
}

/// The edges that lead away from a column.
fn outward(lineage: &Lineage, column: &ColumnRef) -> Vec<ColumnEdge> {
    let outputs = lineage.outputs(column).iter();
    outputs
        .map(|output| ColumnEdge {
            from: column.clone(),
            to: output.of.clone(),
            column: output.column.clone(),
            how: output.how,
        })
        .collect()
}

fn walk(
    starts: &[ColumnRef],
    depth: Option<usize>,
    edges: impl Fn(&ColumnRef) -> Vec<ColumnEdge>,
    next: impl Fn(&ColumnEdge) -> Vec<ColumnRef>,
) -> BTreeSet<ColumnEdge> {
    let mut seen: BTreeSet<ColumnRef> = starts.iter().cloned().collect();
    let mut found = BTreeSet::new();
    let mut layer: Vec<ColumnRef> = starts.to_vec();
    let mut steps = 0;
    while !layer.is_empty() && depth.is_none_or(|depth| steps < depth) {
        let mut after = Vec::new();
        for edge in layer.iter().flat_map(&edges) {
            after.extend(next(&edge).into_iter().filter(|column| seen.insert(column.clone())));
            found.insert(edge);
        }
        layer = after;
        steps += 1;
    }
    found
}
