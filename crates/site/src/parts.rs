//! What pages of definitions have in common: head, code, tables, lists of definitions, lineage, tests.

use abmart_spec::model::{Grain, Spanned, SqlExpr, SqlQuery, Window};
use maud::{Markup, html};

use crate::address::anchor;
use crate::atlas::{Atlas, Entry};
use crate::columns::Origin;
use crate::highlight::{self, Links};
use crate::key::{Key, Kind};
use crate::lineage;
use crate::page::{Here, Section, named, titled};
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

/// The picture, what the definition is made from and what is made from it, and its tests.
pub(crate) fn lineage_sections(atlas: &Atlas<'_>, key: &Key) -> Vec<Section> {
    let here = Here::Folder;
    let (needs, users) = (atlas.needs(key), atlas.users(key));
    let mut sections = Vec::new();
    if let Some(picture) = lineage::picture(atlas, key, here) {
        let content = html! {
            p.note #lineage-title { (Words::new(
                "From what it is made of, on the left, to what is made of it, on the right. An arrow that a longer way implies is left out; the lists below say the same in words.",
                "De ce dont elle est faite, à gauche, à ce qui en est fait, à droite. Une flèche qu’un chemin plus long implique est omise ; les listes ci-dessous disent la même chose en mots.",
            )) }
            (picture)
        };
        sections.push(Section::new("lineage", Words::new("Lineage", "Lignage"), content));
    }
    let upstream = atlas.upstream(key);
    let content = if needs.is_empty() {
        html! { p { (Words::new("Nothing of the project.", "Rien du projet.")) } }
    } else {
        html! {
            (list(atlas, &needs, here))
            @if upstream.len() > needs.len() {
                details {
                    summary { (Words::new(
                        format!("Everything before it: {} definitions, down to the sources", upstream.len()),
                        format!("Tout ce qui précède : {} définitions, jusqu’aux sources", upstream.len()),
                    )) }
                    (by_kind(atlas, &upstream, here))
                }
            }
        }
    };
    sections.push(Section::new("made-from", Words::new("Made from", "Fait à partir de"), content));
    let downstream = atlas.downstream(key);
    let content = if users.is_empty() {
        html! { p { (Words::new("Nothing of the project.", "Rien du projet.")) } }
    } else {
        html! {
            (list(atlas, &users, here))
            @if downstream.len() > users.len() {
                details {
                    summary { (Words::new(
                        format!("Everything after it: {} definitions", downstream.len()),
                        format!("Tout ce qui suit : {} définitions", downstream.len()),
                    )) }
                    (by_kind(atlas, &downstream, here))
                }
            }
        }
    };
    sections.push(Section::new("used-by", Words::new("Used by", "Utilisé par"), content));
    sections.extend(tests(atlas, key));
    sections
}

fn list(atlas: &Atlas<'_>, keys: &[Key], here: Here) -> Markup {
    // A long list is easier to read by kind.
    if keys.len() > 12 {
        return by_kind(atlas, keys, here);
    }
    html! {
        ul.definitions {
            @for key in keys {
                li { (chip(key.kind)) " " (named(atlas, key, here)) (title_after(atlas, key)) }
            }
        }
    }
}

fn by_kind(atlas: &Atlas<'_>, keys: &[Key], here: Here) -> Markup {
    html! {
        @for kind in Kind::ALL {
            @let of_kind: Vec<&Key> = keys.iter().filter(|key| key.kind == *kind).collect();
            @if !of_kind.is_empty() {
                div.of-kind {
                    p { (chip_of(kind.plural(), *kind)) " " (of_kind.len()) }
                    p.names { @for key in of_kind { (named(atlas, key, here)) " " } }
                }
            }
        }
    }
}

fn title_after(atlas: &Atlas<'_>, key: &Key) -> Markup {
    let title = atlas.entry(key).and_then(|entry| entry.title);
    html! { @if let Some(title) = title { " " span.muted { (Words::from(title)) } } }
}

pub(crate) fn chip(kind: Kind) -> Markup {
    chip_of(kind.noun(), kind)
}

