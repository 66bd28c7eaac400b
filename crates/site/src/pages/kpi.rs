//! A KPI: what it means, how it is computed, where it is shown.

use abmart_spec::formula::formula;
use abmart_spec::model::{Benchmark, Better, Kpi, Literal, MartBody, SqlExpr, TableBody, Unit};
use maud::{Markup, html};
use sqlparser::ast::{BinaryOperator, Expr};

use super::Content;
use super::table::literal;
use crate::atlas::{Atlas, Entry};
use crate::highlight::lower_keywords;
use crate::key::{Key, Kind};
use crate::page::{Here, Section, named, titled};
use crate::parts::{self, codes, example, formula_inline, head, lineage_sections, measure_anchor, table};
use crate::words::Words;

pub(super) fn page(atlas: &Atlas<'_>, entry: &Entry<'_>) -> Content {
    let Some(kpi) = atlas.project.kpis.get(&entry.key.name) else { return Content::default() };
    let mut sections = vec![Section::new("formula", Words::new("Formula", "Formule"), formulas(atlas, kpi))];
    if let Some(limits) = benchmarks(atlas, kpi) {
        sections.push(Section::new("benchmarks", Words::new("Benchmarks", "Références"), limits));
    }
    sections.push(Section::new("shown", Words::new("Where it is shown", "Où il est montré"), shown(atlas, kpi)));
    let history = match atlas.changes_of(&kpi.name) {
        None => super::changes::absent(),
        Some(changes) => super::changes::log(atlas, &changes, Here::Folder, false),
    };
    sections.extend(lineage_sections(atlas, &entry.key));
    sections.push(Section::new(
        "history",
        Words::new("History of the definition", "Historique de la définition"),
        history,
    ));
    (head(atlas, entry, &facts(atlas, kpi)), sections)
}

fn facts(atlas: &Atlas<'_>, kpi: &Kpi) -> Vec<(Words, Markup)> {
    let direction = match kpi.better {
        Better::Higher => Words::new("higher is better", "la hausse est favorable"),
        Better::Lower => Words::new("lower is better", "la baisse est favorable"),
    };
    let scope = if kpi.core {
        html! { (Words::new("core: holds everywhere", "central : valable partout")) }
    } else {
        let places: Vec<String> = kpi.scope.iter().map(|(dimension, value)| format!("{dimension} = {value}")).collect();
        html! { (Words::new("local: ", "local : ")) (codes(places.iter().map(String::as_str))) }
    };
    let mut facts = vec![
        (Words::new("unit", "unité"), html! { (unit(kpi.unit)) }),
        (Words::new("direction", "sens"), html! { (direction) }),
        (Words::new("read by", "lecteurs"), html! { (levels(&kpi.level)) }),
        (Words::new("reviewed", "revue"), html! { (cadence(&kpi.cadence)) }),
        (Words::new("version", "version"), html! { (kpi.version) }),
        (Words::new("scope", "portée"), scope),
        (Words::new("programme styles", "styles de programme"), codes(kpi.styles.iter().map(String::as_str))),
        (Words::new("periods", "périodes"), html! { (periods(atlas, kpi)) }),
        (Words::new("cuts", "coupes"), cuts(kpi)),
    ];
    if let Some(definition) = atlas.definition(&kpi.name) {
        facts.push((Words::new("definition", "définition"), html! { code { (definition) } }));
    }
    facts
}

/// The grains that it exists at: named by it, or limited by the facts that it is made of.
fn periods(atlas: &Atlas<'_>, kpi: &Kpi) -> Words {
    if !kpi.grains.is_empty() {
        return parts::grains(&kpi.grains);
    }
    let upstream = atlas.upstream(&Key::new(Kind::Kpi, &kpi.name));
    let facts =
        upstream.iter().filter(|key| key.kind == Kind::Fact).filter_map(|key| atlas.project.facts.get(&key.name));
    match facts.filter_map(|fact| fact.grain).max() {
        Some(finest) => {
            let finest = parts::grain(finest);
            Words::new(format!("{} and longer", finest.en), format!("{} et plus long", finest.fr))
        }
        None => Words::new("all", "toutes"),
    }
}

fn cuts(kpi: &Kpi) -> Markup {
    html! {
        @if kpi.cuts.is_empty() { (Words::new("all dimensions", "toutes les dimensions")) }
        @else { (codes(kpi.cuts.iter().map(|dimension| dimension.value.as_str()))) }
        @if let Some(compared) = &kpi.compares {
            (Words::new(", but not ", ", sauf ")) code { (compared.value) }
            (Words::new(", whose values it compares", ", dont il compare les valeurs"))
        }
    }
}

