//! The frame of every page: head, search, navigation, footer; and the sections inside of it.

use maud::{DOCTYPE, Markup, html};

use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::words::Words;

/// A page before it is put into its frame.
pub(crate) struct Page {
    /// Its address, relative to the first page.
    pub path: String,
    pub title: Words,
    /// The kind that it is about, where it is about one.
    pub kind: Option<Kind>,
    /// What stands above its sections.
    pub lead: Markup,
    pub sections: Vec<Section>,
}

/// A part of a page with a heading.
pub(crate) struct Section {
    /// Its anchor.
    pub id: &'static str,
    pub heading: Words,
    pub content: Markup,
}

/// Where a page lies, for the links on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    /// Beside the first page.
    Top,
    /// In a folder of it.
    Folder,
}

impl Here {
    /// Where the page of this address lies.
    pub fn of(path: &str) -> Self {
        if path.contains('/') { Self::Folder } else { Self::Top }
    }

    /// What leads from a page here to the first one's folder.
    pub fn root(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Folder => "../",
        }
    }

    /// The link to an address.
    pub fn to(self, path: &str) -> String {
        format!("{}{path}", self.root())
    }
}

impl Section {
    pub fn new(id: &'static str, heading: Words, content: Markup) -> Self {
        Self { id, heading, content }
    }
}

impl Page {
    /// The page in its frame.
    pub fn html(&self, atlas: &Atlas<'_>) -> String {
        let here = Here::of(&self.path);
        let project = &atlas.project.name;
        let title = |own: &str| if self.path == "index.html" { own.to_owned() } else { format!("{own} · {project}") };
        let page = html! {
            (DOCTYPE)
            html lang="en" data-language="en" data-root=(here.root()) data-title-en=(title(&self.title.en)) data-title-fr=(title(&self.title.fr)) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content="abmart docs";
                    title { (title(&self.title.en)) }
                    link rel="icon" href=(here.to("assets/icon.svg")) type="image/svg+xml";
                    link rel="stylesheet" href=(here.to("assets/site.css"));
                    script src=(here.to("assets/site.js")) {}
                }
                body {
                    a.skip href="#main" { (Words::new("Skip to the content", "Aller au contenu")) }
                    (self.header(project, here))
                    div.columns {
                        (self.navigation(atlas, here))
                        main #main tabindex="-1" {
                            (self.lead)
                            @for section in &self.sections {
                                section #(section.id) {
                                    h2 { (section.heading) }
                                    (section.content)
                                }
                            }
                        }
                    }
                    (footer(atlas))
                }
            }
        };
        page.into_string()
    }

    fn header(&self, project: &str, here: Here) -> Markup {
        let current = (self.path == "index.html").then_some("page");
        html! {
            header.top {
                a.brand href=(here.to("index.html")) aria-current=[current] { (project) }
                div.search role="search" hidden {
                    label.hidden for="search" { (Words::new("Search", "Recherche")) }
                    input #search type="search" role="combobox" autocomplete="off" spellcheck="false"
                        aria-expanded="false" aria-controls="results" aria-autocomplete="list"
                        placeholder="Search ( / )" data-placeholder-en="Search ( / )" data-placeholder-fr="Rechercher ( / )";
                    ul #results role="listbox" aria-label="Results" data-label-en="Results" data-label-fr="Résultats" hidden {}
                    p #found.hidden role="status" aria-live="polite" {}
                }
                div.languages role="group" aria-label="Language" data-label-en="Language" data-label-fr="Langue" hidden {
                    button type="button" data-set-language="en" lang="en" aria-pressed="true" { "EN" span.hidden { " – English" } }
                    button type="button" data-set-language="fr" lang="fr" aria-pressed="false" { "FR" span.hidden { " – français" } }
                }
            }
        }
    }

    fn navigation(&self, atlas: &Atlas<'_>, here: Here) -> Markup {
        html! {
            nav.kinds aria-label="Contents" data-label-en="Contents" data-label-fr="Sommaire" {
                ul {
                    @for kind in Kind::ALL {
                        @let count = atlas.of_kind(*kind).count();
                        @if count > 0 {
                            li { a href=(here.to(kind.list())) aria-current=[self.current(*kind)] {
                                (kind.plural()) span.count { (count) }
                            } }
                        }
                    }
                    li { a href=(here.to("changes.html")) aria-current=[(self.path == "changes.html").then_some("page")] {
                        (Words::new("Changes", "Changements"))
                    } }
                }
                @if self.sections.len() > 1 {
                    div.contents {
                        p { (Words::new("On this page", "Sur cette page")) }
                        ul {
                            @for section in &self.sections {
                                li { a href=(format!("#{}", section.id)) { (section.heading) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn current(&self, kind: Kind) -> Option<&'static str> {
        if self.path == kind.list() { Some("page") } else { (self.kind == Some(kind)).then_some("true") }
    }
}

fn footer(atlas: &Atlas<'_>) -> Markup {
    let published = atlas.extras.published.as_ref();
    let day = published.and_then(|published| published.as_of.clone());
    html! {
        footer {
            p {
                (Words::new("Made from the definitions of ", "Fait à partir des définitions de "))
                b { (atlas.project.name) } "."
                @if let Some(day) = day {
                    " " (Words::new(format!("The marts hold {day}."), format!("Les marts sont au {day}.")))
                }
                " " span.fr lang="fr" { "Les textes des définitions sont en anglais." }
            }
        }
    }
}

/// A link to a definition by its name.
pub(crate) fn named(atlas: &Atlas<'_>, key: &Key, here: Here) -> Markup {
    match atlas.entry(key) {
        Some(entry) => html! { a.name href=(here.to(&entry.path)) { (key.name) } },
        None => html! { code { (key.name) } },
    }
}

/// A link to a definition by its title, or by its name where it has none.
pub(crate) fn titled(entry: &Entry<'_>, here: Here) -> Markup {
    match entry.title {
        Some(title) => html! { a href=(here.to(&entry.path)) { (Words::from(title)) } },
        None => html! { a.name href=(here.to(&entry.path)) { (entry.key.name) } },
    }
}
