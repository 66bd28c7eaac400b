//! What pages of definitions have in common: the head, tables, anchors, origins of columns, words for periods.

use abmart_spec::model::{Grain, Window};
use maud::{Markup, html};

use crate::address::anchor;
use crate::atlas::{Atlas, Entry};
use crate::columns::Origin;
use crate::key::{Key, Kind};
use crate::page::{Here, titled};
use crate::words::{Words, english};

/// Name, title, description, and who answers for the definition.
pub(crate) fn head(atlas: &Atlas<'_>, entry: &Entry<'_>, facts: &[(Words, Markup)]) -> Markup {
    let here = Here::Folder;
    let kind = entry.key.kind;
    let job = atlas.entry(&Key::new(Kind::Job, entry.job)).filter(|_| kind != Kind::Job);
    html! {
        p.path {
            a href=(here.to("index.html")) { (atlas.project.name) } " / "
            a href=(here.to(kind.list())) { (kind.plural()) }
        }
        h1 {
            @match entry.title {
                Some(title) => (Words::from(title)),
                None => span.name { (entry.key.name) },
            }
        }
        p.chips {
            span class=(format!("kind {}", kind.word())) { (kind.noun()) }
            @if entry.title.is_some() { code.id { (entry.key.name) } }
        }
        @if !entry.description.trim().is_empty() { p.lead { (english(entry.description)) } }
        dl.facts {
            @for (name, value) in facts { (fact(name, value)) }
            @if let Some(owner) = entry.owner { (fact(&Words::new("owner", "responsable"), &html! { (owner) })) }
            @if let Some(job) = job { (fact(&Words::new("job", "job"), &titled(job, here))) }
            @if let Some((file, line)) = atlas.place_of(entry) {
                (fact(&Words::new("defined in", "défini dans"), &html! { code { (file) ":" (line) } }))
            }
        }
    }
}

fn fact(name: &Words, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A table that scrolls inside of its box where it is wider than the page.
pub(crate) fn table(heads: &[Words], rows: &[(Option<String>, Vec<Markup>)]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Table" {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for (id, cells) in rows {
                        tr id=[id.as_deref()] { @for cell in cells { td { (cell) } } }
                    }
                }
            }
        }
    }
}

/// A column's anchor.
pub(crate) fn column_anchor(name: &str) -> String {
    anchor("column", name)
}

/// A measure's anchor.
pub(crate) fn measure_anchor(name: &str) -> String {
    anchor("measure", name)
}

/// The columns that a column is made from, as links.
pub(crate) fn origins(atlas: &Atlas<'_>, origins: &[Origin], here: Here) -> Markup {
    html! {
        @for (index, origin) in origins.iter().enumerate() {
            @if index > 0 { ", " }
            @match origin_link(atlas, origin, here) {
                Some(link) => a.name href=(link) { (origin.of.name) wbr; "." (origin.column) },
                None => code { (origin.of.name) wbr; "." (origin.column) },
            }
        }
    }
}

fn origin_link(atlas: &Atlas<'_>, origin: &Origin, here: Here) -> Option<String> {
    let page = here.to(&atlas.entry(&origin.of)?.path);
    Some(match origin.of.kind {
        Kind::Fact | Kind::Score => format!("{page}#{}", measure_anchor(&origin.column)),
        _ if atlas.columns.of(&origin.of).column(&origin.column).is_some() => {
            format!("{page}#{}", column_anchor(&origin.column))
        }
        _ => page,
    })
}

/// Names as code, separated by commas.
pub(crate) fn codes<'n>(names: impl IntoIterator<Item = &'n str>) -> Markup {
    html! {
        @for (index, name) in names.into_iter().enumerate() {
            @if index > 0 { ", " }
            code { (name) }
        }
    }
}

pub(crate) fn grain(grain: Grain) -> Words {
    match grain {
        Grain::Day => Words::new("day", "jour"),
        Grain::Week => Words::new("week", "semaine"),
        Grain::Month => Words::new("month", "mois"),
        Grain::Quarter => Words::new("quarter", "trimestre"),
        Grain::Year => Words::new("year", "année"),
        Grain::FiscalQuarter => Words::new("fiscal quarter", "trimestre fiscal"),
        Grain::FiscalYear => Words::new("fiscal year", "exercice fiscal"),
    }
}

pub(crate) fn grains(grains: &[Grain]) -> Words {
    let words: Vec<Words> = grains.iter().map(|of| grain(*of)).collect();
    let joined = |pick: &dyn Fn(&Words) -> &str| words.iter().map(pick).collect::<Vec<_>>().join(", ");
    Words::new(joined(&|words| &words.en), joined(&|words| &words.fr))
}

pub(crate) fn window(window: Window) -> Words {
    let (count, one, many, fr_one, fr_many) = match window {
        Window::Days(count) => (count, "day", "days", "jour", "jours"),
        Window::Months(count) => (count, "month", "months", "mois", "mois"),
    };
    if count == 1 {
        return Words::new(format!("1 {one}"), format!("1 {fr_one}"));
    }
    Words::new(format!("{count} {many}"), format!("{count} {fr_many}"))
}

pub(crate) fn yes_no(yes: bool) -> Words {
    if yes { Words::new("yes", "oui") } else { Words::new("no", "non") }
}
