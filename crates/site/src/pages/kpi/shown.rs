//! Where a KPI is shown: marts, alerts, and a query that reads it.

use abmart_spec::model::{Kpi, MartBody};
use maud::{Markup, html};

use crate::atlas::{Atlas, Entry};
use crate::code::example;
use crate::key::{Key, Kind};
use crate::page::{Here, named, titled};
use crate::pages::mart::example_of_kpi;
use crate::words::Words;

pub(super) fn shown(atlas: &Atlas<'_>, kpi: &Kpi) -> Markup {
    let here = Here::Folder;
    if !kpi.published {
        return html! { p { (Words::new(
            "In no mart: it is a building block of other KPIs.",
            "Dans aucun mart : c’est une brique d’autres KPI.",
        )) } };
    }
    let quoted = format!("'{}'", kpi.name);
    let mut whole = Vec::new();
    let mut by_name = Vec::new();
    let mut choosing = Vec::new();
    for mart in atlas.project.marts.values() {
        if !mart.reads().any(|read| matches!(read.value.as_str(), "kpi_values" | "kpi_wide")) {
            continue;
        }
        match &mart.body {
            MartBody::From(_) => whole.push(Key::new(Kind::Mart, &mart.name)),
            MartBody::Sql(sql) if sql.text.contains(&quoted) => by_name.push(Key::new(Kind::Mart, &mart.name)),
            MartBody::Sql(_) => choosing.push(Key::new(Kind::Mart, &mart.name)),
        }
    }
    let alerts: Vec<&Entry<'_>> = atlas
        .of_kind(Kind::Alert)
        .filter(|entry| {
            let alert = atlas.project.alerts.get(&entry.key.name);
            alert.is_some_and(|alert| alert.expressions().any(|sql| sql.text.contains(&quoted)))
        })
        .collect();
    let line = |words: Words, keys: &[Key]| {
        html! {
            @if !keys.is_empty() { li { (words) @for key in keys { " " (named(atlas, key, here)) } } }
        }
    };
    html! {
        ul {
            (line(Words::new("Marts with every KPI:", "Marts avec tous les KPI :"), &whole))
            (line(Words::new("Marts that name it:", "Marts qui le nomment :"), &by_name))
            (line(Words::new("Marts that choose among the KPIs by other things than their name:", "Marts qui choisissent parmi les KPI autrement que par leur nom :"), &choosing))
            @if alerts.is_empty() {
                li { (Words::new("No alert is about it.", "Aucune alerte ne porte sur lui.")) }
            } @else {
                li { (Words::new("Alerts about it:", "Alertes à son sujet :")) @for alert in alerts { " " (titled(alert, here)) } }
            }
        }
        @if let Some(mart) = whole.iter().find(|mart| mart.name == "kpi_values") {
            p { (Words::new("To read it with DuckDB:", "Pour le lire avec DuckDB :")) }
            (example(&example_of_kpi(atlas, &mart.name, &kpi.name)))
        }
    }
}
