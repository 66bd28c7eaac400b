//! How a KPI is computed: its formula, what is divided by what, and the measures that it names.

use abmart_spec::formula::formula;
use abmart_spec::model::{Kpi, SqlExpr};
use maud::{Markup, html};
use sqlparser::ast::{BinaryOperator, Expr};

use crate::atlas::Atlas;
use crate::code::{expression, formula_inline, whole_formula};
use crate::highlight::lower_keywords;
use crate::key::{Key, Kind};
use crate::page::{Here, named};
use crate::parts::{measure_anchor, table};
use crate::words::{Words, english};

pub(super) fn formulas(atlas: &Atlas<'_>, kpi: &Kpi) -> Markup {
    let here = Here::Folder;
    html! {
        (whole_formula(atlas, &kpi.formula.text, here))
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
        let computed = html! { @if let Some(sql) = sql { (expression(atlas, sql, here)) } };
        rows.push((None, vec![name, computed, html! { @if let Some(entry) = entry { (english(entry.description)) } }]));
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