fn formulas(atlas: &Atlas<'_>, kpi: &Kpi) -> Markup {
    let here = Here::Folder;
    html! {
        (parts::formula(atlas, &kpi.formula.text, here))
        @if let Some((numerator, denominator)) = quotient(&kpi.formula.ast) {
            dl.quotient {
                div { dt { (Words::new("numerator", "numérateur")) } dd { (formula_inline(atlas, &lower_keywords(&numerator.to_string()), here)) } }
                div { dt { (Words::new("denominator", "dénominateur")) } dd { (formula_inline(atlas, &lower_keywords(&denominator.to_string()), here)) } }
            }
        }
        @for (name, sql) in [
            (Words::new("Over mature members only", "Sur les membres arrivés à maturité seulement"), &kpi.mature),
            (Words::new("Members whose time is not over yet", "Membres dont le délai court encore"), &kpi.immature),
        ] {
            @if let Some(sql) = sql { p { (name) ": " (formula_inline(atlas, &sql.text, here)) } }
        }
        (ingredients(atlas, kpi))
    }
}

/// The measures that its formulas name, with how each is computed.
fn ingredients(atlas: &Atlas<'_>, kpi: &Kpi) -> Markup {
    let here = Here::Folder;
    let all: Vec<&SqlExpr> =
        [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()].into_iter().flatten().collect();
    let mut measures: Vec<(String, String)> = Vec::new();
    let mut kpis: Vec<String> = Vec::new();
    for sql in all {
        let parts = formula(atlas.project, sql);
        for measure in parts.aggregates.into_iter().flat_map(|aggregate| aggregate.measures) {
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
        kpis.extend(parts.kpis.into_iter().filter(|kpi| atlas.project.kpis.contains_key(kpi)));
    }
    let mut rows: Vec<(Option<String>, Vec<Markup>)> = Vec::new();
    for (fact, measure) in &measures {
        let entry = atlas.measured(fact);
        let link = entry.map(|entry| format!("{}#{}", here.to(&entry.path), measure_anchor(measure)));
        let name = html! { @match link {
            Some(link) => a.name href=(link) { (fact) "." (measure) },
            None => code { (fact) "." (measure) },
        } };
        let sql = atlas.project.facts.get(fact).and_then(|fact| fact.measures.get(measure));
        let computed = html! { @if let Some(sql) = sql { (parts::expression(atlas, sql, here)) } };
        rows.push((
            None,
            vec![name, computed, html! { @if let Some(entry) = entry { (crate::words::english(entry.description)) } }],
        ));
    }
    for kpi in &kpis {
        let key = Key::new(Kind::Kpi, kpi);
        let title = atlas.entry(&key).and_then(|entry| entry.title).map(Words::from);
        let formula = atlas.project.kpis.get(kpi).map(|kpi| formula_inline(atlas, &kpi.formula.text, here));
        rows.push((
            None,
            vec![
                named(atlas, &key, here),
                formula.unwrap_or_default(),
                html! { @if let Some(title) = title { (title) } },
            ],
        ));
    }
    if rows.is_empty() {
        return html! {};
    }
    let heads = [
        Words::new("measure or KPI", "mesure ou KPI"),
        Words::new("computed as", "calcul"),
        Words::new("from", "à partir de"),
    ];
    table(&heads, &rows)
}

/// The operands of a formula whose top operator is a division.
fn quotient(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::Nested(inner) => quotient(inner),
        Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => Some((left, right)),
        _ => None,
    }
}

fn benchmarks(atlas: &Atlas<'_>, kpi: &Kpi) -> Option<Markup> {
    let scoped = scoped(atlas, &kpi.name);
    if kpi.benchmark.is_none() && scoped.is_none() {
        return None;
    }
    Some(html! {
        @if let Some(limits) = kpi.benchmark { p { (limits_in_words(limits, kpi.better)) } }
        @if let Some(scoped) = scoped { (scoped) }
    })
}

fn limits_in_words(limits: Benchmark, better: Better) -> Markup {
    let (good, bad) = match better {
        Better::Higher => (Words::new("from", "à partir de"), Words::new("below", "au-dessous de")),
        Better::Lower => (Words::new("up to", "jusqu’à"), Words::new("above", "au-dessus de")),
    };
    let named = [
        (Words::new("alarm", "alarme"), &bad, limits.alarm),
        (Words::new("healthy", "sain"), &good, limits.healthy),
        (Words::new("strong", "fort"), &good, limits.strong),
    ];
    let known: Vec<_> = named.into_iter().filter_map(|(name, word, limit)| Some((name, word, limit?))).collect();
    html! {
        @for (index, (name, word, limit)) in known.iter().enumerate() {
            @if index > 0 { ", " }
            b { (name) } " " (word) " " (limit)
        }
        "."
    }
}

