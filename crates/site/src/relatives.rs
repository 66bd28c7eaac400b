//! What stands below every definition: its lineage as a picture and in words, and its unit tests.

use maud::{Markup, html};

use crate::atlas::Atlas;
use crate::key::{Key, Kind};
use crate::lineage;
use crate::page::{Here, Section, named};
use crate::words::{Words, english};

/// The picture, what the definition is made from and what is made from it, and its tests.
pub(crate) fn sections(atlas: &Atlas<'_>, key: &Key) -> Vec<Section> {
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
            @if key.kind == Kind::Kpi {
                p.note { (Words::new(
                    "What reads the cube counts as a user of every KPI in it; which marts and alerts name this one stands above.",
                    "Ce qui lit le cube compte comme utilisateur de chacun de ses KPI ; les marts et alertes qui nomment celui-ci figurent plus haut.",
                )) }
            }
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
                    p { (chip_of(&kind.plural(), *kind)) " " (of_kind.len()) }
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
    chip_of(&kind.noun(), kind)
}

fn chip_of(words: &Words, kind: Kind) -> Markup {
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
