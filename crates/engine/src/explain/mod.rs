//! Where a published number comes from, proven: the figure of one KPI, period and cut, computed as a run computes it and
//! taken apart until its parts are entities, rows and files.
//!
//! ```text
//! plan of one period ──read, tables, frames──▶ cell ──parts──▶ what every entity adds, down to the last step of fixed point
//!                                                  ├─steps──▶ rows of every source, rollup, table and fact; files
//!                                                  └─rows───▶ rows of facts in the period
//! ```

pub mod answer;
mod error;
mod parts;
mod plain;
mod rows;
pub mod stage;
mod steps;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use abmart_plan::calendar::grain_name;
use abmart_spec::diagnostic::did_you_mean;
use abmart_spec::model::{Kpi, MartBody, Project, SqlExpr};
use abmart_spec::{Graph, Node};
use abmart_store::Store;
use polars::prelude::*;
use serde_json::Value;

pub use self::error::ExplainError;

use self::answer::{Aggregated, Explanation, Figures, ReadKpi, Side, Written};
use self::parts::Split;
use self::steps::Counted;
use crate::context::Context;
use crate::cube::cells::{Cells, value_column};
use crate::cube::compile::{CompiledKpi, Cube, aggregate_column};
use crate::cube::sets::SET;
use crate::cube::values::{self, NOTHING, Yardsticks};
use crate::error::EngineError;
use crate::job::Job;
use crate::measure::frame::{Measures, PeriodFrames};
use crate::output::bands;
use crate::output::history::History;
use crate::read::{self, Purpose, ReadReport};
use crate::run::tables;
use crate::scope::{Frames, Scope};
use crate::sql::aggregate::{self, placeholder};
use crate::sql::formula;

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
    let role = |name: Option<&abmart_spec::model::Spanned<String>>| {
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

/// A cell of the cube with all that it was made of.
struct Cell<'a> {
    cube: &'a Cube<'a>,
    measures: &'a Measures<'a>,
    frames: &'a PeriodFrames,
    scope: Scope<'a>,
    cut: &'a BTreeMap<String, String>,
    /// Aggregates of all cells before they are finished, and the row of this one.
    rolled: &'a DataFrame,
    rolled_row: Option<usize>,
    /// Evaluated cells, the row of this one and that of the grand total.
    cells: &'a Cells,
    row: Option<usize>,
    total: Option<usize>,
    names: OnceCell<HashMap<String, String>>,
    graph: Graph,
    counted: RefCell<BTreeMap<Node, Counted>>,
}

