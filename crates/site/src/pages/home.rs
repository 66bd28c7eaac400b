//! The first page: what the project is, and where to go from here.

use abmart_spec::model::{DimensionMode, Pipeline};
use maud::{Markup, html};

use crate::atlas::Atlas;
use crate::key::{Key, Kind};
use crate::page::{Here, Page, Section, named, titled};
use crate::parts::{codes, grain, table};
use crate::words::{Words, english};

pub(super) fn page(atlas: &Atlas<'_>) -> Page {
    let project = atlas.project;
    let lead = html! {
        h1 { (project.name) }
        p.lead { (Words::new(
            "Every figure that this project publishes, explained: what it means, how it is computed, what it is made from and who answers for it.",
            "Chaque chiffre que ce projet publie, expliqué : ce qu’il signifie, comment il est calculé, de quoi il est fait et qui en répond.",
        )) }
        (published(atlas))
        ul.tiles {
            @for kind in Kind::ALL {
                @let count = atlas.of_kind(*kind).count();
                @if count > 0 {
                    li { a href=(kind.list()) {
                        b { (count) } span { (kind.plural()) } small { (kind.meaning()) }
                    } }
                }
            }
        }
    };
    let sections = vec![
        Section::new("pipelines", Words::new("Pipelines", "Pipelines"), pipelines(atlas)),
        Section::new("jobs", Words::new("Jobs", "Jobs"), jobs(atlas)),
        Section::new("settings", Words::new("Settings", "Réglages"), settings(atlas)),
    ];
    Page { path: "index.html".to_owned(), title: Words::same(project.name.clone()), kind: None, lead, sections }
}

fn published(atlas: &Atlas<'_>) -> Markup {
    match &atlas.extras.published {
        Some(published) => html! {
            p.note {
                (Words::new("The marts were published at ", "Les marts ont été publiés à "))
                time datetime=(published.at) { (published.at) }
                @if let Some(day) = &published.as_of { (Words::new(format!(" for {day}"), format!(" pour le {day}"))) }
                (Words::new(" by the run ", " par l’exécution ")) code { (published.run_id) } "."
            }
        },
        None => html! {
            p.note { (Words::new(
                "No publication is known: the marts were not published yet, or were out of reach when these pages were made.",
                "Aucune publication n’est connue : les marts ne sont pas encore publiés, ou étaient hors d’atteinte quand ces pages ont été faites.",
            )) }
        },
    }
}

fn pipelines(atlas: &Atlas<'_>) -> Markup {
    let heads = [
        Words::new("pipeline", "pipeline"),
        Words::new("periods", "périodes"),
        Words::new("cut by", "coupes"),
        Words::new("marts", "marts"),
    ];
    let rows = atlas.project.pipelines.values().map(|pipeline| (None, pipeline_row(atlas, pipeline)));
    table(&heads, &rows.collect::<Vec<_>>())
}

fn pipeline_row(atlas: &Atlas<'_>, pipeline: &Pipeline) -> Vec<Markup> {
    let marts: Vec<&str> = atlas.project.marts_of(&pipeline.name).map(|mart| mart.name.as_str()).collect();
    let many = marts.len() > 6;
    let links = html! {
        @for mart in &marts { (named(atlas, &Key::new(Kind::Mart, mart), Here::Top)) " " }
    };
    vec![
        html! {
            b { (Words::from(&pipeline.title)) } br; code { (pipeline.name) }
            @if let Some(from) = &pipeline.from {
                br; span.muted { (Words::new("reads what is published by ", "lit ce que publie ")) code { (from.value) } }
            }
        },
        html! {
            @for (index, (of, last)) in pipeline.periods.iter().enumerate() {
                @if index > 0 { ", " }
                (grain(*of))
                @if let Some(last) = last { " " (Words::new(format!("(the last {last})"), format!("(les {last} dernières)"))) }
            }
        },
        html! {
            (codes(pipeline.cube.iter().map(|dimension| dimension.value.as_str())))
            @if !pipeline.cube.is_empty() {
                br; span.muted { (match pipeline.dimensions {
                    DimensionMode::AsWas => Words::new("as they were at each period’s end", "telles qu’à la fin de chaque période"),
                    DimensionMode::Restated => Words::new("as they are now", "telles qu’aujourd’hui"),
                }) }
            }
        },
        html! {
            @if many {
                details { summary { (Words::new(format!("{} marts", marts.len()), format!("{} marts", marts.len()))) } p.names { (links) } }
            } @else { span.names { (links) } }
        },
    ]
}

fn jobs(atlas: &Atlas<'_>) -> Markup {
    let heads = [
        Words::new("job", "job"),
        Words::new("about", "sujet"),
        Words::new("owner", "responsable"),
        Words::new("holds", "contient"),
    ];
    let rows = atlas.of_kind(Kind::Job).map(|job| {
        let holds: Vec<(Kind, usize)> = Kind::ALL
            .iter()
            .map(|kind| (*kind, atlas.in_job(&job.key.name).filter(|entry| entry.key.kind == *kind).count()))
            .filter(|(_, count)| *count > 0)
            .collect();
        let cells = vec![
            titled(job, Here::Top),
            english(job.description),
            html! { (job.owner.unwrap_or_default()) },
            html! {
                @for (index, (kind, count)) in holds.iter().enumerate() {
                    @if index > 0 { ", " }
                    span.nowrap { (count) " " (if *count == 1 { kind.noun() } else { lower(&kind.plural()) }) }
                }
            },
        ];
        (None, cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn lower(words: &Words) -> Words {
    let lower = |text: &str| if text.starts_with("KPI") { text.to_owned() } else { text.to_lowercase() };
    Words::new(lower(&words.en), lower(&words.fr))
}

fn settings(atlas: &Atlas<'_>) -> Markup {
    let settings = &atlas.project.settings;
    let role = |name: &str| match atlas.relation(name) {
        Some(entry) => named(atlas, &entry.key, Here::Top),
        None => html! { code { (name) } },
    };
    let roles = [
        (Words::new("currency rates", "taux de change"), &settings.rates),
        (Words::new("targets", "objectifs"), &settings.targets),
        (Words::new("benchmarks", "références"), &settings.benchmarks),
    ];
    html! {
        dl.facts {
            div { dt { (Words::new("reporting currency", "devise de restitution")) } dd { (settings.currency) } }
            div { dt { (Words::new("time zone", "fuseau horaire")) } dd { (settings.time_zone) } }
            @if let Some(month) = settings.fiscal_year_start {
                div { dt { (Words::new("first month of the fiscal year", "premier mois de l’exercice fiscal")) } dd { (month) } }
            }
            @for (name, table) in roles {
                @if let Some(table) = table { div { dt { (name) } dd { (role(&table.value)) } } }
            }
        }
    }
}
