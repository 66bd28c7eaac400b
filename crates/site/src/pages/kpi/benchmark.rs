//! What a KPI is held against.

use abmart_spec::model::{Benchmark, Better, Kpi, Literal, TableBody, Unit};
use maud::{Markup, html};

use crate::atlas::Atlas;
use crate::key::{Key, Kind};
use crate::page::{Here, named};
use crate::pages::table::literal;
use crate::parts::table;
use crate::words::Words;

pub(super) fn benchmarks(atlas: &Atlas<'_>, kpi: &Kpi) -> Option<Markup> {
    let scoped = scoped(atlas, &kpi.name);
    if kpi.benchmark.is_none() && scoped.is_none() {
        return None;
    }
    Some(html! {
        @if let Some(limits) = kpi.benchmark { p { (limits_in_words(limits, kpi)) } }
        @if let Some(scoped) = scoped { (scoped) }
    })
}

fn limits_in_words(limits: Benchmark, kpi: &Kpi) -> Markup {
    let (good, bad) = match kpi.better {
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
            b { (name) } " " (word) " " (value(*limit, kpi.unit))
        }
        "."
    }
}

/// A limit as readers of figures write it.
fn value(limit: f64, unit: Unit) -> Words {
    let number = if unit == Unit::Percent {
        // What decimal fractions lose in binary is no part of the limit.
        format!("{}\u{a0}%", (limit * 1e8).round() / 1e6)
    } else {
        limit.to_string()
    };
    Words::new(number.clone(), number.replace('.', ","))
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
