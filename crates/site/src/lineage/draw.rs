//! Places → SVG.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::layout::{HEIGHT, Picture, WIDTH};
use super::view::{Shows, View};
use crate::atlas::Atlas;
use crate::key::Key;
use crate::page::Here;
use crate::words::Words;

/// Characters of a name that a box has room for.
const LONGEST: usize = 24;

/// The picture; boxes are links.
pub(super) fn svg(atlas: &Atlas<'_>, view: &View, picture: &Picture, here: Here) -> Markup {
    let (width, height) = (picture.width, picture.height);
    let focus = view.boxes.iter().position(|shown| shown.layer == 0).unwrap_or_default();
    let centre = picture.places.get(focus).map_or(0.0, |(x, _)| x + WIDTH / 2.0);
    // Small pictures stay as they are, wide ones shrink as far as they can be read and scroll from there on.
    let size = format!("min-width:{:.0}px;max-width:{width:.0}px", width * 0.86);
    html! {
        div.lineage tabindex="0" role="region" aria-labelledby="lineage-title" data-centre=(format!("{:.4}", centre / width)) {
            svg viewBox=(format!("0 0 {width} {height}")) style=(size) role="group" aria-labelledby="lineage-title" {
                @for way in &picture.ways {
                    path.way d=(path(way)) {}
                }
                @for bundle in &picture.bundles {
                    @for from in &bundle.from { path.way d=(curve((from.0 + WIDTH, from.1), bundle.at)) {} }
                    @for to in &bundle.to { path.way d=(curve(bundle.at, *to)) {} }
                }
                @for (shown, place) in view.boxes.iter().zip(&picture.places) {
                    @match &shown.shows {
                        Shows::Focus(node) => (definition(atlas, &Key::from(node), *place, true, here)),
                        Shows::Definition(node) => (definition(atlas, &Key::from(node), *place, false, here)),
                        Shows::More(count) => (more(*count, shown.layer, *place)),
                    }
                }
            }
        }
    }
}

fn definition(atlas: &Atlas<'_>, key: &Key, place: (f64, f64), focus: bool, here: Here) -> Markup {
    let class = if focus { format!("box focus {}", key.kind.word()) } else { format!("box {}", key.kind.word()) };
    let inside = html! {
        (frame(place, &class))
        (label(place, 15.0, "kind", &key.kind.noun()))
        (label(place, 31.0, "name", &Words::same(shortened(&key.name))))
    };
    let title = html! { title { (key.name) } };
    match atlas.entry(key).filter(|_| !focus) {
        Some(entry) => html! { a href=(here.to(&entry.path)) { (title) (inside) } },
        None => html! { g { (title) (inside) } },
    }
}

fn more(count: usize, layer: i32, place: (f64, f64)) -> Markup {
    let list = if layer < 0 { "#made-from" } else { "#used-by" };
    html! {
        a href=(list) {
            (frame(place, "box more"))
            (label(place, 24.0, "name", &Words::new(format!("+{count} more"), format!("+{count} autres"))))
        }
    }
}

fn frame((x, y): (f64, f64), class: &str) -> Markup {
    html! {
        rect class=(class) x=(x) y=(y) width=(WIDTH) height=(HEIGHT) rx="5" {}
        @if !class.ends_with("more") {
            rect.edge x=(x) y=(y + 5.0) width="4" height=(HEIGHT - 10.0) {}
        }
    }
}

fn label((x, y): (f64, f64), below: f64, class: &str, words: &Words) -> Markup {
    let text = |language: Option<&str>, words: &str| {
        let class = language.map_or_else(|| class.to_owned(), |language| format!("{class} {language}"));
        html! { text class=(class) lang=[language] x=(x + 12.0) y=(y + below) { (words) } }
    };
    if words.en == words.fr {
        return text(None, &words.en);
    }
    html! { (text(Some("en"), &words.en)) (text(Some("fr"), &words.fr)) }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A curve that is level at both ends.
fn curve((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let middle = (x + to_x) / 2.0;
    format!("M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}")
}

/// A curve from box to box, level where it passes a layer.
fn path(way: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let Some(((first_x, first_y), rest)) = way.split_first() else { return path };
    let (mut x, mut y) = (first_x + WIDTH, *first_y);
    let _ = write!(path, "M{x} {y}");
    for (index, (to_x, to_y)) in rest.iter().enumerate() {
        let middle = (x + to_x) / 2.0;
        // Writing to a string cannot fail.
        let _ = write!(path, "C{middle} {y} {middle} {to_y} {to_x} {to_y}");
        (x, y) = (*to_x, *to_y);
        if index + 1 < rest.len() {
            x += WIDTH;
            let _ = write!(path, "H{x}");
        }
    }
    path
}
