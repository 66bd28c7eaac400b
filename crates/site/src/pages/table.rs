//! A table: its query or its rows, and its columns with their origin.

use abmart_spec::model::{Column as ContractColumn, ForEach, Literal, Table, TableBody};
use indexmap::IndexMap;
use maud::{Markup, html};

use super::Content;
use super::source::checks;
use crate::atlas::{Atlas, Entry};
use crate::columns::Column;
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{codes, column_anchor, head, lineage_sections, origins, plain_sql, query, table};
use crate::words::{Words, english};

/// Rows of reference data that a page shows.
const ROWS: usize = 200;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let here = Here::Folder;
    let Some(of) = atlas.project.tables.get(&entry.key.name) else { return Content::default() };
    let mut sections = match &of.body {
        TableBody::Sql(sql) => vec![
            Section::new("query", Words::new("Query", "Requête"), query(atlas, sql, here)),
            Section::new("columns", Words::new("Columns", "Colonnes"), columns(atlas, &entry.key)),
        ],
        TableBody::Attribution { of, part } => vec![Section::new(
            "query",
            Words::new("Rows", "Lignes"),
            html! { p {
                (english(part.meaning())) ". "
                (Words::new("The attribution makes it: ", "L’attribution la produit : "))
                (named(atlas, &Key::new(Kind::Attribution, of), here)) "."
            } },
        )],
        TableBody::Rows { columns, rows, .. } => vec![
            Section::new("columns", Words::new("Columns", "Colonnes"), contract(atlas, columns)),
            Section::new("rows", Words::new("Rows", "Lignes"), reference(columns, rows)),
        ],
    };
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts(atlas, of)), sections)
}

fn facts(atlas: &Atlas<'_>, of: &Table) -> Vec<(Words, Markup)> {
    let columns = |columns: &[abmart_spec::model::Spanned<String>]| {
        html! { (codes(columns.iter().map(|column| column.value.as_str()))) }
    };
    let mut facts = Vec::new();
    if matches!(of.body, TableBody::Sql(_)) {
        let made = match of.for_each {
            ForEach::Run => Words::new("once a run", "une fois par exécution"),
            ForEach::Month => Words::new("anew for every month", "à nouveau pour chaque mois"),
            ForEach::Period => Words::new("anew for every period", "à nouveau pour chaque période"),
        };
        facts.push((Words::new("made", "calculée"), html! { (made) }));
    }
    if !of.during.is_empty() {
        facts.push((
            Words::new("of the month or period alone", "du mois ou de la période seulement"),
            columns(&of.during),
        ));
    }
    if !of.key.is_empty() {
        facts.push((Words::new("key", "clé"), columns(&of.key)));
    }
    if let Some(time) = &of.time {
        facts.push((Words::new("time", "temps"), codes([time.value.as_str()])));
    }
    if let Some(money) = &of.money {
        let converted = html! {
            (columns(&money.columns)) (Words::new(" from ", " depuis ")) code { (money.currency.value) }
            (Words::new(" at the rate of ", " au taux de ")) code { (money.on.value) }
        };
        facts.push((Words::new("converted", "converties"), converted));
    }
    if let Some(reconciles) = &of.reconciles {
        let with = atlas.relation(&reconciles.with.value);
        let agrees = html! {
            @if let Some(with) = with { (named(atlas, &with.key, Here::Folder)) }
            (Words::new(", sums of ", ", sommes de ")) (columns(&reconciles.columns))
            @if !reconciles.by.is_empty() { (Words::new(" by ", " par ")) (columns(&reconciles.by)) }
        };
        facts.push((Words::new("agrees with", "concorde avec"), agrees));
    }
    facts
}

fn columns(atlas: &Atlas<'_>, key: &Key) -> Markup {
    let relation = atlas.columns.of(key);
    let heads = [
        Words::new("column", "colonne"),
        Words::new("type", "type"),
        Words::new("made from", "origine"),
        Words::new("computed as", "calcul"),
    ];
    let rows = relation.columns.iter().map(|column| (Some(column_anchor(&column.name)), row(atlas, column)));
    table(&heads, &distinct(rows.collect()))
}

fn row(atlas: &Atlas<'_>, column: &Column) -> Vec<Markup> {
    vec![
        html! { code { (column.name) } },
        html! { (column.ty.unwrap_or_default()) },
        origins(atlas, &column.origins, Here::Folder),
        html! { @if let Some(expression) = &column.expression { (plain_sql(expression)) } },
    ]
}

/// Rows whose anchors are different: of columns with one name, which only a wildcard makes, the first one has it.
pub(super) fn distinct(rows: Vec<(Option<String>, Vec<Markup>)>) -> Vec<(Option<String>, Vec<Markup>)> {
    let mut seen = std::collections::BTreeSet::new();
    rows.into_iter().map(|(id, cells)| (id.filter(|id| seen.insert(id.clone())), cells)).collect()
}

fn contract(atlas: &Atlas<'_>, columns: &IndexMap<String, ContractColumn>) -> Markup {
    let heads = [
        Words::new("column", "colonne"),
        Words::new("type", "type"),
        Words::new("meaning", "signification"),
        Words::new("checks", "contrôles"),
    ];
    let rows = columns.values().map(|column| {
        let cells = vec![
            html! { code { (column.name) } },
            html! { (column.ty.name()) @if column.nullable { " " span.muted { (Words::new("or null", "ou null")) } } },
            english(&column.description),
            checks(atlas, column),
        ];
        (Some(column_anchor(&column.name)), cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn reference(columns: &IndexMap<String, ContractColumn>, rows: &[Vec<Literal>]) -> Markup {
    let heads: Vec<Words> = columns.keys().map(|name| Words::same(name.clone())).collect();
    let shown = rows.iter().take(ROWS).map(|row| (None, row.iter().map(|value| html! { (literal(value)) }).collect()));
    html! {
        @if rows.len() > ROWS {
            p { (Words::new(
                format!("The first {ROWS} of {} rows.", rows.len()),
                format!("Les {ROWS} premières lignes sur {}.", rows.len()),
            )) }
        }
        (table(&heads, &shown.collect::<Vec<_>>()))
    }
}

pub(super) fn literal(value: &Literal) -> String {
    match value {
        Literal::Null => String::new(),
        Literal::Boolean(flag) => flag.to_string(),
        Literal::Integer(number) => number.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::String(text) => text.clone(),
    }
}
