//! How far it is from one definition to another.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, Node};

/// The edges of a graph in both directions.
pub(super) struct Reachable {
    needs: BTreeMap<Node, Vec<Node>>,
    dependents: BTreeMap<Node, Vec<Node>>,
}

impl Reachable {
    pub fn new(graph: &Graph) -> Self {
        let mut needs: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        let mut dependents: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for node in graph.order() {
            needs.insert(node.clone(), graph.needs(node).to_vec());
            for need in graph.needs(node) {
                dependents.entry(need.clone()).or_default().push(node.clone());
            }
        }
        Self { needs, dependents }
    }

    /// All definitions.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.needs.keys()
    }

    /// Some definitions and what they need, over at most so many steps.
    pub fn needs(&self, from: &BTreeSet<Node>, steps: usize) -> BTreeSet<Node> {
        walk(&self.needs, from, steps)
    }

    /// Some definitions and what needs them, over at most so many steps.
    pub fn dependents(&self, from: &BTreeSet<Node>, steps: usize) -> BTreeSet<Node> {
        walk(&self.dependents, from, steps)
    }
}

fn walk(edges: &BTreeMap<Node, Vec<Node>>, from: &BTreeSet<Node>, steps: usize) -> BTreeSet<Node> {
    let mut reached = from.clone();
    let mut edge: BTreeSet<&Node> = from.iter().collect();
    for _ in 0..steps {
        let next = edge.iter().filter_map(|node| edges.get(*node)).flatten();
        edge = next.filter(|node| !reached.contains(*node)).collect();
        if edge.is_empty() {
            break;
        }
        reached.extend(edge.iter().map(|node| (*node).clone()));
    }
    reached
}
