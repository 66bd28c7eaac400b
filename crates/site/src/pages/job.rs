//! A job.

use maud::html;

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::Kind;
use crate::page::{Here, Section, titled};
use crate::parts::{codes, head, table};
use crate::words::{Words, english};

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let pack = atlas.project.jobs.get(&entry.key.name).and_then(|job| job.pack.as_ref());
    let mut facts = Vec::new();
    if let Some(pack) = pack {
        facts.push((
            Words::new("local pack, names begin with", "pack local, préfixe des noms"),
            codes([pack.prefix.value.as_str()]),
        ));
        let scope = pack.scope.iter().map(|(dimension, value)| format!("{dimension} = {}", value.value));
        let scope: Vec<String> = scope.collect();
        facts.push((Words::new("holds for", "valable pour"), codes(scope.iter().map(String::as_str))));
    }
    let sections = Kind::ALL.iter().filter_map(|kind| section(atlas, entry, *kind)).collect();
    (head(atlas, entry, &facts), sections)
}

fn section(atlas: &Atlas<'_>, job: &Entry<'_>, kind: Kind) -> Option<Section> {
    let of_kind = atlas.in_job(&job.key.name).filter(|entry| entry.key.kind == kind);
    let titles = matches!(kind, Kind::Kpi | Kind::Alert);
    let rows: Vec<_> = of_kind
        .map(|entry| {
            let name = html! { (titled(entry, Here::Folder)) @if titles { br; code { (entry.key.name) } } };
            (None, vec![name, english(entry.description)])
        })
        .collect();
    let heads = [kind.noun(), Words::new("meaning", "signification")];
    (!rows.is_empty()).then(|| Section::new(kind.word(), kind.plural(), table(&heads, &rows)))
}
