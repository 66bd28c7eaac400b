//! A KPI: what it means, how it is computed, where it is shown.

mod benchmark;
mod formula;
mod shown;

use abmart_spec::model::{Better, Kpi, Unit};
use maud::{Markup, html};

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section};
use crate::parts::{self, codes, head};
use crate::relatives;
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(kpi) = atlas.project.kpis.get(&entry.key.name) else { return Content::default() };
    let mut sections = vec![Section::new("formula", Words::new("Formula", "Formule"), formula::formulas(atlas, kpi))];
    if let Some(limits) = benchmark::benchmarks(atlas, kpi) {
        sections.push(Section::new("benchmarks", Words::new("Benchmarks", "Références"), limits));
    }
    sections.push(Section::new("shown", Words::new("Where it is shown", "Où il est montré"), shown::shown(atlas, kpi)));
    let history = match atlas.changes_of(&kpi.name) {
        None => super::changes::absent(),
        Some(changes) => super::changes::log(atlas, &changes, Here::Folder, false),
    };
    sections.extend(relatives::sections(atlas, &entry.key));
    sections.push(Section::new(
        "history",
        Words::new("History of the definition", "Historique de la définition"),
        history,
    ));
    (head(atlas, entry, &facts(atlas, kpi)), sections)
}

fn facts(atlas: &Atlas<'_>, kpi: &Kpi) -> Vec<(Words, Markup)> {
    let direction = match kpi.better {
        Better::Higher => Words::new("higher is better", "la hausse est favorable"),
        Better::Lower => Words::new("lower is better", "la baisse est favorable"),
    };
    let scope = if kpi.core {
        html! { (Words::new("core: holds everywhere", "central : valable partout")) }
    } else {
        let places: Vec<String> = kpi.scope.iter().map(|(dimension, value)| format!("{dimension} = {value}")).collect();
        html! { (Words::new("local: ", "local : ")) (codes(places.iter().map(String::as_str))) }
    };
    let mut facts = vec![
        (Words::new("unit", "unité"), html! { (unit(kpi.unit)) }),
        (Words::new("direction", "sens"), html! { (direction) }),
        (Words::new("read by", "lecteurs"), html! { (levels(&kpi.level)) }),
        (Words::new("reviewed", "revue"), html! { (cadence(&kpi.cadence)) }),
        (Words::new("version", "version"), html! { (kpi.version) }),
        (Words::new("scope", "portée"), scope),
        (Words::new("programme styles", "styles de programme"), codes(kpi.styles.iter().map(String::as_str))),
        (Words::new("periods", "périodes"), html! { (periods(atlas, kpi)) }),
        (Words::new("cuts", "coupes"), cuts(kpi)),
    ];
    if let Some(definition) = atlas.definition(&kpi.name) {
        facts.push((Words::new("definition", "définition"), html! { code { (definition) } }));
    }
    facts
}

/// The grains that it exists at: named by it, or limited by the facts that it is made of.
fn periods(atlas: &Atlas<'_>, kpi: &Kpi) -> Words {
    if !kpi.grains.is_empty() {
        return parts::grains(&kpi.grains);
    }
    let upstream = atlas.upstream(&Key::new(Kind::Kpi, &kpi.name));
    let facts =
        upstream.iter().filter(|key| key.kind == Kind::Fact).filter_map(|key| atlas.project.facts.get(&key.name));
    match facts.filter_map(|fact| fact.grain).max() {
        Some(finest) => {
            let finest = parts::grain(finest);
            Words::new(format!("{} and longer", finest.en), format!("{} et plus long", finest.fr))
        }
        None => Words::new("all", "toutes"),
    }
}

fn cuts(kpi: &Kpi) -> Markup {
    html! {
        @if kpi.cuts.is_empty() { (Words::new("all dimensions", "toutes les dimensions")) }
        @else { (codes(kpi.cuts.iter().map(|dimension| dimension.value.as_str()))) }
        @if let Some(compared) = &kpi.compares {
            (Words::new(", but not ", ", sauf ")) code { (compared.value) }
            (Words::new(", whose values it compares", ", dont il compare les valeurs"))
        }
    }
}

pub(super) fn unit(unit: Unit) -> Words {
    match unit {
        Unit::Count => Words::new("count", "nombre"),
        Unit::Money => Words::new("money", "montant"),
        Unit::Percent => Words::new("percent, stored as a fraction", "pourcentage, enregistré comme fraction"),
        Unit::Ratio => Words::new("ratio", "ratio"),
        Unit::Score => Words::new("score", "score"),
        Unit::Days => Words::new("days", "jours"),
        Unit::Hours => Words::new("hours", "heures"),
        Unit::Seconds => Words::new("seconds", "secondes"),
    }
}

pub(super) fn cadence(cadence: &str) -> Words {
    match cadence {
        "weekly" => Words::new("weekly", "hebdomadaire"),
        "monthly" => Words::new("monthly", "mensuelle"),
        "quarterly" => Words::new("quarterly", "trimestrielle"),
        other => Words::same(other),
    }
}

pub(super) fn levels(levels: &[String]) -> Words {
    let french = levels.iter().map(|level| match level.as_str() {
        "executive" => "direction",
        "regional" => "régions",
        "operational" => "opérations",
        other => other,
    });
    Words::new(levels.join(", "), french.collect::<Vec<_>>().join(", "))
}
