//! What happens if a column, or a whole source, is gone.
//!
//! A column that is handed on as it is, under whatever name, is gone with the first one. A definition that names one of these
//! no longer computes: it **breaks**. One that only reads what was computed from them still computes, once those are
//! mended, but with other values: it **changes**.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use abmart_spec::Node;

use crate::column::{ColumnRef, How};
use crate::{Lineage, Target};

/// The outcome of a removal: what it reaches, marts and KPIs first.
#[derive(Debug, Clone)]
pub struct Removal {
    /// What is removed.
    pub target: Target,
    /// The definitions that it reaches.
    pub affected: Vec<Affected>,
}

/// A definition that a removal reaches.
#[derive(Debug, Clone)]
pub struct Affected {
    /// The definition.
    pub node: Node,
    /// Whether it no longer computes; else only its values change.
    pub breaks: bool,
    /// Columns that are gone.
    pub gone: Vec<String>,
    /// Columns whose values change.
    pub changed: Vec<String>,
    /// Whether the rows change too, and with them all that is counted or summed over them.
    pub rows: bool,
    /// The columns on one of the shortest ways, from what is removed to what the definition reads, with what becomes of each.
    pub path: Vec<(ColumnRef, How)>,
}

impl Removal {
    /// Those that no longer compute.
    pub fn broken(&self) -> impl Iterator<Item = &Affected> {
        self.affected.iter().filter(|affected| affected.breaks)
    }

    /// Those that compute with other values.
    pub fn changed(&self) -> impl Iterator<Item = &Affected> {
        self.affected.iter().filter(|affected| !affected.breaks)
    }
}

/// The kinds in the order of who suffers: readers of marts first.
const ORDER: &[&str] = &["mart", "kpi", "alert", "score", "fact", "attribution", "entity", "table", "rollup", "source"];

/// What is reached of a definition.
#[derive(Default)]
struct Reached {
    columns: BTreeSet<String>,
    rows: bool,
    /// The column that it was first reached by, and how.
    by: Option<(ColumnRef, How)>,
}

pub(crate) fn of(lineage: &Lineage, target: &Target) -> Removal {
    let starts: Vec<ColumnRef> = match target {
        Target::Column(column) => vec![column.clone()],
        Target::Definition(node) => lineage.columns(node).map(|column| ColumnRef::new(node.clone(), column)).collect(),
    };
    let gone = gone(lineage, &starts);
    let (reached, before) = spread(lineage, &starts);
    let mut affected: Vec<Affected> = Vec::new();
    for (node, found) in &reached {
        let Some(definition) = lineage.definition(node) else { continue };
        let needs_all = matches!(target, Target::Definition(removed) if lineage.needs(node).contains(removed));
        let own = |column: &&String| gone.contains(&ColumnRef::new(node.clone(), column.as_str()));
        let (lost, changed): (Vec<&String>, Vec<&String>) =
            definition.columns.keys().filter(|column| found.columns.contains(*column)).partition(own);
        affected.push(Affected {
            node: node.clone(),
            breaks: needs_all || definition.named.iter().any(|column| gone.contains(column)),
            gone: lost.into_iter().cloned().collect(),
            changed: changed.into_iter().cloned().collect(),
            rows: found.rows,
            path: path(found.by.as_ref(), &before),
        });
    }
    affected.extend(attributions(lineage, &affected));
    // What needs a definition without reading a column of it: an attribution, a table that is reconciled with another.
    if let Target::Definition(removed) = target {
        let known: BTreeSet<Node> = affected.iter().map(|affected| affected.node.clone()).collect();
        for node in lineage.needed_by(removed).iter().filter(|node| !known.contains(*node)) {
            affected.push(Affected {
                node: node.clone(),
                breaks: true,
                gone: Vec::new(),
                changed: Vec::new(),
                rows: false,
                path: Vec::new(),
            });
        }
    }
    let rank = |node: &Node| ORDER.iter().position(|kind| *kind == node.kind());
    affected.sort_by_key(|affected| (!affected.breaks, rank(&affected.node), affected.node.clone()));
    Removal { target: target.clone(), affected }
}

