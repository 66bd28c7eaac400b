//! Where a published number comes from, proven: the figure of one KPI, period and cut, computed as a run computes it and
//! taken apart until its parts are entities, rows and files.
//!
//! ```text
//! plan of one period ──read, tables, frames──▶ cell ──parts──▶ what every entity adds, down to the last step of fixed point
//!                                                  ├─steps──▶ rows of every source, rollup, table and fact; files
//!                                                  └─rows───▶ rows of facts in the period
//! ```

pub mod answer;
mod cell;
mod error;
mod parts;
mod plain;
mod rows;
pub mod stage;
mod steps;
mod sum;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::diagnostic::did_you_mean;
use abmart_spec::model::{MartBody, Project, Score, Spanned};
use abmart_store::Store;
use polars::prelude::*;

pub use self::error::ExplainError;

use self::answer::Explanation;
use self::cell::Cell;
use crate::context::Context;
use crate::cube::cells::Cells;
use crate::cube::compile::Cube;
use crate::cube::sets::SET;
use crate::cube::values::{self, Yardsticks};
use crate::error::EngineError;
use crate::job::Job;
use crate::output::bands;
use crate::output::history::History;
use crate::read::{self, Purpose};
use crate::run::tables;
use crate::scope::{Frames, Scope};

/// What is to be explained, in the one period of the plan.
pub struct Question<'a> {
    /// The KPIs.
    pub kpis: &'a [String],
    /// Dimension → value.
    pub cut: &'a BTreeMap<String, String>,
    /// Entities to show one by one.
    pub top: usize,
    /// Rows behind the facts.
    pub rows: Option<RowsWanted>,
}

/// Which rows behind facts are shown.
pub struct RowsWanted {
    /// Keys of entities; those that are shown where none is named.
    pub entities: BTreeSet<String>,
    /// Rows of a fact.
    pub limit: usize,
}

/// Explains figures. The context's project is restricted to the KPIs and its plan to the period; `whole` is the project of
/// the pipeline, whose runs have filled the cache, and `marts` are what it has published.
///
/// # Errors
/// As a run, and when the cut names what there is not.
pub fn explain(
    context: &Context<'_>,
    whole: &Project,
    marts: Option<&Store>,
    question: &Question<'_>,
) -> Result<Vec<Explanation>, ExplainError> {
    match attempt(context, whole, marts, question) {
        Err(ExplainError::Engine(error)) if error.is_lost_entry() && context.cache.distrust() => {
            attempt(context, whole, marts, question)
        }
        result => result,
    }
}

fn attempt(
    context: &Context<'_>,
    whole: &Project,
    marts: Option<&Store>,
    question: &Question<'_>,
) -> Result<Vec<Explanation>, ExplainError> {
    let history = marts.map(|store| thresholds(whole, store)).unwrap_or_default();
    let adapted = bands::adapted(context.project, &history, context.plan.as_of)?;
    let context = &Context { project: &adapted, ..*context };
    let mut frames = Frames::default();
    let report = read::read(context, &Purpose::Part(whole), &mut frames)?;
    tables(context, &mut frames)?;
    context.check_interrupted()?;
    let job = Job::new(context.project, &[]);
    let (Some(cube), Some(period)) = (&job.cube, context.plan.periods.first().copied()) else { return Ok(Vec::new()) };
    let mut scope = Scope::of_period(context.project, context.plan, &frames, period);
    let of_period = job.frames(&mut scope)?;
    context.check_interrupted()?;
    let finest = cube.finest(0, &of_period, &scope)?;
    let rolled = cube.roll_up(vec![finest])?;
    let cells = cube.cells(&rolled, context.plan)?;
    let set = set_of(cube, &cells, question.cut)?;
    let cell = Cell {
        cube,
        measures: &job.measures,
        frames: &of_period,
        scope,
        cut: question.cut,
        rolled_row: row_of(&rolled, set, question.cut)?,
        rolled: &rolled,
        row: row_of(&cells.frame, set, question.cut)?,
        total: row_of(&cells.frame, 0, &BTreeMap::new())?,
        cells: &cells,
        names: OnceCell::new(),
        graph: context.project.graph(),
        counted: RefCell::default(),
    };
    let run = Scope::of_run(context.project, context.plan, &frames);
    let settings = &context.project.settings;
    let role = |name: Option<&Spanned<String>>| {
        name.map(|name| Ok::<_, EngineError>(run.rows(&name.value, false)?.collect()?)).transpose()
    };
    let yardsticks = Yardsticks {
        targets: role(settings.targets.as_ref())?,
        benchmarks: role(settings.benchmarks.as_ref())?,
        definitions: BTreeMap::new(),
    };
    let figures = values::Figures::new(cube, &cells, yardsticks, context.plan)?;
    let mut explanations = Vec::new();
    for name in question.kpis {
        context.check_interrupted()?;
        let Some(kpi) = cube.kpis.iter().find(|kpi| kpi.kpi.name == *name) else { continue };
        explanations.push(cell.explained(context, kpi, &figures, &report, question)?);
    }
    Ok(explanations)
}

/// The published thresholds of scores that follow the data.
fn thresholds(project: &Project, store: &Store) -> History {
    let adaptive =
        |score: &Score| score.bands.as_ref().and_then(|bands| bands.adaptive).is_some_and(|adaptive| adaptive.apply);
    if !project.scores.values().any(adaptive) {
        return History::default();
    }
    let of_bands = |body: &MartBody| matches!(body, MartBody::From(name) if name.value == "score_bands");
    History::read(store, project.marts.values().filter(|mart| of_bands(&mart.body)))
}

/// The grouping set of a cut.
fn set_of(cube: &Cube<'_>, cells: &Cells, cut: &BTreeMap<String, String>) -> Result<usize, ExplainError> {
    let mut set = 0;
    for (name, value) in cut {
        let Some(bit) = cube.dimensions.iter().position(|dimension| dimension == name) else {
            let known = cube.dimensions.clone();
            let suggestion = did_you_mean(name, known.iter().map(String::as_str));
            return Err(ExplainError::UnknownDimension { name: name.clone(), known, suggestion });
        };
        set |= 1 << bit;
        let alone = i32::try_from(1_usize << bit).unwrap_or(i32::MAX);
        let values =
            cells.frame.clone().lazy().filter(col(SET).eq(lit(alone))).select([col(name.as_str())]).collect()?;
        let mut known: Vec<String> = plain::texts(values.column(name)?)?.into_iter().flatten().collect();
        if !known.contains(value) {
            known.sort_unstable();
            let suggestion = did_you_mean(value, known.iter().map(String::as_str));
            return Err(ExplainError::UnknownValue {
                dimension: name.clone(),
                value: value.clone(),
                known,
                suggestion,
            });
        }
    }
    Ok(set)
}

/// The row of a cell among all cells of the one period.
fn row_of(cells: &DataFrame, set: usize, cut: &BTreeMap<String, String>) -> PolarsResult<Option<usize>> {
    let set = i32::try_from(set).unwrap_or(i32::MAX);
    let wanted = cut.iter().fold(col(SET).eq(lit(set)), |wanted, (dimension, value)| {
        wanted.and(col(dimension.as_str()).eq(lit(value.as_str())))
    });
    let mask = cells.clone().lazy().select([wanted.alias("wanted")]).collect()?;
    Ok(mask.column("wanted")?.bool()?.iter().position(|wanted| wanted == Some(true)))
}
