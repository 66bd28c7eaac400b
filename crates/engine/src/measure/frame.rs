//! Entity frames: every member of an entity in one period, with its dimensions and all measures of its facts.
//!
//! ```text
//! contact (snapshot as it was)  ─┐ from_entity
//! tables, rollups ───────────────┼─▶ account: members + unknown ones + rows without an account
//!                                └─▶ opportunity: the rows that its facts have, dimensions from the account
//! ```

use std::collections::HashMap;

use abmart_spec::model::{Entity, FactInput, FactKind, Project, Score};
use polars::prelude::*;

use super::fact::{CompiledFact, keys_of};
use super::score;
use crate::codes;
use crate::error::EngineError;
use crate::scope::Scope;
use crate::sql::query;

/// A missing value of a dimension, so that it never mixes with null, which means "rolled up over".
pub const UNKNOWN: &str = "(unknown)";

/// Facts and scores by entity, ready for every period.
pub struct Measures<'a> {
    project: &'a Project,
    /// Facts in the order of the project.
    pub facts: Vec<CompiledFact<'a>>,
    /// Scores in the order of the project.
    pub scores: Vec<&'a Score>,
}

/// The frames of one period.
pub struct PeriodFrames {
    /// Entity → frame: keys, dimensions, `fact.measure` columns.
    pub entities: HashMap<String, DataFrame>,
    /// Score → contributions of every signal.
    pub signals: HashMap<String, DataFrame>,
    /// Tables of the period that are shown as they are.
    pub tables: HashMap<String, DataFrame>,
}

/// A fact's rows, split by whether the entity is known.
struct FactRows {
    keyed: DataFrame,
    unkeyed: Option<LazyFrame>,
    zeros: Vec<Expr>,
    measures: Vec<Expr>,
}

impl<'a> Measures<'a> {
    /// Prepares all facts and scores that `wanted` accepts.
    pub fn new(project: &'a Project, wanted: &dyn Fn(&str) -> bool) -> Self {
        let facts = project.facts.values().filter(|fact| wanted(&fact.name)).map(CompiledFact::new).collect();
        let scores = project.scores.values().filter(|score| wanted(&score.name)).collect();
        Self { project, facts, scores }
    }

    /// Computes the frames of the scope's period; `with_signals` names the scores whose signals are kept.
    ///
    /// # Errors
    /// When a fact or score does not fit its input.
    pub fn frames(&self, scope: &Scope<'_>, with_signals: &[String]) -> Result<PeriodFrames, EngineError> {
        let mut done = PeriodFrames { entities: HashMap::new(), signals: HashMap::new(), tables: HashMap::new() };
        for entity in self.in_order() {
            let _timed = tracing::debug_span!("entity", name = entity.name).entered();
            let frame = match (&entity.snapshot, &entity.parent) {
                (Some(_), None) => self.root(entity, scope, with_signals, &mut done)?,
                (Some(_), Some(_)) => self.members(entity, scope)?,
                (None, _) => self.loose(entity, scope, &done)?,
            };
            done.entities.insert(entity.name.clone(), frame);
        }
        Ok(done)
    }

