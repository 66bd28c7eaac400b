//! What the search in the browser looks through, as a script, since a page from a disk can load nothing else.

use serde::Serialize;

use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::parts::{column_anchor, measure_anchor};

/// A definition as the search knows it; the names are short because there are many.
#[derive(Serialize)]
struct Record<'a> {
    /// Its kind.
    k: &'static str,
    /// Its name.
    n: &'a str,
    /// Its page.
    u: &'a str,
    /// English title.
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<&'a str>,
    /// French title.
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<&'a str>,
    /// Description.
    #[serde(skip_serializing_if = "str::is_empty")]
    d: &'a str,
    /// Its columns or measures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    c: Vec<String>,
    /// What the anchors of these begin with.
    #[serde(skip_serializing_if = "str::is_empty")]
    a: &'static str,
}

#[derive(Serialize)]
struct Noun<'a> {
    en: &'a str,
    fr: &'a str,
}

/// The script that sets the index.
pub(crate) fn script(atlas: &Atlas<'_>) -> String {
    let records: Vec<Record<'_>> = atlas.entries().map(|entry| record(atlas, entry)).collect();
    let nouns: Vec<(Kind, crate::words::Words)> = Kind::ALL.iter().map(|kind| (*kind, kind.noun())).collect();
    let kinds: indexmap::IndexMap<&str, Noun<'_>> =
        nouns.iter().map(|(kind, noun)| (kind.word(), Noun { en: &noun.en, fr: &noun.fr })).collect();
    // Strings alone: there is nothing that JSON could refuse.
    let records = serde_json::to_string(&records).unwrap_or_default();
    let kinds = serde_json::to_string(&kinds).unwrap_or_default();
    format!("window.abmartSearch = {{\"kinds\": {kinds}, \"records\": {records}}};\n")
}

fn record<'a>(atlas: &Atlas<'a>, entry: &'a Entry<'a>) -> Record<'a> {
    let (columns, anchor) = columns(atlas, &entry.key);
    Record {
        k: entry.key.kind.word(),
        n: &entry.key.name,
        u: &entry.path,
        e: entry.title.map(|title| title.en.as_str()),
        f: entry.title.map(|title| title.fr.as_str()).filter(|fr| entry.title.is_none_or(|title| title.en != *fr)),
        d: entry.description.trim(),
        c: columns,
        a: anchor,
    }
}

/// Names of columns or measures whose anchors are their names, with what the anchors begin with.
fn columns(atlas: &Atlas<'_>, key: &Key) -> (Vec<String>, &'static str) {
    let project = atlas.project;
    let (names, prefix): (Vec<String>, &'static str) = match key.kind {
        Kind::Fact | Kind::Score => {
            (abmart_spec::formula::measures(project, &key.name).unwrap_or_default(), "measure-")
        }
        Kind::Mart => {
            let relation = atlas.columns.of(key);
            let mut names: Vec<String> = relation.columns.iter().map(|column| column.name.clone()).collect();
            let documented = project.marts.get(&key.name).into_iter().flat_map(|mart| mart.columns.keys());
            names.extend(documented.filter(|name| relation.column(name).is_none()).cloned());
            (names, "column-")
        }
        // The columns of an entity are measures of facts, which are found by themselves.
        Kind::Source | Kind::Rollup | Kind::Table => {
            (atlas.columns.of(key).columns.iter().map(|column| column.name.clone()).collect(), "column-")
        }
        _ => (Vec::new(), ""),
    };
    let address = if prefix == "measure-" { measure_anchor } else { column_anchor };
    let names: Vec<String> = names.into_iter().filter(|name| address(name) == format!("{prefix}{name}")).collect();
    let prefix = if names.is_empty() { "" } else { prefix };
    (names, prefix)
}
