//! Where every column of a project comes from, and where it goes, worked out from the definitions alone.
//!
//! ```text
//! Project ── definitions ──▶ columns with their inputs ─┬─ upstream, downstream ──▶ View ── show ──▶ text, Mermaid, DOT, JSON
//!            └ sql: parsed queries and expressions      ├─ if_removed ──▶ Removal
//!                                                       └─ facet ──▶ OpenLineage
//! ```
//!
//! ```
//! # fn example(project: &abmart_spec::Project) {
//! use abmart_lineage::{ColumnRef, Lineage};
//! use abmart_spec::Node;
//!
//! let lineage = Lineage::of(project);
//! let owner = ColumnRef::new(Node::Mart("account_360".to_owned()), "owner");
//! for input in lineage.inputs(&owner) {
//!     println!("{} {}", input.column, input.how.word());
//! }
//! for node in lineage.downstream(&Node::Source("touchpoints".to_owned()), None) {
//!     println!("{}", node);
//! }
//! # }
//! ```
//!
//! What a definition says of its rows (filters, joins, groups) counts for all of its columns; it is kept once, as
//! [`Definition::rows`]. A left join counts as well: where its key is not unique it makes rows.

mod column;
mod definitions;
pub mod facet;
pub mod name;
mod relation;
mod removal;
pub mod show;
mod sql;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use abmart_spec::{Graph, Node, Project};
use indexmap::IndexMap;

pub use column::{ColumnRef, How, Input};
pub use definitions::{Column, Definition, Place};
pub use name::{NameError, Target};
pub use removal::{Affected, Removal};
pub use view::{Direction, Focus, View};

/// The lineage of a project: all definitions with their columns, each with what it comes from.
#[derive(Debug, Clone)]
pub struct Lineage {
    definitions: IndexMap<Node, Definition>,
    needs: BTreeMap<Node, Vec<Node>>,
    needed_by: BTreeMap<Node, Vec<Node>>,
    readers: BTreeMap<ColumnRef, Vec<Output>>,
}

/// What a column goes into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Output {
    /// The definition that reads it.
    pub of: Node,
    /// The column that comes from it; none where it decides about the rows, and with that about all columns.
    pub column: Option<String>,
    /// What becomes of it.
    pub how: How,
}