impl Cell<'_> {
    fn explained(
        &self,
        context: &Context<'_>,
        kpi: &CompiledKpi<'_>,
        all: &values::Figures<'_>,
        report: &ReadReport,
        question: &Question<'_>,
    ) -> Result<Explanation, EngineError> {
        let project = context.project;
        let exists = self.scope.period.is_none_or(|period| self.cube.applies(kpi, &period));
        let figures = if exists { self.figures(kpi, all)? } else { None };
        let split = Split::new(kpi);
        let mut contributions = Vec::new();
        let mut ranked = Vec::new();
        if exists {
            for entity in split.entities(self) {
                contributions.extend(split.contributions(self, entity, question.top)?);
            }
            for number in 0..split.places.len() {
                ranked.extend(split.ranked(self, number, question.top)?);
            }
        }
        let side = |part: &sqlparser::ast::Expr, value: fn(&Figures) -> Option<f64>| Side {
            text: written(part, kpi.kpi),
            value: figures.as_ref().and_then(value),
        };
        let ratio = formula::as_ratio(&kpi.formula.outer);
        let rows = match &question.rows {
            Some(wanted) if exists => rows::rows(self, kpi, wanted, &contributions, &ranked)?,
            _ => Vec::new(),
        };
        let mut steps = steps::steps(self, &kpi.kpi.name, &report.sources)?;
        for list in &contributions {
            let own = steps.iter_mut().filter(|step| step.kind == "entity" && step.name == list.entity);
            own.for_each(|step| {
                step.rows.insert("contribute", list.contributing);
            });
        }
        Ok(Explanation {
            kpi: kpi.kpi.name.clone(),
            title: kpi.kpi.title.clone(),
            unit: kpi.kpi.unit.name(),
            formula: place_of(project, &kpi.kpi.formula),
            no_value: self.no_value(kpi, exists, figures.as_ref()),
            numerator: ratio.map(|(part, _)| side(part, |figures| figures.numerator)),
            denominator: ratio.map(|(_, part)| side(part, |figures| figures.denominator)),
            aggregates: self.aggregates(kpi, &split)?,
            kpis: self.read_kpis(kpi)?,
            contributions,
            ranked,
            steps,
            inputs: steps::inputs(context, &self.graph, &kpi.kpi.name),
            rows,
            figures,
        })
    }

    /// The row of `kpi_values`; none where it has none.
    fn figures(&self, kpi: &CompiledKpi<'_>, all: &values::Figures<'_>) -> Result<Option<Figures>, EngineError> {
        let Some(row) = self.row else { return Ok(None) };
        let figures = all.figures(kpi)?;
        if figures.column(NOTHING)?.bool()?.get(row) == Some(true) {
            return Ok(None);
        }
        let number = |name: &str| plain::number(&figures, name, row);
        Ok(Some(Figures {
            value: number("value")?,
            numerator: number("numerator")?,
            denominator: number("denominator")?,
            n: number("n")?,
            target: number("target")?,
            attainment: number("attainment")?,
            benchmark: number("benchmark")?,
            status: figures.column("status")?.str()?.get(row).map(str::to_owned),
            share_of_parent: number("share_of_parent")?,
            rank: number("rank")?,
            immature: number("immature")?,
            mature_value: number("mature_value")?,
        }))
    }

    fn no_value(&self, kpi: &CompiledKpi<'_>, exists: bool, figures: Option<&Figures>) -> Option<String> {
        if figures.is_some_and(|figures| figures.value.is_some()) {
            return None;
        }
        let compared = kpi.kpi.compares.as_ref().filter(|dimension| self.cut.contains_key(&dimension.value));
        let cuts: Vec<&str> = kpi.kpi.cuts.iter().map(|dimension| dimension.value.as_str()).collect();
        let outside = self.cut.keys().find(|dimension| !cuts.is_empty() && !cuts.contains(&dimension.as_str()));
        let scope = kpi.kpi.scope.iter().find(|(dimension, value)| self.cut.get(*dimension) != Some(*value));
        Some(if !exists {
            let grain = self.scope.period.map_or("", |period| grain_name(period.grain));
            format!("it is not computed for a {grain}: its facts, or the KPI itself, are not measured at that grain")
        } else if let Some(dimension) = compared {
            format!("it compares values of `{}` itself, and has none where the cut holds it", dimension.value)
        } else if let Some(dimension) = outside {
            format!("it is not measured by `{dimension}`, only by {}", cuts.join(", "))
        } else if let Some((dimension, value)) = scope {
            format!("it holds where `{dimension}` is `{value}`, and nowhere else")
        } else if figures.is_some_and(|figures| figures.denominator == Some(0.0)) {
            "its denominator is 0".to_owned()
        } else if self.row.is_none() || figures.is_none() {
            "nothing lies in this cut of the period, so it has no row in `kpi_values`".to_owned()
        } else {
            "what it is computed from has no value".to_owned()
        })
    }

    fn aggregates(&self, kpi: &CompiledKpi<'_>, split: &Split<'_>) -> Result<Vec<Aggregated>, EngineError> {
        let texts = texts(kpi.kpi);
        let aggregated = |place: &usize| -> Result<Aggregated, EngineError> {
            let aggregate = &self.cube.aggregates[*place];
            let local = kpi.formula.places.iter().position(|known| known == place);
            let value = match self.row {
                Some(row) => {
                    let column = self.cells.frame.column(&aggregate_column(*place))?;
                    let one = column.slice(i64::try_from(row).unwrap_or(i64::MAX), 1);
                    plain::values(&one)?.pop().unwrap_or(Value::Null)
                }
                None => Value::Null,
            };
            Ok(Aggregated {
                text: local.and_then(|local| texts.get(local).cloned()).unwrap_or_default(),
                entity: aggregate.entity.clone(),
                facts: aggregate.facts.iter().cloned().collect(),
                adds_up: parts::adds_up(aggregate.aggregate.kind),
                value,
            })
        };
        split.places.iter().map(aggregated).collect()
    }

    fn read_kpis(&self, kpi: &CompiledKpi<'_>) -> Result<Vec<ReadKpi>, EngineError> {
        let overall = formula::overalls(&kpi.formula.outer);
        let value = |name: &str, row: Option<usize>| -> Result<Option<f64>, EngineError> {
            let Some(row) = row else { return Ok(None) };
            Ok(plain::number(&self.cells.frame, &value_column(name), row)?)
        };
        let read = |name: &String| {
            Ok(ReadKpi {
                kpi: name.clone(),
                title: self.cube.project.kpis.get(name).map(|kpi| kpi.title.clone()).unwrap_or_default(),
                value: value(name, self.row)?,
                overall: if overall.contains(name) { value(name, self.total)? } else { None },
            })
        };
        kpi.reads.iter().map(read).collect()
    }

    /// The name of the root entity whose key comes first in a key, where its snapshot has one.
    fn name_of(&self, key: &[Option<String>]) -> Option<String> {
        let names = self.names.get_or_init(|| self.root_names().unwrap_or_default());
        names.get(key.first()?.as_deref()?).cloned()
    }

    fn root_names(&self) -> Option<HashMap<String, String>> {
        let root = self.cube.root;
        let rows = self.scope.snapshot(&root.snapshot.as_ref()?.value)?.rows().ok()?;
        let (keys, names) = (rows.column(&root.key).ok()?, rows.column("name").ok()?);
        let (keys, names) = (plain::texts(keys).ok()?, plain::texts(names).ok()?);
        Some(keys.into_iter().zip(names).filter_map(|(key, name)| Some((key?, name?))).collect())
    }
}

/// The published thresholds of scores that follow the data.
fn thresholds(project: &Project, store: &Store) -> History {
    let adaptive = |score: &abmart_spec::model::Score| {
        score.bands.as_ref().and_then(|bands| bands.adaptive).is_some_and(|adaptive| adaptive.apply)
    };
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

fn place_of(project: &Project, sql: &SqlExpr) -> Written {
    let (file, line) = steps::position(project, sql.span);
    Written { text: sql.text.trim().to_owned(), file, line }
}

/// The aggregates of a formula as they would be written, by the number of their placeholder.
fn texts(kpi: &Kpi) -> Vec<String> {
    aggregate::split(&kpi.formula.ast).1.iter().map(ToString::to_string).collect()
}

/// A part of a compiled formula with its aggregates written out.
fn written(part: &sqlparser::ast::Expr, kpi: &Kpi) -> String {
    let mut text = part.to_string();
    // The greatest number first, for it begins with smaller ones.
    for (number, aggregate) in texts(kpi).iter().enumerate().rev() {
        text = text.replace(&placeholder(number), aggregate);
    }
    text
}
