//! What of a graph is shown around a definition, and in which layers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use abmart_spec::{Graph, Node};

/// Boxes of a layer, beside the one that stands for the rest of it; what is further away matters less.
const TALLEST: [usize; 3] = [8, 6, 5];
/// Layers before the definition; what is further is put together.
const BEFORE: i32 = 5;
/// Layers after it.
const AFTER: i32 = 3;

/// Boxes in layers, and arrows from box to box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub boxes: Vec<Box>,
    /// Indexes of boxes, from what is read to what reads it. Each goes to a later layer.
    pub arrows: Vec<(usize, usize)>,
}

/// A box of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Box {
    pub shows: Shows,
    /// 0 is the definition that the picture is about, less is before it.
    pub layer: i32,
}

/// What a box stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shows {
    Focus(Node),
    Definition(Node),
    /// Definitions for which there is no room.
    More(usize),
}

impl View {
    pub fn of(graph: &Graph, focus: &Node) -> Self {
        let upstream = graph.closure([focus.clone()]);
        let before: BTreeSet<&Node> = upstream.iter().collect();
        let downstream = graph.dependents(focus);
        let after: BTreeSet<&Node> = downstream.iter().chain([focus]).collect();
        let needs = |node: &Node| graph.needs(node).iter();
        let mut users: BTreeMap<&Node, Vec<&Node>> = BTreeMap::new();
        for user in before.union(&after) {
            for need in needs(user) {
                users.entry(need).or_default().push(user);
            }
        }
        let users = |node: &Node| users.get(node).into_iter().flatten().copied();

        // Layers by the longest way from the focus, so that every arrow goes one way. Upstream, a node comes after all
        // that it needs; so from the end on, those who need it are placed before it is.
        let mut layers: BTreeMap<&Node, i32> = BTreeMap::from([(focus, 0)]);
        for node in upstream.iter().rev().filter(|node| *node != focus) {
            let near = users(node).filter(|user| before.contains(user)).filter_map(|user| layers.get(user)).min();
            let layer = near.map_or(-1, |layer| layer - 1);
            layers.insert(node, layer);
        }
        for node in &downstream {
            let near = needs(node).filter(|need| after.contains(need)).filter_map(|need| layers.get(need)).max();
            let layer = near.map_or(1, |layer| layer + 1);
            layers.insert(node, layer);
        }

        let mut distance = distances(focus, |node| needs(node).collect());
        distance.extend(distances(focus, |node| users(node).filter(|user| after.contains(user)).collect()));
        let mut view = Self { boxes: Vec::new(), arrows: Vec::new() };
        let box_of = view.choose(focus, &layers, &distance);
        view.connect(graph, &box_of, [&before, &after]);
        view.reduce();
        view
    }

    /// Gives every node a box of its own or a share in one that stands for many.
    fn choose<'n>(
        &mut self,
        focus: &Node,
        layers: &BTreeMap<&'n Node, i32>,
        distance: &BTreeMap<&Node, usize>,
    ) -> BTreeMap<&'n Node, usize> {
        let mut by_layer: BTreeMap<i32, Vec<&Node>> = BTreeMap::new();
        for (node, layer) in layers {
            let far = if *layer < 0 { (*layer).max(-BEFORE - 1) } else { (*layer).min(AFTER + 1) };
            by_layer.entry(far).or_default().push(node);
        }
        let mut box_of = BTreeMap::new();
        for (layer, mut nodes) in by_layer {
            nodes.sort_by_key(|node| (distance.get(node).copied().unwrap_or(usize::MAX), *node));
            // A layer that would be alone behind the last one is shown as it is where it has one node.
            let far = !(-BEFORE..=AFTER).contains(&layer) && nodes.len() > 1;
            let steps = usize::try_from(layer.abs() - 1).unwrap_or_default();
            let room = if far { 0 } else { TALLEST[steps.min(TALLEST.len() - 1)] };
            let shown = if nodes.len() <= room + 1 { nodes.len() } else { room };
            for node in &nodes[..shown] {
                let shows =
                    if *node == focus { Shows::Focus((*node).clone()) } else { Shows::Definition((*node).clone()) };
                box_of.insert(*node, self.boxes.len());
                self.boxes.push(Box { shows, layer });
            }
            if shown < nodes.len() {
                box_of.extend(nodes[shown..].iter().map(|node| (*node, self.boxes.len())));
                self.boxes.push(Box { shows: Shows::More(nodes.len() - shown), layer });
            }
        }
        let known: BTreeMap<&Node, usize> = box_of;
        layers.keys().filter_map(|node| known.get(node).map(|index| (*node, *index))).collect()
    }

    fn connect(&mut self, graph: &Graph, box_of: &BTreeMap<&Node, usize>, sides: [&BTreeSet<&Node>; 2]) {
        let mut arrows = BTreeSet::new();
        for side in sides {
            for node in side {
                for need in graph.needs(node).iter().filter(|need| side.contains(need)) {
                    if let (Some(from), Some(to)) = (box_of.get(need), box_of.get(node))
                        && self.boxes[*from].layer < self.boxes[*to].layer
                    {
                        arrows.insert((*from, *to));
                    }
                }
            }
        }
        self.arrows = arrows.into_iter().collect();
    }

    /// Leaves out arrows that a longer way implies.
    fn reduce(&mut self) {
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); self.boxes.len()];
        for (from, to) in &self.arrows {
            next[*from].push(*to);
        }
        let reachable = |start: usize| {
            let mut seen = BTreeSet::from([start]);
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                open.extend(next[at].iter().filter(|to| seen.insert(**to)));
            }
            seen
        };
        let reach: Vec<BTreeSet<usize>> = (0..self.boxes.len()).map(reachable).collect();
        self.arrows.retain(|(from, to)| !next[*from].iter().any(|other| other != to && reach[*other].contains(to)));
    }
}

/// How many steps each definition is away from the focus: the nearest ones are shown first.
fn distances<'n>(focus: &'n Node, next: impl Fn(&'n Node) -> Vec<&'n Node>) -> BTreeMap<&'n Node, usize> {
    let mut distance = BTreeMap::from([(focus, 0)]);
    let mut open = VecDeque::from([focus]);
    while let Some(at) = open.pop_front() {
        let steps = distance.get(at).copied().unwrap_or_default() + 1;
        for other in next(at) {
            if !distance.contains_key(other) {
                distance.insert(other, steps);
                open.push_back(other);
            }
        }
    }
    distance
}
