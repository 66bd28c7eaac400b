//! The log of definitions: what explains a break in a series.

use abmart_spec::Change;
use maud::{Markup, html};

use crate::atlas::Atlas;
use crate::code::formula_inline;
use crate::key::{Key, Kind};
use crate::page::{Here, Page, Section, named};
use crate::parts::table;
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>) -> Page {
    let lead = html! {
        p.path { a href="index.html" { (atlas.project.name) } }
        h1 { (Words::new("Changes of definitions", "Changements de définitions")) }
        p.lead { (Words::new(
            "When KPIs came, went and changed their meaning, as the published log tells it.",
            "Quand des KPI sont apparus, ont disparu ou ont changé de sens, d’après le journal publié.",
        )) }
    };
    let content = match &atlas.extras.changes {
        None => absent(),
        Some(changes) => {
            let mut newest: Vec<&Change> = changes.iter().collect();
            newest.sort_by(|left, right| right.on.cmp(&left.on).then_with(|| left.kpi.cmp(&right.kpi)));
            log(atlas, &newest, Here::Top, true)
        }
    };
    let sections = vec![Section::new("log", Words::new("The log", "Le journal"), content)];
    Page {
        path: "changes.html".to_owned(),
        title: Words::new("Changes of definitions", "Changements de définitions"),
        kind: None,
        lead,
        sections,
    }
}

pub(super) fn absent() -> Markup {
    html! { p { (Words::new(
        "No log of definitions is known: it begins with the first run that publishes the mart kpi_changes.",
        "Aucun journal des définitions n’est connu : il commence avec la première exécution qui publie le mart kpi_changes.",
    )) } }
}

/// Entries of the log, with the KPI where they are about several.
pub(super) fn log(atlas: &Atlas<'_>, changes: &[&Change], here: Here, of_all: bool) -> Markup {
    if changes.is_empty() {
        return html! { p { (Words::new("The log has no entry.", "Le journal n’a aucune entrée.")) } };
    }
    let mut heads = vec![Words::new("day", "jour")];
    if of_all {
        heads.push(Words::same("KPI"));
    }
    heads.extend([
        Words::new("change", "changement"),
        Words::new("version", "version"),
        Words::new("formula", "formule"),
        Words::new("definition", "définition"),
    ]);
    let rows = changes.iter().map(|change| {
        let mut cells = vec![html! { span.nowrap { (change.on) } }];
        if of_all {
            cells.push(named(atlas, &Key::new(Kind::Kpi, &change.kpi), here));
        }
        cells.extend([
            html! { (kind(&change.change)) },
            html! { (version(change)) },
            formulas(atlas, change, here),
            html! { @if let Some(definition) = &change.definition { code { (definition) } } },
        ]);
        (None, cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn kind(change: &str) -> Words {
    match change {
        "added" => Words::new("added", "ajouté"),
        "removed" => Words::new("removed", "supprimé"),
        "redefined" => Words::new("redefined", "redéfini"),
        "version" => Words::new("new version", "nouvelle version"),
        other => Words::same(other),
    }
}

fn version(change: &Change) -> String {
    match (change.version_before, change.version) {
        (Some(before), Some(since)) if before != since => format!("{before} → {since}"),
        (_, Some(since)) => since.to_string(),
        (Some(before), None) => before.to_string(),
        (None, None) => String::new(),
    }
}

fn formulas(atlas: &Atlas<'_>, change: &Change, here: Here) -> Markup {
    html! {
        @if let Some(before) = change.formula_before.as_ref().filter(|before| Some(*before) != change.formula.as_ref()) {
            del { (formula_inline(atlas, before, here)) } " "
        }
        @if let Some(formula) = &change.formula { (formula_inline(atlas, formula, here)) }
    }
}