/// The attributions whose tables break: it is they that name the columns.
fn attributions(lineage: &Lineage, affected: &[Affected]) -> Vec<Affected> {
    let mut found: BTreeMap<&Node, Affected> = BTreeMap::new();
    for table in affected.iter().filter(|affected| affected.breaks) {
        for of in lineage.needs(&table.node).iter().filter(|need| matches!(need, Node::Attribution(_))) {
            found.entry(of).or_insert_with(|| Affected {
                node: of.clone(),
                breaks: true,
                gone: Vec::new(),
                changed: Vec::new(),
                rows: false,
                path: table.path.clone(),
            });
        }
    }
    found.into_values().collect()
}

/// The columns that are the removed ones as they are.
fn gone(lineage: &Lineage, starts: &[ColumnRef]) -> BTreeSet<ColumnRef> {
    let mut gone: BTreeSet<ColumnRef> = starts.iter().cloned().collect();
    let mut waiting: VecDeque<ColumnRef> = starts.iter().cloned().collect();
    while let Some(column) = waiting.pop_front() {
        for output in lineage.outputs(&column).iter().filter(|output| output.how == How::Identity) {
            let Some(name) = &output.column else { continue };
            let handed_on = ColumnRef::new(output.of.clone(), name.clone());
            if comes_from_nothing_else(lineage, &handed_on, &gone) && gone.insert(handed_on.clone()) {
                waiting.push_back(handed_on);
            }
        }
    }
    gone
}

/// A column of a union remains where other parts of it give values.
fn comes_from_nothing_else(lineage: &Lineage, column: &ColumnRef, gone: &BTreeSet<ColumnRef>) -> bool {
    let own = lineage.definition(&column.of).and_then(|definition| definition.columns.get(&column.column));
    own.is_some_and(|own| {
        own.inputs.iter().filter(|input| input.how.is_direct()).all(|input| gone.contains(&input.column))
    })
}

type Before = BTreeMap<ColumnRef, (ColumnRef, How)>;

/// Everything that columns go into, breadth first, with the column that each was first reached by.
fn spread(lineage: &Lineage, starts: &[ColumnRef]) -> (BTreeMap<Node, Reached>, Before) {
    let mut reached: BTreeMap<Node, Reached> = BTreeMap::new();
    let mut before = Before::new();
    let mut seen: BTreeSet<ColumnRef> = starts.iter().cloned().collect();
    let mut waiting: VecDeque<ColumnRef> = starts.iter().cloned().collect();
    while let Some(column) = waiting.pop_front() {
        for output in lineage.outputs(&column) {
            let found = reached.entry(output.of.clone()).or_default();
            found.by.get_or_insert_with(|| (column.clone(), output.how));
            let mut next = Vec::new();
            match &output.column {
                Some(name) => {
                    found.columns.insert(name.clone());
                    next.push(name.clone());
                }
                None if !found.rows => {
                    found.rows = true;
                    next.extend(lineage.columns(&output.of).map(str::to_owned));
                }
                None => {}
            }
            for name in next {
                let next = ColumnRef::new(output.of.clone(), name);
                if seen.insert(next.clone()) {
                    before.insert(next.clone(), (column.clone(), output.how));
                    waiting.push_back(next);
                }
            }
        }
    }
    (reached, before)
}

/// The way from what is removed up to a column.
fn path(last: Option<&(ColumnRef, How)>, before: &Before) -> Vec<(ColumnRef, How)> {
    let mut path: Vec<(ColumnRef, How)> = Vec::new();
    let mut next = last;
    while let Some((column, how)) = next {
        path.push((column.clone(), *how));
        next = before.get(column);
    }
    path.reverse();
    path
}