impl Lineage {
    /// Works out the lineage of a project.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        let graph = project.graph();
        let definitions = definitions::all(project, graph.order());
        let mut readers: BTreeMap<ColumnRef, Vec<Output>> = BTreeMap::new();
        for (node, definition) in &definitions {
            let of_columns = definition
                .columns
                .iter()
                .flat_map(|(name, column)| column.inputs.iter().map(move |input| (Some(name.clone()), input)));
            for (column, input) in of_columns.chain(definition.rows.iter().map(|input| (None, input))) {
                let output = Output { of: node.clone(), column, how: input.how };
                readers.entry(input.column.clone()).or_default().push(output);
            }
        }
        let needs: BTreeMap<Node, Vec<Node>> =
            definitions.values().map(|definition| (definition.node.clone(), needs(&graph, definition))).collect();
        let mut needed_by: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for node in definitions.keys() {
            for need in &needs[node] {
                needed_by.entry(need.clone()).or_default().push(node.clone());
            }
        }
        Self { definitions, needs, needed_by, readers }
    }

    /// All definitions, each after those that it needs.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// Their kinds and names.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.definitions.keys()
    }

    /// A definition.
    #[must_use]
    pub fn definition(&self, node: &Node) -> Option<&Definition> {
        self.definitions.get(node)
    }

    /// The columns of a definition, in its order.
    pub fn columns(&self, node: &Node) -> impl Iterator<Item = &str> {
        self.definition(node).into_iter().flat_map(|definition| definition.columns.keys().map(String::as_str))
    }

    /// Whether there is such a column.
    #[must_use]
    pub fn has(&self, column: &ColumnRef) -> bool {
        self.definition(&column.of).is_some_and(|definition| definition.columns.contains_key(&column.column))
    }

    /// What a column comes from: what its values are made of, then what decides about the rows of its definition.
    pub fn inputs(&self, column: &ColumnRef) -> impl Iterator<Item = &Input> {
        let definition =
            self.definition(&column.of).filter(|definition| definition.columns.contains_key(&column.column));
        let own = definition.and_then(|definition| definition.columns.get(&column.column));
        let own = own.into_iter().flat_map(|column| &column.inputs);
        own.chain(definition.into_iter().flat_map(|definition| &definition.rows))
    }

    /// What a column goes into.
    #[must_use]
    pub fn outputs(&self, column: &ColumnRef) -> &[Output] {
        self.readers.get(column).map(Vec::as_slice).unwrap_or_default()
    }

    /// All columns that a column comes from, directly or not, those of few steps first.
    #[must_use]
    pub fn origins(&self, column: &ColumnRef) -> Vec<ColumnRef> {
        reached(column.clone(), None, |column| self.inputs(column).map(|input| input.column.clone()).collect())
    }

    /// What a definition needs directly: as [`Graph`] knows it, but for the KPIs that a mart or an alert leaves out by a
    /// condition.
    #[must_use]
    pub fn needs(&self, node: &Node) -> &[Node] {
        self.needs.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    /// What needs a definition directly.
    #[must_use]
    pub fn needed_by(&self, node: &Node) -> &[Node] {
        self.needed_by.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a definition comes from, directly or not, in at most so many steps; what is near first.
    #[must_use]
    pub fn upstream(&self, node: &Node, depth: Option<usize>) -> Vec<Node> {
        reached(node.clone(), depth, |node| self.needs(node).to_vec())
    }

    /// Where a definition goes, directly or not, in at most so many steps; what is near first.
    #[must_use]
    pub fn downstream(&self, node: &Node, depth: Option<usize>) -> Vec<Node> {
        reached(node.clone(), depth, |node| self.needed_by(node).to_vec())
    }

    /// What a name stands for: `win_rate`, `kpi:win_rate`, `mart:account_360.owner`.
    ///
    /// # Errors
    /// When nothing is called so, or more than one definition.
    pub fn find(&self, text: &str) -> Result<Target, NameError> {
        name::find(self, text)
    }

    /// What happens if a column, or all that a definition holds, is removed.
    #[must_use]
    pub fn if_removed(&self, target: &Target) -> Removal {
        removal::of(self, target)
    }

    /// The part of the lineage around some definitions or columns.
    #[must_use]
    pub fn view(&self, targets: &[Target], focus: &Focus) -> View<'_> {
        view::of(self, targets, focus)
    }
}

/// What a definition needs directly. Marts and alerts read the cube, which all KPIs are in; they need those that their
/// columns come from.
fn needs(graph: &Graph, definition: &Definition) -> Vec<Node> {
    let needs = graph.needs(&definition.node).iter();
    if !matches!(definition.node, Node::Mart(_) | Node::Alert(_)) {
        return needs.cloned().collect();
    }
    let of_columns = definition.columns.values().flat_map(|column| &column.inputs);
    let read: BTreeSet<&Node> = of_columns.chain(&definition.rows).map(|input| &input.column.of).collect();
    needs.filter(|need| read.contains(need)).cloned().collect()
}

/// Everything that is reached from a start, without the start, breadth first.
fn reached<T: Clone + Ord>(start: T, depth: Option<usize>, next: impl Fn(&T) -> Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::from([start.clone()]);
    let mut waiting = VecDeque::from([(start, 0)]);
    let mut found = Vec::new();
    while let Some((item, steps)) = waiting.pop_front() {
        if depth.is_some_and(|depth| steps >= depth) {
            continue;
        }
        for near in next(&item) {
            if seen.insert(near.clone()) {
                found.push(near.clone());
                waiting.push_back((near, steps + 1));
            }
        }
    }
    found
}