/// The rows about it of the project's table of benchmarks.
fn scoped(atlas: &Atlas<'_>, kpi: &str) -> Option<Markup> {
    let name = atlas.project.settings.benchmarks.as_ref()?;
    let TableBody::Rows { columns, rows, .. } = &atlas.project.tables.get(&name.value)?.body else { return None };
    let about = columns.get_index_of("kpi")?;
    let mine = rows.iter().filter(|row| row.get(about) == Some(&Literal::String(kpi.to_owned())));
    let rows: Vec<(Option<String>, Vec<Markup>)> = mine
        .map(|row| {
            let cells = row.iter().enumerate().filter(|(index, _)| *index != about);
            (None, cells.map(|(_, value)| html! { (literal(value)) }).collect())
        })
        .collect();
    let heads: Vec<Words> =
        columns.keys().filter(|name| *name != "kpi").map(|name| Words::same(name.clone())).collect();
    (!rows.is_empty()).then(|| html! {
        p { (Words::new("By scope, from ", "Par périmètre, d’après ")) (named(atlas, &Key::new(Kind::Table, &name.value), Here::Folder)) ":" }
        (table(&heads, &rows))
    })
}

fn shown(atlas: &Atlas<'_>, kpi: &Kpi) -> Markup {
    let here = Here::Folder;
    if !kpi.published {
        return html! { p { (Words::new(
            "In no mart: it is a building block of other KPIs.",
            "Dans aucun mart : c’est une brique d’autres KPI.",
        )) } };
    }
    let quoted = format!("'{}'", kpi.name);
    let mut whole = Vec::new();
    let mut by_name = Vec::new();
    let mut choosing = Vec::new();
    for mart in atlas.project.marts.values() {
        if !mart.reads().any(|read| matches!(read.value.as_str(), "kpi_values" | "kpi_wide")) {
            continue;
        }
        match &mart.body {
            MartBody::From(_) => whole.push(Key::new(Kind::Mart, &mart.name)),
            MartBody::Sql(sql) if sql.text.contains(&quoted) => by_name.push(Key::new(Kind::Mart, &mart.name)),
            MartBody::Sql(_) => choosing.push(Key::new(Kind::Mart, &mart.name)),
        }
    }
    let alerts: Vec<&Entry<'_>> = atlas
        .of_kind(Kind::Alert)
        .filter(|entry| {
            let alert = atlas.project.alerts.get(&entry.key.name);
            alert.is_some_and(|alert| alert.expressions().any(|sql| sql.text.contains(&quoted)))
        })
        .collect();
    let line = |words: Words, keys: &[Key]| {
        html! {
            @if !keys.is_empty() { li { (words) @for key in keys { " " (named(atlas, key, here)) } } }
        }
    };
    html! {
        ul {
            (line(Words::new("Marts with every KPI:", "Marts avec tous les KPI :"), &whole))
            (line(Words::new("Marts that name it:", "Marts qui le nomment :"), &by_name))
            (line(Words::new("Marts that choose among the KPIs by other things than their name:", "Marts qui choisissent parmi les KPI autrement que par leur nom :"), &choosing))
            @if alerts.is_empty() {
                li { (Words::new("No alert is about it.", "Aucune alerte ne porte sur lui.")) }
            } @else {
                li { (Words::new("Alerts about it:", "Alertes à son sujet :")) @for alert in alerts { " " (titled(alert, here)) } }
            }
        }
        @if let Some(mart) = whole.iter().find(|mart| mart.name == "kpi_values") {
            p { (Words::new("To read it with DuckDB:", "Pour le lire avec DuckDB :")) }
            (example(&super::mart::example_of_kpi(atlas, &mart.name, &kpi.name)))
        }
    }
}

pub(super) fn unit(unit: Unit) -> Words {
    match unit {
        Unit::Count => Words::new("count", "nombre"),
        Unit::Money => Words::new("money", "montant"),
        Unit::Percent => Words::new("percent, stored as a fraction", "pourcentage, enregistré comme fraction"),
        Unit::Ratio => Words::new("ratio", "ratio"),
        Unit::Score => Words::new("score", "score"),
        Unit::Days => Words::new("days", "jours"),
        Unit::Hours => Words::new("hours", "heures"),
        Unit::Seconds => Words::new("seconds", "secondes"),
    }
}

pub(super) fn cadence(cadence: &str) -> Words {
    match cadence {
        "weekly" => Words::new("weekly", "hebdomadaire"),
        "monthly" => Words::new("monthly", "mensuelle"),
        "quarterly" => Words::new("quarterly", "trimestrielle"),
        other => Words::same(other),
    }
}

pub(super) fn levels(levels: &[String]) -> Words {
    let french = levels.iter().map(|level| match level.as_str() {
        "executive" => "direction",
        "regional" => "régions",
        "operational" => "opérations",
        other => other,
    });
    Words::new(levels.join(", "), french.collect::<Vec<_>>().join(", "))
}
