//! Indented trees for a terminal, every definition once, where the fewest steps lead to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use abmart_spec::Node;

use super::{column_label, label};
use crate::column::{ColumnRef, How};
use crate::view::{ColumnEdge, View};
use crate::{Lineage, Target, name};

/// So many of one kind beside each other are shown one by one.
const MANY: usize = 12;

/// Of more than that, so many are.
const SOME: usize = 8;

/// The view as trees: what each target comes from, then where it goes.
#[must_use]
pub fn text(view: &View<'_>) -> String {
    let mut pages: Vec<String> = Vec::new();
    for target in &view.targets {
        let mut lines = vec![Line::new(0, heading(target), place(view.lineage, target.definition()))];
        match target {
            Target::Column(column) => of_column(view, column, 0, &mut lines),
            Target::Definition(node) if view.focus.columns => of_columns(view, node, &mut lines),
            Target::Definition(node) => of_definition(view, node, &mut lines),
        }
        pages.push(aligned(&lines));
    }
    pages.join("\n")
}

/// How many definitions of each kind there are, job by job.
#[must_use]
pub fn counts(lineage: &Lineage) -> String {
    let mut jobs: BTreeMap<&str, BTreeMap<usize, usize>> = BTreeMap::new();
    let mut all: BTreeMap<usize, usize> = BTreeMap::new();
    for definition in lineage.definitions() {
        let kind = name::rank(&definition.node);
        *jobs.entry(definition.job.as_str()).or_default().entry(kind).or_default() += 1;
        *all.entry(kind).or_default() += 1;
    }
    let kinds: Vec<usize> = all.keys().copied().collect();
    let word = |kind: usize| name::KINDS.get(kind).map_or("", |(_, many)| *many);
    let width = jobs.keys().map(|job| job.len()).chain([3]).max().unwrap_or_default();
    let mut text = String::new();
    let row = |text: &mut String, name: &str, counted: &BTreeMap<usize, usize>| {
        let _ = write!(text, "{name:<width$}");
        for kind in &kinds {
            let number = counted.get(kind).map_or(String::new(), ToString::to_string);
            let _ = write!(text, "  {number:>columns$}", columns = word(*kind).len());
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    };
    let heads: Vec<&str> = kinds.iter().map(|kind| word(*kind)).collect();
    let _ = writeln!(text, "{:<width$}  {}", "job", heads.join("  "));
    for (job, counted) in &jobs {
        row(&mut text, job, counted);
    }
    row(&mut text, "all", &all);
    text
}

struct Line {
    depth: usize,
    label: String,
    place: Option<String>,
}

impl Line {
    fn new(depth: usize, label: impl Into<String>, place: Option<String>) -> Self {
        Self { depth, label: label.into(), place }
    }
}

fn heading(target: &Target) -> String {
    match target {
        Target::Definition(node) => label(node),
        Target::Column(column) => column_label(column),
    }
}

fn place(lineage: &Lineage, node: &Node) -> Option<String> {
    lineage.definition(node)?.place.as_ref().map(ToString::to_string)
}

/// Labels with their places in one column beside them.
fn aligned(lines: &[Line]) -> String {
    let length = |line: &Line| line.depth * 2 + line.label.chars().count();
    let width = lines.iter().filter(|line| line.place.is_some()).map(length).max().unwrap_or_default();
    let mut text = String::new();
    for line in lines {
        let indent = line.depth * 2;
        match &line.place {
            Some(place) => {
                let _ = writeln!(text, "{:indent$}{:<rest$}  {place}", "", line.label, rest = width - indent);
            }
            None => {
                let _ = writeln!(text, "{:indent$}{}", "", line.label);
            }
        }
    }
    text
}

fn of_definition(view: &View<'_>, node: &Node, lines: &mut Vec<Line>) {
    if view.focus.direction.is_upstream() {
        let next = |node: &Node| view.edges.iter().filter(|(_, to)| to == node).map(|(from, _)| from.clone()).collect();
        section(view, node, "comes from", "comes from nothing else", next, lines);
    }
    if view.focus.direction.is_downstream() {
        let next = |node: &Node| view.edges.iter().filter(|(from, _)| from == node).map(|(_, to)| to.clone()).collect();
        section(view, node, "goes into", "goes into nothing else", next, lines);
    }
}

fn section(
    view: &View<'_>,
    start: &Node,
    title: &str,
    nothing: &str,
    next: impl Fn(&Node) -> Vec<Node>,
    lines: &mut Vec<Line>,
) {
    let tree = spanned(start.clone(), |node| {
        let mut near = next(node);
        near.sort_by_key(|node| (name::rank(node), node.clone()));
        near
    });
    if tree.is_empty() {
        lines.push(Line::new(1, nothing, None));
        return;
    }
    lines.push(Line::new(1, title, None));
    branch(view, start, 2, &tree, lines);
}

fn branch(view: &View<'_>, node: &Node, depth: usize, tree: &BTreeMap<Node, Vec<Node>>, lines: &mut Vec<Line>) {
    let below = tree.get(node).map(Vec::as_slice).unwrap_or_default();
    let is_leaf = |node: &Node| !tree.contains_key(node);
    let mut leaves: BTreeMap<usize, usize> = BTreeMap::new();
    for leaf in below.iter().filter(|node| is_leaf(node)) {
        *leaves.entry(name::rank(leaf)).or_default() += 1;
    }
    let mut shown: BTreeMap<usize, usize> = BTreeMap::new();
    for near in below {
        let kind = name::rank(near);
        let number = leaves.get(&kind).copied().unwrap_or_default();
        if is_leaf(near) && number > MANY {
            let shown = shown.entry(kind).or_default();
            *shown += 1;
            if *shown == SOME + 1 {
                let many = name::KINDS.get(kind).map_or("", |(_, many)| *many);
                lines.push(Line::new(depth, format!("… and {} more {many}", number - SOME), None));
            }
            if *shown > SOME {
                continue;
            }
        }
        lines.push(Line::new(depth, label(near), place(view.lineage, near)));
        branch(view, near, depth + 1, tree, lines);
    }
}

/// A tree that reaches everything once, by the fewest steps: parent → children.
fn spanned<T: Clone + Ord>(start: T, next: impl Fn(&T) -> Vec<T>) -> BTreeMap<T, Vec<T>> {
    let mut tree: BTreeMap<T, Vec<T>> = BTreeMap::new();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut waiting = VecDeque::from([start]);
    while let Some(node) = waiting.pop_front() {
        for near in next(&node) {
            if seen.insert(near.clone()) {
                tree.entry(node.clone()).or_default().push(near.clone());
                waiting.push_back(near);
            }
        }
    }
    tree
}

fn of_columns(view: &View<'_>, node: &Node, lines: &mut Vec<Line>) {
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

fn of_column(view: &View<'_>, column: &ColumnRef, depth: usize, lines: &mut Vec<Line>) {
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

pub(super) fn words(hows: impl IntoIterator<Item = How>) -> String {
    let hows: BTreeSet<How> = hows.into_iter().collect();
    hows.into_iter().map(How::word).collect::<Vec<_>>().join(", ")
}
