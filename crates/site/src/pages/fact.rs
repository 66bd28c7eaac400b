//! A fact with its measures.

use abmart_spec::model::{Fact, FactInput, FactKind};
use maud::{Markup, html};

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{codes, expression, grain, head, lineage_sections, measure_anchor, table, window};
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(fact) = atlas.project.facts.get(&entry.key.name) else { return Content::default() };
    let mut sections = vec![Section::new("measures", Words::new("Measures", "Mesures"), measures(atlas, fact))];
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts(atlas, fact)), sections)
}

fn facts(atlas: &Atlas<'_>, fact: &Fact) -> Vec<(Words, Markup)> {
    let here = Here::Folder;
    let from = match &fact.from {
        FactInput::Table(table) => match atlas.relation(&table.value) {
            Some(entry) => named(atlas, &entry.key, here),
            None => html! { code { (table.value) } },
        },
        FactInput::Entity(entity) => html! {
            (Words::new("facts of ", "faits de ")) (named(atlas, &Key::new(Kind::Entity, &entity.value), here))
            (Words::new(", summed up", ", additionnés"))
        },
    };
    let counts = match &fact.kind {
        FactKind::Flow => html! { (Words::new("what happens in the period", "ce qui arrive dans la période")) },
        FactKind::Stock { from, to } => html! {
            (Words::new("what is alive at the period’s end: from ", "ce qui existe à la fin de la période : de "))
            code { (from.value) } (Words::new(" to ", " à ")) code { (to.value) }
        },
        FactKind::Trailing(span) => {
            let span = window(*span);
            html! { (Words::new(format!("the last {} up to the period’s end", span.en), format!("les derniers {} jusqu’à la fin de la période", span.fr))) }
        }
        FactKind::State => {
            html! { (Words::new("each member as it was at the period’s end", "chaque membre tel qu’à la fin de la période")) }
        }
    };
    let mut facts = vec![
        (Words::new("per", "par"), named(atlas, &Key::new(Kind::Entity, &fact.per.value), here)),
        (Words::new("from", "à partir de"), from),
        (Words::new("counts", "compte"), counts),
    ];
    if let Some(time) = &fact.time {
        facts.push((Words::new("time", "temps"), codes([time.value.as_str()])));
    }
    if let Some(filter) = &fact.filter {
        facts.push((Words::new("rows where", "lignes où"), expression(atlas, filter, here)));
    }
    if let Some(keep) = &fact.keep_last {
        let last = html! {
            (Words::new("the last by ", "la dernière selon ")) code { (keep.order.value) }
            (Words::new(" of each ", " pour chaque ")) (codes(keep.by.iter().map(|column| column.value.as_str())))
        };
        facts.push((Words::new("rows kept", "lignes gardées"), last));
    }
    if let Some(finest) = fact.grain {
        facts.push((Words::new("finest period", "période la plus fine"), html! { (grain(finest)) }));
    }
    if !fact.dimensions.is_empty() {
        let columns: Vec<String> =
            fact.dimensions.iter().map(|(name, column)| format!("{name}: {}", column.value)).collect();
        let words = Words::new("dimensions of rows without a member", "dimensions des lignes sans membre");
        facts.push((words, codes(columns.iter().map(String::as_str))));
    }
    facts
}

fn measures(atlas: &Atlas<'_>, fact: &Fact) -> Markup {
    let here = Here::Folder;
    let heads = [
        Words::new("measure", "mesure"),
        Words::new("type", "type"),
        Words::new("expression", "expression"),
        Words::new("KPIs", "KPI"),
    ];
    let types = atlas.columns.measure_types(fact);
    let rows = fact.measures.iter().zip(types).map(|((name, sql), ty)| {
        let cells = vec![
            html! { code { (name) } },
            html! { (ty.unwrap_or_default()) },
            expression(atlas, sql, here),
            kpis(atlas, &fact.name, name),
        ];
        (Some(measure_anchor(name)), cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

/// The KPIs whose formulas name a measure, as links.
pub(super) fn kpis(atlas: &Atlas<'_>, fact: &str, measure: &str) -> Markup {
    html! {
        @for (index, kpi) in atlas.kpis_of(fact, measure).enumerate() {
            @if index > 0 { ", " }
            (named(atlas, &kpi, Here::Folder))
        }
    }
}
