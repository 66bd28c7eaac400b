//! The rows behind a figure: of each fact those that fell in the period for some entities.

use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::model::FactInput;
use polars::prelude::*;

use super::answer::{Contributions, FactRows, Ranked};
use super::cell::Cell;
use super::steps::taken;
use super::{RowsWanted, plain};
use crate::cube::compile::CompiledKpi;
use crate::error::EngineError;
use crate::measure::fact::keys_of;
use crate::sql::select::Rows;

/// Values of a column of a key; null where rows that have no entity are meant too.
type Ids = BTreeSet<Option<String>>;

/// The rows behind the facts and scores of a KPI's formula, for the entities that are shown or asked for.
///
/// # Errors
/// When they cannot be read.
pub fn rows(
    cell: &Cell<'_>,
    kpi: &CompiledKpi<'_>,
    wanted: &RowsWanted,
    contributions: &[Contributions],
    ranked: &[Ranked],
) -> Result<Vec<FactRows>, EngineError> {
    let project = cell.cube.project;
    let shown = shown(contributions, ranked);
    let mut facts: Vec<&String> = Vec::new();
    for place in &kpi.formula.places {
        for fact in &cell.cube.aggregates[*place].facts {
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
    }
    let mut found = Vec::new();
    for name in facts {
        let fact = cell.measures.facts.iter().find(|fact| fact.fact.name == *name);
        let (per, from, input) = match (fact, project.scores.get(name)) {
            (Some(fact), _) if cell.scope.period.is_none_or(|period| fact.applies(&period)) => {
                let (FactInput::Table(from) | FactInput::Entity(from)) = &fact.fact.from;
                (&fact.fact.per, from.value.clone(), taken(cell, fact)?)
            }
            (_, Some(score)) => (&score.per, score.from.value.clone(), cell.scope.input(&score.from.value, false)?),
            _ => continue,
        };
        let Some(entity) = project.entities.get(&per.value) else { continue };
        let asked = |key: &String| {
            let named = || wanted.entities.iter().cloned().map(Some).collect();
            if wanted.entities.is_empty() { shown.get(key).cloned() } else { Some(named()) }
        };
        // The finest key that is known: that of the entity, or of its parent where parents are shown.
        let keys = keys_of(project, entity);
        let Some((key, ids)) = keys.iter().rev().find_map(|key| Some((key, asked(key)?))) else { continue };
        found.push(of_fact(name, from, input, (&keys, key), &ids, wanted.limit)?);
    }
    Ok(found)
}

fn of_fact(
    fact: &str,
    from: String,
    input: Rows,
    (keys, key): (&[String], &str),
    ids: &Ids,
    limit: usize,
) -> Result<FactRows, EngineError> {
    let without = ids.contains(&None);
    let ids = Series::new("ids".into(), ids.iter().flatten().map(String::as_str).collect::<Vec<_>>());
    let mut parts = Vec::new();
    for part in input.parts() {
        let of_ids = col(key).is_in(lit(ids.implode()?.into_series()), false);
        let of_none = col(key).is_null().and(lit(without));
        parts.push(plain::as_text(part)?.filter(of_ids.or(of_none)).collect()?.lazy());
    }
    let rows = concat(parts, UnionArgs::default())?.collect()?;
    // In an order that does not depend on files: by key, then by all other columns that can be compared.
    let comparable = |column: &&Column| !column.dtype().is_nested() && !keys.iter().any(|key| column.name() == key);
    let others = rows.columns().iter().filter(comparable).map(|column| column.name().to_string());
    let by: Vec<String> = keys.iter().cloned().chain(others).collect();
    let rows = rows.sort(by, SortMultipleOptions::default())?;
    let shown = rows.head(Some(limit));
    let names: Vec<String> = shown.get_column_names().into_iter().map(ToString::to_string).collect();
    let columns = shown.columns().iter().map(plain::values).collect::<PolarsResult<Vec<_>>>()?;
    let values = (0..shown.height()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect();
    Ok(FactRows {
        fact: fact.to_owned(),
        from,
        columns: names,
        rows: values,
        left_out: (rows.height() - shown.height()) as u64,
    })
}

/// The keys of all entities that are shown.
fn shown(contributions: &[Contributions], ranked: &[Ranked]) -> BTreeMap<String, Ids> {
    let mut keys: BTreeMap<String, Ids> = BTreeMap::new();
    let mut add = |names: &[String], values: &[Option<String>]| {
        for (name, value) in names.iter().zip(values) {
            keys.entry(name.clone()).or_default().insert(value.clone());
        }
    };
    for list in contributions {
        list.members.iter().for_each(|member| add(&list.key, &member.key));
    }
    for list in ranked {
        list.members.iter().for_each(|member| add(&list.key, &member.key));
    }
    keys
}
