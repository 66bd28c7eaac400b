//! A KPI.

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::formula;
use abmart_spec::model::{Fact, FactKind, SqlExpr, Unit};
use abmart_spec::{Node, Project};

use super::{Skeleton, missing, title};
use crate::yaml::{in_braces, scalar};

/// Units by how likely a formula has them whose unit nobody says. What the check cannot infer fits all of them.
const UNITS: [Unit; 8] =
    [Unit::Count, Unit::Money, Unit::Days, Unit::Hours, Unit::Seconds, Unit::Percent, Unit::Ratio, Unit::Score];

/// The same of a quotient.
const UNITS_OF_QUOTIENTS: [Unit; 8] =
    [Unit::Percent, Unit::Money, Unit::Days, Unit::Hours, Unit::Seconds, Unit::Ratio, Unit::Score, Unit::Count];

/// Facts that are offered where nobody gives a formula.
const OFFERS: usize = 5;

/// A KPI of a formula, by default a count over a fact. Without a unit there is a text for each that it may have.
///
/// # Errors
/// When no formula is given and the project has no fact.
pub fn kpi(
    project: &Project,
    name: &str,
    formula: Option<&str>,
    unit: Option<&str>,
) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    let formulas = match formula {
        Some(formula) => vec![(formula.to_owned(), first_read(project, formula))],
        None => counts(project),
    };
    if formulas.is_empty() {
        return Err(missing(
            "a KPI is made of measures of facts, and the project has no fact",
            "`abmart add fact NAME --from SOURCE` adds one; or `--formula` over other KPIs",
        )
        .boxed());
    }
    let units: Vec<&str> = match (unit, formula) {
        (Some(unit), _) => vec![unit],
        (None, Some(formula)) if formula.contains('/') => UNITS_OF_QUOTIENTS.map(Unit::name).to_vec(),
        (None, Some(_)) => UNITS.map(Unit::name).to_vec(),
        (None, None) => vec![Unit::Count.name()],
    };
    let of_formula = |(formula, reads): &(String, Option<Node>)| {
        let text = |unit: &&str| Skeleton::new("kpis", &text(name, formula, unit), reads.clone());
        units.iter().map(text).collect::<Vec<_>>()
    };
    Ok(formulas.iter().flat_map(of_formula).collect())
}

fn text(name: &str, formula: &str, unit: &str) -> String {
    let title = in_braces(&title(name));
    let formula = scalar(formula);
    format!(
        "\
{name}:
  title: {{en: {title}, fr: {title}}}   # fr: to be translated
  description: What it measures, in a sentence.
  formula: {formula}
  unit: {unit}   # count, money, percent, ratio, score, days, hours or seconds
  better: higher   # or lower
  level: [operational]   # who reads it: executive, regional, operational
  cadence: monthly   # how often it is reviewed: weekly, monthly or quarterly
  # benchmark: {{alarm: 1, healthy: 2, strong: 3}}   # limits between alarm, low, healthy and strong
"
    )
}

/// Counts over facts, first those that count themselves and are kept for the entity that KPIs are cut by.
fn counts(project: &Project) -> Vec<(String, Option<Node>)> {
    let root = project.cube_root().map(|entity| entity.name.as_str());
    let mut facts: Vec<&Fact> = project.facts.values().collect();
    facts.sort_by_key(|fact| {
        let local = project.jobs.get(&fact.job).is_some_and(|job| job.pack.is_some());
        (local, Some(fact.per.value.as_str()) != root, counted(fact).is_none())
    });
    let formula = |fact: &Fact| match (counted(fact), fact.measures.keys().next()) {
        (Some(measure), _) => Some(format!("sum({}.{measure})", fact.name)),
        (None, Some(first)) => Some(format!("count(*) filter (where {}.{first} is not null)", fact.name)),
        (None, None) => None,
    };
    let offers = facts.into_iter().filter_map(|fact| Some((formula(fact)?, Some(Node::Fact(fact.name.clone())))));
    offers.take(OFFERS).collect()
}

/// A measure of a fact that counts rows.
fn counted(fact: &Fact) -> Option<&str> {
    let counts = |(_, sql): &(&String, &SqlExpr)| sql.text.trim_start().starts_with("count(");
    let mut measures = fact.measures.iter().filter(|_| !matches!(fact.kind, FactKind::State));
    measures.find(counts).map(|(name, _)| name.as_str())
}

/// The first fact, score or KPI that a formula names.
fn first_read(project: &Project, text: &str) -> Option<Node> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).find_map(|word| {
        if project.facts.contains_key(word) {
            Some(Node::Fact(word.to_owned()))
        } else if formula::entity_of(project, word).is_some() {
            Some(Node::Score(word.to_owned()))
        } else {
            project.kpis.contains_key(word).then(|| Node::Kpi(word.to_owned()))
        }
    })
}