    /// Children with a snapshot first (roots sum them up), then roots, then the others (they look their root up).
    fn in_order(&self) -> Vec<&'a Entity> {
        let mut entities: Vec<&Entity> = self.project.entities.values().collect();
        entities.sort_by_key(|entity| match (&entity.snapshot, &entity.parent) {
            (Some(_), Some(_)) => 0,
            (Some(_), None) => 1,
            _ => 2,
        });
        entities
    }

    fn facts_of<'s>(&'s self, entity: &'s Entity, scope: &'s Scope<'_>) -> impl Iterator<Item = &'s CompiledFact<'a>> {
        let applies = |fact: &&CompiledFact<'a>| scope.period.is_none_or(|period| fact.applies(&period));
        self.facts.iter().filter(|fact| fact.fact.per.value == entity.name).filter(applies)
    }

    fn root(
        &self,
        entity: &Entity,
        scope: &Scope<'_>,
        with_signals: &[String],
        done: &mut PeriodFrames,
    ) -> Result<DataFrame, EngineError> {
        let keys = keys_of(self.project, entity);
        let dimensions: Vec<&str> = entity.dimensions.iter().map(|name| name.value.as_str()).collect();
        let mut parts = Vec::new();
        for fact in self.facts_of(entity, scope).filter(|fact| !matches!(fact.fact.kind, FactKind::State)) {
            parts.push(fact_rows(fact, scope, &keys, done).map_err(|error| fact.located_here(error))?);
        }
        for score in self.scores.iter().filter(|score| score.per.value == entity.name) {
            let scored = score::evaluate(score, scope, &entity.key)?;
            if with_signals.contains(&score.name) {
                done.signals.insert(score.name.clone(), scored.signals()?);
            }
            let keyed = scored.rows.collect()?;
            parts.push(FactRows { keyed, unkeyed: None, zeros: scored.zeros, measures: scored.measures });
        }
        let snapshot = snapshot_of(entity, scope)?;
        let members = self.with_states(entity, scope, &snapshot, &keys)?;
        let index = codes::Index::of(members.column(&entity.key)?)?;
        let unknown = unknown_members(&members, index.as_ref(), &parts, entity)?;
        let all_known = unknown.is_none();
        let mut rows = match unknown {
            None => members,
            Some(keys) => {
                let dims = dimensions.iter().map(|name| lit(UNKNOWN).alias(*name)).collect::<Vec<_>>();
                let args = UnionArgs::default();
                concat_lf_diagonal([members.lazy(), keys.lazy().with_columns(dims)], args)?.collect()?
            }
        };
        let index = if all_known { index } else { codes::Index::of(rows.column(&entity.key)?)? };
        let (mut unkeyed, mut zeros, mut all_measures) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            rows = beside(rows, index.as_ref(), part.keyed, &keys)?;
            zeros.extend(part.zeros);
            all_measures.extend(part.measures.iter().cloned());
            if let Some(own) = part.unkeyed {
                unkeyed.push((own, part.measures));
            }
        }
        let rows = rows.lazy().with_columns(zeros).with_columns(all_measures);
        let mut all = vec![rows];
        for (mut own, measures) in unkeyed {
            let schema = own.collect_schema()?;
            let dims = dimensions.iter().map(|name| {
                let value = if schema.contains(name) {
                    col(*name).cast(DataType::String)
                } else {
                    lit(NULL).cast(DataType::String)
                };
                value.fill_null(lit(UNKNOWN)).alias(*name)
            });
            all.push(own.with_columns(dims.collect::<Vec<_>>()).with_columns(measures));
        }
        let whole = if all.len() == 1 { all.swap_remove(0) } else { concat_lf_diagonal(all, UnionArgs::default())? };
        let frame = whole.drop(working_columns()).collect()?;
        self.banded(entity, frame)
    }

    /// Bands need the dimension that chooses their thresholds, so they come after the dimensions.
    fn banded(&self, entity: &Entity, frame: DataFrame) -> Result<DataFrame, EngineError> {
        let bands: Vec<Expr> = self
            .scores
            .iter()
            .filter(|score| score.per.value == entity.name)
            .filter_map(|score| score::band(score, &entity.key))
            .collect();
        if bands.is_empty() { Ok(frame) } else { Ok(frame.lazy().with_columns(bands).collect()?) }
    }

    /// A child entity with a snapshot: only members have rows.
    fn members(&self, entity: &Entity, scope: &Scope<'_>) -> Result<DataFrame, EngineError> {
        let keys = keys_of(self.project, entity);
        let snapshot = snapshot_of(entity, scope)?;
        let mut rows = self.with_states(entity, scope, &snapshot, &keys)?;
        let index = codes::Index::of(rows.column(&entity.key)?)?;
        let (mut zeros, mut measures) = (Vec::new(), Vec::new());
        for fact in self.facts_of(entity, scope).filter(|fact| !matches!(fact.fact.kind, FactKind::State)) {
            let grouped = fact.rows(scope, &keys, None).map_err(|error| fact.located_here(error))?;
            rows = beside(rows, index.as_ref(), grouped, &keys)?;
            zeros.extend(fact.zeros());
            measures.extend(fact.measures()?);
        }
        Ok(rows.lazy().with_columns(zeros).with_columns(measures).drop(working_columns()).collect()?)
    }

    /// A child entity without a snapshot: the rows that its facts have, with the parent's dimensions and measures.
    fn loose(&self, entity: &Entity, scope: &Scope<'_>, done: &PeriodFrames) -> Result<DataFrame, EngineError> {
        let keys = keys_of(self.project, entity);
        let on: Vec<Expr> = keys.iter().map(|key| col(key.as_str())).collect();
        let mut parts = Vec::new();
        for fact in self.facts_of(entity, scope) {
            let grouped = fact.rows(scope, &keys, None).map_err(|error| fact.located_here(error))?;
            parts.push((fact, grouped));
        }
        let parent = entity.parent.as_ref().and_then(|name| done.entities.get(&name.value));
        if parts.is_empty() {
            return Ok(parent.map_or_else(DataFrame::empty, DataFrame::clear));
        }
        let listed: Vec<LazyFrame> = parts.iter().map(|(_, rows)| rows.clone().lazy().select(on.clone())).collect();
        let mut rows = concat(listed, UnionArgs::default())?.unique(None, UniqueKeepStrategy::Any);
        let nulls_match = |how| JoinArgs { nulls_equal: true, ..JoinArgs::new(how) };
        for (fact, grouped) in parts {
            rows = rows
                .join(grouped.lazy(), on.clone(), on.clone(), nulls_match(JoinType::Left))
                .with_columns(fact.zeros())
                .with_columns(fact.measures()?);
        }
        let rows = rows.drop(working_columns());
        let (Some(parent), Some(name)) = (parent, &entity.parent) else { return Ok(rows.collect()?) };
        let Some(parent_entity) = self.project.entities.get(&name.value) else { return Ok(rows.collect()?) };
        let key = col(parent_entity.key.as_str());
        let known = parent.clone().lazy().filter(key.clone().is_not_null());
        let dimensions = parent_entity
            .dimensions
            .iter()
            .map(|dimension| col(dimension.value.as_str()).fill_null(lit(UNKNOWN)))
            .collect::<Vec<_>>();
        Ok(rows.join(known, [key.clone()], [key], JoinArgs::new(JoinType::Left)).with_columns(dimensions).collect()?)
    }

    /// The snapshot's keys and dimensions with the measures of the entity's state facts.
    fn with_states(
        &self,
        entity: &Entity,
        scope: &Scope<'_>,
        snapshot: &LazyFrame,
        keys: &[String],
    ) -> Result<DataFrame, EngineError> {
        let states = self.facts_of(entity, scope).filter(|fact| matches!(fact.fact.kind, FactKind::State));
        let of_members = |fact: &&CompiledFact<'a>| match (&fact.fact.from, &entity.snapshot, &fact.fact.filter) {
            (FactInput::Table(name), Some(snapshot), None) => name.value == snapshot.value,
            (FactInput::Entity(_), _, None) => true,
            _ => false,
        };
        // What is known of a member stands in its own row; only other tables' rows have to be found.
        let (inside, outside): (Vec<_>, Vec<_>) = states.partition(of_members);
        let dimensions = entity.dimensions.iter().map(|name| name.value.clone()).collect::<Vec<_>>();
        let columns = keys.iter().chain(&dimensions).map(|name| (name.clone(), query::column(name)));
        let mut rows = query::project(
            snapshot.clone(),
            columns.chain(inside.iter().flat_map(|fact| fact.states())),
            None,
            &scope.clock(),
        )
        .map_err(|error| culprit(&inside, snapshot, keys, scope).unwrap_or(error))?;
        for fact in outside {
            let input = match &fact.fact.from {
                FactInput::Table(name) => scope.rows(&name.value, false),
                FactInput::Entity(_) => Ok(snapshot.clone()),
            };
            let states =
                input.and_then(|rows| fact.state(rows, keys, scope)).map_err(|error| fact.located_here(error))?;
            rows = beside(rows.collect()?, None, states.collect()?, keys)?.lazy();
        }
        let known = |name: &String| col(name.as_str()).cast(DataType::String).fill_null(lit(UNKNOWN));
        Ok(rows.with_columns(dimensions.iter().map(known).collect::<Vec<_>>()).collect()?)
    }
}

