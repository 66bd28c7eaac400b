//! A mart: its columns, and how to read it.

use abmart_spec::model::{Mart, MartBody, MartColumn, MartFormat};
use maud::{Markup, html};

use super::Content;
use super::table::distinct;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named, titled};
use crate::parts::{
    codes, column_anchor, example, expression, grains, head, lineage_sections, origins, plain_sql, query, table,
};
use crate::words::{Words, english};

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(mart) = atlas.project.marts.get(&entry.key.name) else { return Content::default() };
    let mut sections = vec![
        Section::new("columns", Words::new("Columns", "Colonnes"), columns(atlas, mart, &entry.key)),
        Section::new(
            "read",
            Words::new("To read it with DuckDB", "Pour le lire avec DuckDB"),
            example(&example_of(atlas, mart)),
        ),
    ];
    if let MartBody::Sql(sql) = &mart.body {
        sections.push(Section::new("query", Words::new("Query", "Requête"), query(atlas, sql, Here::Folder)));
    }
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts(atlas, mart)), sections)
}

fn facts(atlas: &Atlas<'_>, mart: &Mart) -> Vec<(Words, Markup)> {
    let here = Here::Folder;
    let list =
        |columns: &[abmart_spec::model::Spanned<String>]| codes(columns.iter().map(|column| column.value.as_str()));
    let format = match mart.format {
        MartFormat::Parquet => Words::same("Parquet"),
        MartFormat::Delta => Words::new("Delta table", "table Delta"),
    };
    let mut facts = Vec::new();
    if let MartBody::From(from) = &mart.body {
        let known = atlas
            .relation(&from.value)
            .or_else(|| atlas.engine_table(&from.value))
            .filter(|entry| entry.key.name != mart.name);
        let from = match known {
            Some(entry) => named(atlas, &entry.key, here),
            None => html! { code { (from.value) } (Words::new(", which the engine makes", ", que le moteur produit")) },
        };
        facts.push((Words::new("publishes", "publie"), from));
    }
    facts.push((Words::new("key", "clé"), list(&mart.key)));
    let sort = if mart.sort.is_empty() { &mart.key } else { &mart.sort };
    facts.push((Words::new("sorted by", "trié par"), list(sort)));
    facts.push((Words::new("format", "format"), html! { (format) }));
    if !mart.grains.is_empty() {
        facts.push((Words::new("periods", "périodes"), html! { (grains(&mart.grains)) }));
    }
    if let Some(filter) = &mart.filter {
        facts.push((Words::new("rows where", "lignes où"), expression(atlas, filter, here)));
    }
    if let Some(audience) = &mart.audience {
        facts.push((Words::new("audience", "destinataires"), html! { (audience) }));
    }
    let pipelines = atlas.project.pipelines.keys();
    let publishing: Vec<&str> = pipelines
        .filter(|pipeline| atlas.project.marts_of(pipeline).any(|published| published.name == mart.name))
        .map(String::as_str)
        .collect();
    facts.push((Words::new("published by", "publié par"), codes(publishing)));
    facts
}

fn columns(atlas: &Atlas<'_>, mart: &Mart, key: &Key) -> Markup {
    let heads = [
        Words::new("column", "colonne"),
        Words::new("type", "type"),
        Words::new("unit", "unité"),
        Words::new("meaning", "signification"),
        Words::new("made from", "origine"),
    ];
    let relation = atlas.columns.of(key);
    // The query's columns in their order, then what is documented of a table whose columns only the engine knows.
    let mut names: Vec<&str> = relation.columns.iter().map(|column| column.name.as_str()).collect();
    for name in mart.columns.keys() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut rows: Vec<(Option<String>, Vec<Markup>)> = names
        .into_iter()
        .map(|name| {
            let known = relation.column(name);
            let documented = mart.columns.get(name);
            let cells = vec![
                html! { code { (name) } @if mart.key.iter().any(|key| key.value == name) { " " span.tag { (Words::new("key", "clé")) } } },
                ty(known.and_then(|column| column.ty), documented),
                html! { (documented.and_then(|column| column.unit.as_deref()).unwrap_or_default()) },
                html! { @if let Some(column) = documented { (english(&column.description)) } },
                html! {
                    @if let Some(column) = known {
                        (origins(atlas, &column.origins, Here::Folder))
                        @if let Some(sql) = &column.expression { @if !column.origins.is_empty() { br; } (plain_sql(sql)) }
                    }
                },
            ];
            (Some(column_anchor(name)), cells)
        })
        .collect();
    if matches!(&mart.body, MartBody::From(table) if table.value == "kpi_wide") {
        rows.extend(kpi_columns(atlas));
    }
    table(&heads, &distinct(rows))
}

/// The columns of `kpi_wide`: one for each published KPI.
fn kpi_columns(atlas: &Atlas<'_>) -> impl Iterator<Item = (Option<String>, Vec<Markup>)> {
    let published = atlas.project.kpis.values().filter(|kpi| kpi.published);
    published.map(|kpi| {
        let key = Key::new(Kind::Kpi, &kpi.name);
        let cells = vec![
            html! { code { (kpi.name) } },
            html! { "number" },
            html! { (kpi.unit.name()) },
            html! { @if let Some(entry) = atlas.entry(&key) { (titled(entry, Here::Folder)) } },
            named(atlas, &key, Here::Folder),
        ];
        (Some(column_anchor(&kpi.name)), cells)
    })
}

fn ty(known: Option<&str>, documented: Option<&MartColumn>) -> Markup {
    html! {
        (known.unwrap_or_default())
        @if documented.is_some_and(|column| column.not_null) {
            " " span.muted { (Words::new("never null", "jamais null")) }
        }
    }
}

/// A query that reads the mart, from the folder of the project.
fn example_of(atlas: &Atlas<'_>, mart: &Mart) -> String {
    if matches!(&mart.body, MartBody::From(table) if table.value == "kpi_values")
        && let Some(kpi) = atlas.project.kpis.values().find(|kpi| kpi.published)
    {
        return example_of_kpi(atlas, &mart.name, &kpi.name);
    }
    let order: Vec<String> = mart.key.iter().map(|column| quoted(&column.value)).collect();
    let order = if order.is_empty() { String::new() } else { format!("order by {}\n", order.join(", ")) };
    format!("select *\nfrom {}\n{order}limit 20", place(atlas, mart))
}

/// A query that reads the months of one KPI, not cut by anything.
pub(super) fn example_of_kpi(atlas: &Atlas<'_>, mart: &str, kpi: &str) -> String {
    let place = atlas.project.marts.get(mart).map(|mart| place(atlas, mart)).unwrap_or_default();
    format!(
        "select period_start, partial, value, prior_value, target, status\nfrom {place}\nwhere kpi = {} and period_grain = 'month' and cut = 'all'\norder by period_start",
        text(kpi),
    )
}

fn place(atlas: &Atlas<'_>, mart: &Mart) -> String {
    let store = without_secrets(&atlas.project.stores.marts.url.value);
    let folder = format!("{}/{}", store.trim_end_matches('/'), mart.name);
    match mart.format {
        MartFormat::Parquet => format!("read_parquet({})", text(&format!("{folder}/**/*.parquet"))),
        MartFormat::Delta => format!("delta_scan({})", text(&folder)),
    }
}

/// A location without the password or signature that a URL may carry.
fn without_secrets(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return location.to_owned() };
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    let place = match place.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => host,
        _ => place,
    };
    format!("{scheme}://{place}")
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn quoted(name: &str) -> String {
    let plain =
        name.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
