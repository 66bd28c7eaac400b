//! One file a kind of page.

mod alert;
mod attribution;
mod changes;
mod entity;
mod fact;
mod home;
mod job;
mod kpi;
mod list;
mod mart;
mod rollup;
mod score;
mod source;
mod table;

use crate::atlas::{Atlas, Entry};
use crate::key::Kind;
use crate::page::{Page, Section};
use crate::words::Words;

/// All pages of the site.
pub(crate) fn all(atlas: &Atlas<'_>) -> Vec<Page> {
    let mut pages = vec![home::page(atlas), changes::page(atlas)];
    let kinds = Kind::ALL.iter().filter(|kind| atlas.of_kind(**kind).next().is_some());
    pages.extend(kinds.map(|kind| list::page(atlas, *kind)));
    pages.extend(atlas.entries().map(|entry| definition(atlas, entry)));
    pages
}

fn definition(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Page {
    let page = match entry.key.kind {
        Kind::Job => job::page,
        Kind::Kpi => kpi::page,
        Kind::Mart => mart::page,
        Kind::Alert => alert::page,
        Kind::Fact => fact::page,
        Kind::Score => score::page,
        Kind::Attribution => attribution::page,
        Kind::Entity => entity::page,
        Kind::Table => table::page,
        Kind::Rollup => rollup::page,
        Kind::Source => source::page,
    };
    let (lead, sections) = page(atlas, entry);
    let title = entry.title.map_or_else(|| Words::same(entry.key.name.clone()), Words::from);
    Page { path: entry.path.clone(), title, kind: Some(entry.key.kind), lead, sections }
}

/// What the page of a definition holds.
type Content = (maud::Markup, Vec<Section>);