fn chip_of(words: Words, kind: Kind) -> Markup {
    html! { span class=(format!("kind {}", kind.word())) { (words) } }
}

fn tests(atlas: &Atlas<'_>, key: &Key) -> Option<Section> {
    let tests = atlas.tests_of(key);
    if tests.is_empty() {
        return None;
    }
    let content = html! {
        ul.tests {
            @for test in tests {
                li {
                    b.name { (test.name) } " " code.muted { (test.file) ":" (test.line) }
                    @if !test.description.trim().is_empty() { p { (english(&test.description)) } }
                }
            }
        }
    };
    Some(Section::new("tests", Words::new("Unit tests", "Tests unitaires"), content))
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

/// A query of a definition, with links to what it reads.
pub(crate) fn query(atlas: &Atlas<'_>, sql: &SqlQuery, here: Here) -> Markup {
    let reads = Reading::Query(&sql.reads);
    block(&highlight::sql(&sql.text, &Linked { atlas, here, reading: reads }))
}

/// A KPI's formula as a block, with links to measures and KPIs.
pub(crate) fn formula(atlas: &Atlas<'_>, text: &str, here: Here) -> Markup {
    block(&highlight::sql(text, &Linked { atlas, here, reading: Reading::Formula }))
}

/// A part of a KPI's formula in a line of text.
pub(crate) fn formula_inline(atlas: &Atlas<'_>, text: &str, here: Here) -> Markup {
    inline(text, &Linked { atlas, here, reading: Reading::Formula })
}

/// An expression of another definition in a line of text.
pub(crate) fn expression(atlas: &Atlas<'_>, sql: &SqlExpr, here: Here) -> Markup {
    inline(&sql.text, &Linked { atlas, here, reading: Reading::Expression })
}

/// SQL in a line of text, without links.
pub(crate) fn plain_sql(text: &str) -> Markup {
    inline(text, &Unlinked)
}

/// SQL to copy.
pub(crate) fn example(text: &str) -> Markup {
    block(&highlight::sql(text, &Unlinked))
}

fn inline(text: &str, links: &dyn Links) -> Markup {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    html! { code.sql { (highlight::sql(&text, links)) } }
}

fn block(markup: &Markup) -> Markup {
    html! { pre tabindex="0" { code.sql { (markup) } } }
}

/// What the names of a piece of SQL mean.
enum Reading<'r> {
    /// A query over these.
    Query(&'r [Spanned<String>]),
    /// Measures of facts, and KPIs.
    Formula,
    /// Columns, and measures of facts.
    Expression,
}

struct Linked<'l, 'a> {
    atlas: &'l Atlas<'a>,
    here: Here,
    reading: Reading<'l>,
}

impl Links for Linked<'_, '_> {
    fn table(&self, name: &str) -> Option<String> {
        let Reading::Query(reads) = self.reading else { return None };
        // A common table may have the name of a definition.
        let read = reads.iter().any(|read| read.value == name);
        let entry = self.atlas.relation(name).or_else(|| self.atlas.engine_table(name)).filter(|_| read)?;
        Some(self.here.to(&entry.path))
    }

    fn name(&self, path: &[&str]) -> Option<String> {
        match (&self.reading, path) {
            (Reading::Formula | Reading::Expression, [fact, measure]) => {
                let known = abmart_spec::formula::measures(self.atlas.project, fact)?;
                let entry = self.atlas.measured(fact).filter(|_| known.iter().any(|known| known == measure))?;
                Some(format!("{}#{}", self.here.to(&entry.path), measure_anchor(measure)))
            }
            (Reading::Formula, [kpi]) => {
                self.atlas.entry(&Key::new(Kind::Kpi, kpi)).map(|entry| self.here.to(&entry.path))
            }
            _ => None,
        }
    }
}

struct Unlinked;

impl Links for Unlinked {
    fn table(&self, _name: &str) -> Option<String> {
        None
    }

    fn name(&self, _path: &[&str]) -> Option<String> {
        None
    }
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
