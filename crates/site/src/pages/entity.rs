//! An entity.

use maud::html;

use super::Content;
use super::table::distinct;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{codes, column_anchor, head, lineage_sections, origins, table};
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let here = Here::Folder;
    let Some(entity) = atlas.project.entities.get(&entry.key.name) else { return Content::default() };
    let mut facts = vec![(Words::new("key", "clé"), codes([entity.key.as_str()]))];
    if let Some(snapshot) = &entity.snapshot {
        let members = named(atlas, &Key::new(Kind::Source, &snapshot.value), here);
        facts.push((Words::new("members listed in", "membres listés dans"), members));
    }
    if let Some(parent) = &entity.parent {
        facts.push((
            Words::new("belongs to", "appartient à"),
            named(atlas, &Key::new(Kind::Entity, &parent.value), here),
        ));
    }
    if !entity.dimensions.is_empty() {
        let dimensions = codes(entity.dimensions.iter().map(|dimension| dimension.value.as_str()));
        facts.push((Words::new("dimensions", "dimensions"), dimensions));
    }
    let relation = atlas.columns.of(&entry.key);
    let heads = [Words::new("column", "colonne"), Words::new("type", "type"), Words::new("made from", "origine")];
    let rows = relation.columns.iter().map(|column| {
        let cells = vec![
            html! { code { (column.name) } },
            html! { (column.ty.unwrap_or_default()) },
            origins(atlas, &column.origins, here),
        ];
        (Some(column_anchor(&column.name)), cells)
    });
    let content = html! {
        p { (Words::new(
            "What marts and alerts read by the entity’s name: a row for every member and period.",
            "Ce que les marts et les alertes lisent sous le nom de l’entité : une ligne par membre et par période.",
        )) }
        (table(&heads, &distinct(rows.collect())))
    };
    let mut sections = lineage_sections(atlas, &entry.key);
    sections.insert(0, Section::new("columns", Words::new("Columns", "Colonnes"), content));
    (head(atlas, entry, &facts), sections)
}
