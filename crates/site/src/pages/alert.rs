//! An alert: when it fires, and what is to be done.

use abmart_spec::model::{Alert, AlertSeverity};
use maud::{Markup, html};

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::page::{Here, Section, named};
use crate::parts::{example, expression, grain, head, lineage_sections, window};
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(alert) = atlas.project.alerts.get(&entry.key.name) else { return Content::default() };
    let mut sections =
        vec![Section::new("condition", Words::new("Condition", "Condition"), example(&alert.filter.text))];
    if let Some(action) = &alert.action {
        let content = html! {
            p.action { (Words::from(action)) }
            @if let Some(due) = alert.due {
                @let due = window(due);
                p { (Words::new(
                    format!("Within {} of the day on which it was new.", due.en),
                    format!("Dans les {} qui suivent le jour où elle est apparue.", due.fr),
                )) }
            }
        };
        sections.push(Section::new("action", Words::new("What is to be done", "Que faire"), content));
    }
    sections.push(Section::new("deliveries", Words::new("Sent to", "Envoyée à"), deliveries(atlas, alert)));
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts(atlas, alert)), sections)
}

fn facts(atlas: &Atlas<'_>, alert: &Alert) -> Vec<(Words, Markup)> {
    let here = Here::Folder;
    let over = atlas.relation(&alert.over.value).or_else(|| atlas.engine_table(&alert.over.value));
    let over = match over {
        Some(entry) => named(atlas, &entry.key, here),
        None => html! { code { (alert.over.value) } },
    };
    let newest = grain(alert.grain);
    let period = if alert.complete {
        Words::new(
            format!("the newest {} that is over", newest.en),
            format!("dernière période révolue ({})", newest.fr),
        )
    } else {
        Words::new(format!("the {} under way", newest.en), format!("période en cours ({})", newest.fr))
    };
    let mut facts = vec![
        (Words::new("severity", "gravité"), html! { (severity(alert.severity)) }),
        (Words::new("looks at", "examine"), over),
        (Words::new("period", "période"), html! { (period) }),
    ];
    let expressions = [
        (Words::new("figure shown", "valeur montrée"), &alert.value),
        (Words::new("held against", "comparée à"), &alert.threshold),
        (Words::new("who has to act", "qui doit agir"), &alert.owner),
    ];
    for (name, sql) in expressions {
        if let Some(sql) = sql {
            facts.push((name, expression(atlas, sql, here)));
        }
    }
    facts
}

fn deliveries(atlas: &Atlas<'_>, alert: &Alert) -> Markup {
    let sent = atlas.project.deliveries.values().filter(|delivery| {
        let named = delivery.alerts.is_empty() || delivery.alerts.iter().any(|name| name.value == alert.name);
        named && alert.severity >= delivery.at_least
    });
    let names: Vec<&str> = sent.map(|delivery| delivery.name.as_str()).collect();
    html! {
        p {
            @if names.is_empty() {
                (Words::new("Nobody; it stands in the mart of alerts.", "Personne ; elle figure dans le mart des alertes."))
            } @else {
                (crate::parts::codes(names))
            }
        }
    }
}

pub(super) fn severity(severity: AlertSeverity) -> Words {
    match severity {
        AlertSeverity::Info => Words::new("info", "information"),
        AlertSeverity::Warning => Words::new("warning", "avertissement"),
        AlertSeverity::Critical => Words::new("critical", "critique"),
    }
}
