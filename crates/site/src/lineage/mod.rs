//! The lineage picture of a definition: what it is made from to its left, what is made from it to its right.
//!
//! ```text
//! graph ──view──▶ boxes in layers, arrows ──layout──▶ places ──draw──▶ SVG
//! ```

mod draw;
mod layout;
mod view;

use maud::Markup;

use crate::atlas::Atlas;
use crate::key::Key;
use crate::page::Here;

/// The picture of a definition; `None` where it needs nothing and nothing needs it.
pub(crate) fn picture(atlas: &Atlas<'_>, key: &Key, here: Here) -> Option<Markup> {
    let view = view::View::of(atlas.graph(), &key.node()?);
    if view.boxes.len() < 2 {
        return None;
    }
    let picture = layout::layout(&view);
    Some(draw::svg(atlas, &view, &picture, here))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]
    use std::collections::BTreeSet;
    use std::path::Path;

    use abmart_spec::{Graph, Node, Project};

    use super::layout::{HEIGHT, WIDTH, layout};
    use super::view::{Shows, View};

    fn shipped() -> Project {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        abmart_spec::load(&root, &std::collections::BTreeMap::new(), &|_| None).expect("the shipped project").0
    }

    fn views(graph: &Graph) -> impl Iterator<Item = (&Node, View)> {
        graph.order().iter().map(|node| (node, View::of(graph, node)))
    }

    #[test]
    fn a_picture_accounts_for_all_that_a_definition_needs_and_that_needs_it() {
        let graph = shipped().graph();
        for (node, view) in views(&graph) {
            let shown: usize =
                view.boxes.iter().map(|shown| if let Shows::More(count) = shown.shows { count } else { 1 }).sum();
            let all = graph.closure([node.clone()]).len() + graph.dependents(node).len();
            assert_eq!(shown, all, "{node:?}");
        }
    }

    #[test]
    fn arrows_lead_to_later_layers_and_none_says_what_a_longer_way_says() {
        let graph = shipped().graph();
        for (node, view) in views(&graph) {
            let arrows: BTreeSet<(usize, usize)> = view.arrows.iter().copied().collect();
            for (from, to) in &arrows {
                assert!(view.boxes[*from].layer < view.boxes[*to].layer, "{node:?}");
                let through = |other: usize| arrows.contains(&(*from, other)) && arrows.contains(&(other, *to));
                assert!(!(0..view.boxes.len()).any(through), "{node:?}");
            }
        }
    }

    #[test]
    fn no_box_covers_another_and_none_is_cut_off() {
        let graph = shipped().graph();
        for (node, view) in views(&graph) {
            let picture = layout(&view);
            for (index, (x, y)) in picture.places.iter().enumerate() {
                assert!(*x >= 0.0 && x + WIDTH <= picture.width, "{node:?}: {x} in {}", picture.width);
                assert!(*y >= 0.0 && y + HEIGHT <= picture.height, "{node:?}: {y} in {}", picture.height);
                for (other_x, other_y) in &picture.places[..index] {
                    let apart = (x - other_x).abs() >= WIDTH || (y - other_y).abs() >= HEIGHT;
                    assert!(apart, "{node:?}: ({x}, {y}) and ({other_x}, {other_y})");
                }
            }
        }
    }
}