/// The state fact that does not fit the snapshot, as the error that it gives alone.
fn culprit(
    facts: &[&CompiledFact<'_>],
    snapshot: &LazyFrame,
    keys: &[String],
    scope: &Scope<'_>,
) -> Option<EngineError> {
    facts.iter().find_map(|fact| fact.state(snapshot.clone(), keys, scope).err().map(|error| fact.located_here(error)))
}

/// Adds to every row the columns of the one row of `found` with the same keys, by the index of the last key's column
/// where there is one.
fn beside(
    mut rows: DataFrame,
    index: Option<&codes::Index>,
    found: DataFrame,
    keys: &[String],
) -> Result<DataFrame, EngineError> {
    let Some(sources) = index.map(|index| places(&rows, index, &found, keys)).transpose()?.flatten() else {
        let on: Vec<Expr> = keys.iter().map(|key| col(key.as_str())).collect();
        let how = JoinArgs::new(JoinType::Left);
        return Ok(rows.lazy().join(found.lazy(), on.clone(), on, how).collect()?);
    };
    for column in found.columns().iter().filter(|column| !keys.iter().any(|key| column.name() == key)) {
        rows.with_column(column.take(&sources)?)?;
    }
    Ok(rows)
}

/// For every row, the row of `found` with the same keys; none where the keys are not coded.
fn places(
    rows: &DataFrame,
    index: &codes::Index,
    found: &DataFrame,
    keys: &[String],
) -> Result<Option<IdxCa>, EngineError> {
    let Some((last, others)) = keys.split_last() else { return Ok(None) };
    let Some(targets) = index.rows(found.column(last)?, codes::NOWHERE)? else { return Ok(None) };
    let mut same = Vec::new();
    for key in others {
        let (Some(ours), Some(theirs)) = (codes::numbers(rows.column(key)?)?, codes::numbers(found.column(key)?)?)
        else {
            return Ok(None);
        };
        same.push((ours, theirs));
    }
    let mut sources: Vec<Option<IdxSize>> = vec![None; rows.height()];
    for (source, target) in (0..).zip(targets) {
        let target = target as usize;
        if target >= sources.len() {
            continue;
        }
        if same
            .iter()
            .all(|(ours, theirs)| ours.get(target).is_some() && ours.get(target) == theirs.get(source as usize))
        {
            sources[target] = Some(source);
        }
    }
    Ok(Some(IdxCa::from_iter_options("row".into(), sources.into_iter())))
}

fn snapshot_of(entity: &Entity, scope: &Scope<'_>) -> Result<LazyFrame, EngineError> {
    match &entity.snapshot {
        Some(name) => {
            scope.rows(&name.value, false).map_err(|error| error.at(format!("entity `{}`", entity.name), entity.span))
        }
        None => Ok(DataFrame::empty().lazy()),
    }
}

fn fact_rows(
    fact: &CompiledFact<'_>,
    scope: &Scope<'_>,
    keys: &[String],
    done: &PeriodFrames,
) -> Result<FactRows, EngineError> {
    let children = match &fact.fact.from {
        FactInput::Entity(name) => done.entities.get(&name.value).map(|frame| frame.clone().lazy()),
        FactInput::Table(_) => None,
    };
    let grouped = fact.rows(scope, keys, children)?;
    let key = keys.last().map_or_else(|| lit(NULL), |key| col(key.as_str()));
    let dimensions: Vec<&str> = fact.fact.dimensions.keys().map(String::as_str).collect();
    let has_unkeyed = keys.last().is_some_and(|key| grouped.column(key).is_ok_and(|column| column.null_count() > 0));
    let keyed =
        if has_unkeyed { grouped.clone().lazy().filter(key.clone().is_not_null()).collect()? } else { grouped.clone() };
    let keyed = keyed.drop_many(dimensions);
    let unkeyed = has_unkeyed.then(|| grouped.lazy().filter(key.is_null()));
    Ok(FactRows { keyed, unkeyed, zeros: fact.zeros(), measures: fact.measures()? })
}

/// Keys that facts name and no snapshot knows.
fn unknown_members(
    members: &DataFrame,
    index: Option<&codes::Index>,
    parts: &[FactRows],
    entity: &Entity,
) -> Result<Option<DataFrame>, EngineError> {
    let key = col(entity.key.as_str());
    let mut unknown: Vec<LazyFrame> = Vec::new();
    for part in parts {
        let keys = part.keyed.column(&entity.key)?;
        let keys_alone = DataFrame::new_infer_height(vec![keys.clone()])?;
        if let Some(rows) = index.map(|index| index.rows(keys, codes::NOWHERE)).transpose()?.flatten() {
            let missing: BooleanChunked = rows.iter().map(|row| *row == codes::NOWHERE).collect();
            if missing.any() {
                unknown.push(keys_alone.filter(&missing)?.lazy());
            }
        } else {
            let how = JoinArgs::new(JoinType::Anti);
            unknown.push(keys_alone.lazy().join(members.clone().lazy(), [key.clone()], [key.clone()], how));
        }
    }
    if unknown.is_empty() {
        return Ok(None);
    }
    let unknown = concat(unknown, UnionArgs::default())?.unique(None, UniqueKeepStrategy::Any).collect()?;
    Ok((unknown.height() > 0).then_some(unknown))
}

/// Columns of aggregates, which only the measures read.
fn working_columns() -> Selector {
    Selector::Matches("^.*#.*$".into())
}
