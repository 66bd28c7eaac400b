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
