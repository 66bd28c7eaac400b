//! What a KPI's formula is made of.

use sqlparser::ast;

use crate::model::{Project, SqlExpr};
use crate::sql;

use super::ancestry;

/// A formula's aggregates and the KPIs that it names.
#[derive(Debug, Clone)]
pub struct Formula {
    /// The aggregates, in the order of the text.
    pub aggregates: Vec<Aggregate>,
    /// Names of KPIs outside of aggregates, each once.
    pub kpis: Vec<String>,
}

/// An aggregate over the rows of an entity.
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// The call as it stands in the formula.
    pub call: ast::Function,
    /// The entity whose rows it aggregates: the finest of those that its facts are per, else the root.
    pub entity: String,
    /// Facts and measures that it names, each once; facts of entities above are seen by every row below.
    pub measures: Vec<(String, String)>,
    /// Dimensions that it names, each once.
    pub dimensions: Vec<String>,
}

/// Takes a formula of a project apart.
#[must_use]
pub fn formula(project: &Project, formula: &SqlExpr) -> Formula {
    let parts = sql::parts(&formula.ast);
    let mut aggregates: Vec<Aggregate> = parts
        .aggregates
        .iter()
        .map(|call| Aggregate {
            call: call.function.clone(),
            entity: String::new(),
            measures: Vec::new(),
            dimensions: Vec::new(),
        })
        .collect();
    let mut kpis: Vec<String> = Vec::new();
    for column in parts.columns {
        let aggregate = column.aggregate.and_then(|index| aggregates.get_mut(index));
        match (aggregate, &column.path[..]) {
            (Some(aggregate), [fact, measure]) => {
                push_once(&mut aggregate.measures, (fact.clone(), measure.clone()));
            }
            (Some(aggregate), [dimension]) => {
                push_once(&mut aggregate.dimensions, dimension.clone());
            }
            (None, [kpi]) => push_once(&mut kpis, kpi.clone()),
            _ => {}
        }
    }
    for aggregate in &mut aggregates {
        let facts = aggregate.measures.iter().map(|(fact, _)| fact.as_str());
        aggregate.entity = finest(project, facts).unwrap_or_default();
    }
    Formula { aggregates, kpis }
}

/// The finest of the entities that some facts are per; the root entity where there is no fact.
fn finest<'f>(project: &Project, facts: impl Iterator<Item = &'f str>) -> Option<String> {
    let depth = |entity: &&str| ancestry(project, entity).len();
    let finest = facts.filter_map(|fact| entity_of(project, fact)).max_by_key(depth);
    finest.map(str::to_owned).or_else(|| project.cube_root().map(|root| root.name.clone()))
}

/// The entity that a fact or score is per.
#[must_use]
pub fn entity_of<'p>(project: &'p Project, fact: &str) -> Option<&'p str> {
    let facts = project.facts.get(fact).map(|fact| &fact.per);
    let per = facts.or_else(|| project.scores.get(fact).map(|score| &score.per))?;
    Some(&per.value)
}

/// The measures of a fact, or of a score: its value, its components, and its band where it has bands.
#[must_use]
pub fn measures(project: &Project, fact: &str) -> Option<Vec<String>> {
    if let Some(fact) = project.facts.get(fact) {
        return Some(fact.measures.keys().cloned().collect());
    }
    let score = project.scores.get(fact)?;
    let components = score.components.keys().cloned();
    let band = score.bands.as_ref().map(|_| "band".to_owned());
    Some(std::iter::once("score".to_owned()).chain(components).chain(band).collect())
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
