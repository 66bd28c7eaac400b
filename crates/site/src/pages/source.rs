//! A source with its contract.

use abmart_spec::model::{Check, Column, Severity, Source, SourceKind};
use maud::{Markup, html};

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{codes, column_anchor, head, lineage_sections, table, window};
use crate::words::{Words, english};

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(source) = atlas.project.sources.get(&entry.key.name) else { return Content::default() };
    let kind = match source.kind {
        SourceKind::Snapshot => Words::new("snapshot: a full copy a day", "instantané : une copie complète par jour"),
        SourceKind::Events => Words::new("events in partitions by date", "événements en partitions par date"),
    };
    let mut facts = vec![
        (Words::new("kind", "type"), html! { (kind) }),
        (Words::new("files", "fichiers"), html! { code { (source.path.value) } }),
        (Words::new("key", "clé"), key(source)),
    ];
    if let Some(time) = &source.time {
        facts.push((Words::new("time", "temps"), codes([time.value.as_str()])));
    }
    if let Some(age) = source.freshness {
        let age = window(age);
        let words = Words::new(format!("at most {} old", age.en), format!("au plus {}", age.fr));
        facts.push((
            Words::new("freshness", "fraîcheur"),
            html! { (words) " " (severity(source.severity(Check::Freshness))) },
        ));
    }
    if let Some(rows) = row_count(source) {
        facts.push((Words::new("rows", "lignes"), rows));
    }
    let optional = if source.optional {
        Words::new("no: absent means empty", "non : absente vaut vide")
    } else {
        Words::new("yes", "oui")
    };
    facts.push((Words::new("required", "obligatoire"), html! { (optional) }));
    let contract = Section::new("columns", Words::new("Contract", "Contrat"), columns(atlas, source));
    let mut sections = vec![contract];
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts), sections)
}

fn key(source: &Source) -> Markup {
    if source.key.is_empty() {
        return html! { (Words::new("none: rows may repeat", "aucune : des lignes peuvent se répéter")) };
    }
    html! { (codes(source.key.iter().map(|column| column.value.as_str()))) " " (severity(source.severity(Check::Unique))) }
}

fn row_count(source: &Source) -> Option<Markup> {
    let count = source.row_count.as_ref()?;
    let least = count.min.map(|min| Words::new(format!("at least {min}"), format!("au moins {min}")));
    let most = count.max.map(|max| Words::new(format!("at most {max}"), format!("au plus {max}")));
    let drift = count.drift.map(|drift| {
        let percent = drift * 100.0;
        Words::new(
            format!("within {percent} % of the published day before"),
            format!("à {percent} % près du jour publié précédent"),
        )
    });
    let limits: Vec<Words> = [least, most, drift].into_iter().flatten().collect();
    Some(html! {
        @for (index, limit) in limits.iter().enumerate() {
            @if index > 0 { ", " }
            (limit)
        }
        " " (severity(source.severity(Check::RowCount)))
    })
}

fn columns(atlas: &Atlas<'_>, source: &Source) -> Markup {
    let heads = [
        Words::new("column", "colonne"),
        Words::new("type", "type"),
        Words::new("meaning", "signification"),
        Words::new("checks", "contrôles"),
    ];
    let rows = source.columns.values().map(|column| {
        let is_key = source.key.iter().any(|key| key.value == column.name);
        let cells = vec![
            html! { code { (column.name) } @if is_key { " " span.tag { (Words::new("key", "clé")) } } },
            html! { (column.ty.name()) @if column.nullable { " " span.muted { (Words::new("or null", "ou null")) } } },
            html! {
                (english(&column.description))
                @if let Some(since) = &column.since {
                    " " (Words::new(format!("Since {}.", since.value), format!("Depuis le {}.", since.value)))
                }
            },
            checks(atlas, column),
        ];
        (Some(column_anchor(&column.name)), cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

pub(super) fn checks(atlas: &Atlas<'_>, column: &Column) -> Markup {
    let line = |check: Check, what: Markup| html! { li { (what) " " (severity(column.severity(check))) } };
    html! {
        ul.checks {
            @if !column.nullable { (line(Check::NotNull, html! { (Words::new("never null", "jamais null")) })) }
            @if !column.values.is_empty() {
                (line(Check::AcceptedValues, html! {
                    (Words::new("one of ", "parmi ")) (codes(column.values.iter().map(String::as_str)))
                }))
            }
            @if let Some(range) = range(column.min, column.max) { (line(Check::Range, html! { (range) })) }
            @if let Some(referred) = &column.references {
                (line(Check::References, html! {
                    (Words::new("refers to ", "renvoie à ")) (named(atlas, &Key::new(Kind::Source, &referred.value), Here::Folder))
                }))
            }
        }
    }
}

fn range(min: Option<f64>, max: Option<f64>) -> Option<Words> {
    match (min, max) {
        (Some(min), Some(max)) => Some(Words::new(format!("{min} to {max}"), format!("de {min} à {max}"))),
        (Some(min), None) => Some(Words::new(format!("at least {min}"), format!("au moins {min}"))),
        (None, Some(max)) => Some(Words::new(format!("at most {max}"), format!("au plus {max}"))),
        (None, None) => None,
    }
}

/// What a broken check does, in a word; the sentence is its tooltip.
fn severity(severity: Severity) -> Markup {
    let words = match severity {
        Severity::Warn => Words::new("else reported", "sinon signalé"),
        Severity::Quarantine => Words::new("else set aside", "sinon mis à l’écart"),
        Severity::Fail => Words::new("else the run stops", "sinon l’exécution s’arrête"),
    };
    html! { span class=(format!("severity {}", severity.name())) { (words) } }
}
