//! A score with its components and bands.

use abmart_spec::formula;
use abmart_spec::model::{Bands, Score, Thresholds};
use maud::{Markup, html};

use super::Content;
use crate::atlas::{Atlas, Entry};
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named};
use crate::parts::{expression, head, lineage_sections, measure_anchor, table, yes_no};
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let here = Here::Folder;
    let Some(score) = atlas.project.scores.get(&entry.key.name) else { return Content::default() };
    let from = atlas.relation(&score.from.value);
    let facts = vec![
        (Words::new("per", "par"), named(atlas, &Key::new(Kind::Entity, &score.per.value), here)),
        (Words::new("from", "à partir de"), html! { @if let Some(from) = from { (named(atlas, &from.key, here)) } }),
        (Words::new("a row’s signal", "signal d’une ligne"), html! { code { (score.signal.value) } }),
    ];
    let components = Words::new("Components", "Composantes");
    let mut sections = vec![Section::new("components", components, self::components(atlas, score))];
    if let Some(bands) = &score.bands {
        sections.push(Section::new("bands", Words::new("Bands", "Niveaux"), self::bands(bands)));
    }
    sections.extend(lineage_sections(atlas, &entry.key));
    (head(atlas, entry, &facts), sections)
}

fn components(atlas: &Atlas<'_>, score: &Score) -> Markup {
    let heads = [
        Words::new("measure", "mesure"),
        Words::new("weight", "poids"),
        Words::new("expression", "expression"),
        Words::new("by signal", "par signal"),
        Words::new("KPIs", "KPI"),
    ];
    let measures = formula::measures(atlas.project, &score.name).unwrap_or_default();
    let rows = measures.iter().map(|name| {
        let component = score.components.get(name);
        let cells = vec![
            html! { code { (name) } },
            html! { @if let Some(component) = component { (component.weight) } },
            match component {
                Some(component) => expression(atlas, &component.measure, Here::Folder),
                None if name == "band" => html! { (Words::new("the band of the score", "le niveau du score")) },
                None => {
                    html! { (Words::new("the sum of the weighted components", "la somme des composantes pondérées")) }
                }
            },
            html! { @if let Some(component) = component { (yes_no(component.by_signal)) } },
            super::fact::kpis(atlas, &score.name, name),
        ];
        (Some(measure_anchor(name)), cells)
    });
    table(&heads, &rows.collect::<Vec<_>>())
}

fn bands(bands: &Bands) -> Markup {
    let heads = [
        Words::same(bands.by.value.clone()),
        Words::new("hot above", "chaud au-dessus de"),
        Words::new("cold below", "froid au-dessous de"),
    ];
    let row = |name: Markup, limits: &Thresholds| (None, vec![name, html! { (limits.hot) }, html! { (limits.warm) }]);
    let own = bands.thresholds.iter().map(|(value, limits)| row(html! { (value) }, limits));
    let others = row(html! { i { (Words::new("all others", "tous les autres")) } }, &bands.default);
    html! {
        (table(&heads, &own.chain([others]).collect::<Vec<_>>()))
        @if let Some(adaptive) = bands.adaptive {
            p { (Words::new(
                format!(
                    "Thresholds are estimated from the scores of the last twelve months: {} of them below hot, {} below warm, from {} scores on. They are {}.",
                    adaptive.hot, adaptive.warm, adaptive.at_least, if adaptive.apply { "used" } else { "shown, not used" },
                ),
                format!(
                    "Les seuils sont estimés d’après les scores des douze derniers mois : une part de {} sous « chaud », de {} sous « tiède », à partir de {} scores. Ils sont {}.",
                    adaptive.hot, adaptive.warm, adaptive.at_least, if adaptive.apply { "appliqués" } else { "montrés, non appliqués" },
                ),
            )) }
        }
    }
}
