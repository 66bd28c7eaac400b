//! All definitions of a kind.

use abmart_spec::model::Better;
use maud::{Markup, html};

use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Page, Section, named, titled};
use crate::parts::table;
use crate::words::{Words, english};

pub(super) fn page(atlas: &Atlas<'_>, kind: Kind) -> Page {
    let count = atlas.of_kind(kind).count();
    let lead = html! {
        p.path { a href="index.html" { (atlas.project.name) } }
        h1 { (kind.plural()) " " span.count { (count) } }
        p.lead { (kind.meaning()) }
    };
    let content = match kind {
        Kind::Kpi => kpis(atlas),
        Kind::Alert => alerts(atlas),
        _ => others(atlas, kind),
    };
    let sections = vec![Section::new("all", Words::new("All of them", "Liste complète"), content)];
    Page { path: kind.list().to_owned(), title: kind.plural(), kind: Some(kind), lead, sections }
}

/// KPIs under the titles of their families.
fn kpis(atlas: &Atlas<'_>) -> Markup {
    let heads = [
        Words::new("KPI", "KPI"),
        Words::new("identifier", "identifiant"),
        Words::new("unit", "unité"),
        Words::new("better", "sens favorable"),
        Words::new("reviewed", "revue"),
        Words::new("read by", "lecteurs"),
        Words::new("owner", "responsable"),
    ];
    html! {
        @for job in atlas.of_kind(Kind::Job) {
            @let rows: Vec<_> = atlas.in_job(job.key.name.as_str()).filter(|entry| entry.key.kind == Kind::Kpi)
                .map(|entry| (None, kpi_row(atlas, entry))).collect();
            @if !rows.is_empty() {
                h3 { (titled(job, Here::Top)) }
                (table(&heads, &rows))
            }
        }
    }
}

fn kpi_row(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Vec<Markup> {
    let kpi = atlas.project.kpis.get(&entry.key.name);
    let cell = |of: &dyn Fn(&abmart_spec::model::Kpi) -> Markup| kpi.map(of).unwrap_or_default();
    vec![
        titled(entry, Here::Top),
        html! { code { (entry.key.name) } },
        cell(&|kpi| html! { (super::kpi::unit(kpi.unit)) }),
        cell(&|kpi| match kpi.better {
            Better::Higher => html! { (Words::new("higher", "hausse")) },
            Better::Lower => html! { (Words::new("lower", "baisse")) },
        }),
        cell(&|kpi| html! { (super::kpi::cadence(&kpi.cadence)) }),
        cell(&|kpi| html! { (super::kpi::levels(&kpi.level)) }),
        cell(&|kpi| html! { (kpi.owner) }),
    ]
}

fn alerts(atlas: &Atlas<'_>) -> Markup {
    let heads = [
        Words::new("alert", "alerte"),
        Words::new("severity", "gravité"),
        Words::new("meaning", "signification"),
        Words::new("job", "job"),
    ];
    let rows = atlas.of_kind(Kind::Alert).map(|entry| {
        let severity = atlas.project.alerts.get(&entry.key.name).map(|alert| alert.severity);
        let cells = vec![
            html! { (titled(entry, Here::Top)) br; code { (entry.key.name) } },
            html! { @if let Some(severity) = severity { (super::alert::severity(severity)) } },
            english(entry.description),
            named(atlas, &Key::new(Kind::Job, entry.job), Here::Top),
        ];
        (None, cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn others(atlas: &Atlas<'_>, kind: Kind) -> Markup {
    let heads = [
        kind.noun(),
        Words::new("meaning", "signification"),
        Words::new("owner", "responsable"),
        Words::new("job", "job"),
    ];
    let own = usize::from(kind == Kind::Job);
    let rows = atlas.of_kind(kind).map(|entry| {
        let mut cells = vec![
            titled(entry, Here::Top),
            english(entry.description),
            html! { (entry.owner.unwrap_or_default()) },
            named(atlas, &Key::new(Kind::Job, entry.job), Here::Top),
        ];
        cells.truncate(4 - own);
        (None, cells)
    });
    table(&heads[..4 - own], &rows.collect::<Vec<_>>())
}
