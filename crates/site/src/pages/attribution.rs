//! An attribution: what is credited, for what, and how.

use abmart_spec::model::{Attribution, AttributionPart, ModelKind, PathRule, Spanned};
use maud::{Markup, html};

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{codes, head, lineage_sections, table, window, yes_no};
use crate::words::{Words, english};

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(of) = atlas.project.attributions.get(&entry.key.name) else { return Content::default() };
    let mut sections = vec![
        Section::new("models", Words::new("Models", "Modèles"), models(of)),
        Section::new("channels", Words::new("Channels", "Canaux"), channels(of)),
        Section::new("tables", Words::new("Tables", "Tables"), tables(atlas, of)),
    ];
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts(atlas, of)), sections)
}

fn facts(atlas: &Atlas<'_>, of: &Attribution) -> Vec<(Words, Markup)> {
    let here = Here::Folder;
    let relation = |name: &Spanned<String>| match atlas.relation(&name.value) {
        Some(entry) => named(atlas, &entry.key, here),
        None => html! { code { (name.value) } },
    };
    let span = window(of.window);
    let path = match of.path {
        PathRule::Every => Words::new("every touch", "chaque contact"),
        PathRule::Collapse => Words::new(
            "of touches of one channel in a row the first",
            "le premier d’une suite de contacts d’un même canal",
        ),
        PathRule::FirstOccurrence => {
            Words::new("of each channel the first touch", "le premier contact de chaque canal")
        }
        PathRule::Unique => {
            Words::new("of each channel and campaign the first touch", "le premier contact de chaque canal et campagne")
        }
    };
    let mut facts = vec![
        (
            Words::new("touches", "contacts"),
            html! { (relation(&of.touches.from)) ", " (Words::new("channel ", "canal ")) code { (of.touches.channel.value) } },
        ),
        (
            Words::new("conversions", "conversions"),
            html! { (relation(&of.conversions.from)) ", " (Words::new("key ", "clé ")) code { (of.conversions.key.value) } },
        ),
        (
            Words::new("window", "fenêtre"),
            html! { (Words::new(format!("{} before the conversion", span.en), format!("{} avant la conversion", span.fr))) },
        ),
        (Words::new("steps", "étapes"), html! { (path) }),
        (
            Words::new(
                "a touch counts for the next conversion only",
                "un contact ne compte que pour la conversion suivante",
            ),
            html! { (yes_no(of.reset_on_conversion)) },
        ),
        (
            Words::new("learns from journeys without conversion", "apprend des parcours sans conversion"),
            html! { (yes_no(of.non_converting)) },
        ),
    ];
    if let Some(entity) = atlas.project.attributed_entity(of) {
        facts.insert(0, (Words::new("per", "par"), named(atlas, &Key::new(Kind::Entity, &entity.name), here)));
    }
    if let Some(value) = &of.conversions.value {
        facts.push((Words::new("worth", "valeur"), codes([value.value.as_str()])));
    }
    facts
}

fn models(of: &Attribution) -> Markup {
    let heads = [Words::new("model", "modèle"), Words::new("divides credit by", "répartit le crédit selon")];
    let rows =
        of.models.iter().map(|(name, model)| (None, vec![html! { code { (name) } }, html! { (kind(&model.kind)) }]));
    table(&heads, &rows.collect::<Vec<_>>())
}

fn kind(kind: &ModelKind) -> Words {
    match kind {
        ModelKind::Linear => Words::new("every step the same", "chaque étape à égalité"),
        ModelKind::TimeDecay { half_life } => Words::new(
            format!("closeness to the conversion: half for every {half_life} days before it"),
            format!("la proximité de la conversion : moitié moins tous les {half_life} jours"),
        ),
        ModelKind::Positions(shares) => {
            let shares: Vec<String> = shares.iter().map(|(place, share)| format!("{place} {share}")).collect();
            Words::new(format!("position: {}", shares.join(", ")), format!("la position : {}", shares.join(", ")))
        }
        ModelKind::Markov { order } => Words::new(
            format!("removal effects of a Markov chain of order {order}, over all journeys"),
            format!("les effets de retrait d’une chaîne de Markov d’ordre {order}, sur tous les parcours"),
        ),
        ModelKind::MarkovJourney { order } => Words::new(
            format!("removal effects of a Markov chain of order {order}, inside each journey"),
            format!("les effets de retrait d’une chaîne de Markov d’ordre {order}, dans chaque parcours"),
        ),
        ModelKind::Shapley => {
            Words::new("Shapley values of the game of conversions", "les valeurs de Shapley du jeu des conversions")
        }
        ModelKind::ShapleyRate { samples, .. } => Words::new(
            format!("Shapley values of the game of conversion rates, {samples} orders where there are many channels"),
            format!(
                "les valeurs de Shapley du jeu des taux de conversion, {samples} ordres s’il y a beaucoup de canaux"
            ),
        ),
    }
}

fn channels(of: &Attribution) -> Markup {
    let heads = [Words::new("group", "groupe"), Words::new("channels", "canaux")];
    let rows = of.channels.iter().map(|(group, members)| {
        (None, vec![html! { (group) }, codes(members.iter().map(|channel| channel.value.as_str()))])
    });
    html! {
        @if of.channels.is_empty() {
            p { (Words::new("Every channel by itself.", "Chaque canal séparément.")) }
        } @else {
            (table(&heads, &rows.collect::<Vec<_>>()))
        }
        @if !of.leave_out.is_empty() {
            p {
                (Words::new("Counted only where a journey has no others: ", "Comptés seulement si un parcours n’en a pas d’autres : "))
                (codes(of.leave_out.iter().map(|channel| channel.value.as_str()))) "."
            }
        }
    }
}

fn tables(atlas: &Atlas<'_>, of: &Attribution) -> Markup {
    let heads = [Words::new("table", "table"), Words::new("rows", "lignes")];
    let rows = AttributionPart::ALL.iter().map(|part| {
        (None, vec![named(atlas, &Key::new(Kind::Table, &of.table(*part)), Here::Folder), english(part.meaning())])
    });
    table(&heads, &rows.collect::<Vec<_>>())
}
