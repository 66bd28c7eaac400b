//! A rollup.

use maud::html;

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{column_anchor, expression, head, lineage_sections, origins, table};
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let here = Here::Folder;
    let Some(rollup) = atlas.project.rollups.get(&entry.key.name) else { return Content::default() };
    let mut facts =
        vec![(Words::new("reduces", "réduit"), named(atlas, &Key::new(Kind::Source, &rollup.from.value), here))];
    if let Some(filter) = &rollup.filter {
        facts.push((Words::new("rows where", "lignes où"), expression(atlas, filter, here)));
    }
    let heads = [
        Words::new("column", "colonne"),
        Words::new("role", "rôle"),
        Words::new("type", "type"),
        Words::new("expression", "expression"),
        Words::new("from", "origine"),
    ];
    let relation = atlas.columns.of(&entry.key);
    let groups = rollup.by.iter().map(|column| (column, Words::new("group", "groupe")));
    let measures = rollup.measures.iter().map(|column| (column, Words::new("measure", "mesure")));
    let rows = groups.chain(measures).map(|((name, sql), role)| {
        let column = relation.column(name);
        let cells = vec![
            html! { code { (name) } },
            html! { (role) },
            html! { (column.and_then(|column| column.ty).unwrap_or_default()) },
            expression(atlas, sql, here),
            html! { @if let Some(column) = column { (origins(atlas, &column.origins, here)) } },
        ];
        (Some(column_anchor(name)), cells)
    });
    let content = table(&heads, &rows.collect::<Vec<_>>());
    let mut sections = vec![Section::new("columns", Words::new("Columns", "Colonnes"), content)];
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts), sections)
}
