//! What a pipeline computes in every period: facts, scores, the cube, and the rows that marts show.

use std::collections::{BTreeSet, HashMap};

use abmart_plan::calendar::{Period, grain_name};
use abmart_spec::graph::columns_read;
use abmart_spec::model::{ForEach, Grain, Mart, MartBody, Project, Table};
use polars::prelude::*;

use crate::cube::compile::Cube;
use crate::error::EngineError;
use crate::input::load::day;
use crate::input::rollup::Piece;
use crate::measure::frame::{Measures, PeriodFrames};
use crate::output::alerts;
use crate::scope::Scope;
use crate::table;

/// What is computed in every period.
pub(crate) struct Job<'a> {
    /// Facts and scores.
    pub measures: Measures<'a>,
    /// The cube.
    pub cube: Option<Cube<'a>>,
    /// Tables evaluated inside periods, in order.
    pub period_tables: Vec<&'a Table>,
    /// Entity, or `<score>_signals` → what marts read of it.
    pub published: HashMap<String, Wanted>,
}

/// What marts read of an entity or a score's signals.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Names of columns.
    columns: BTreeSet<String>,
    all_columns: bool,
    /// Grains of periods.
    grains: BTreeSet<Grain>,
    all_grains: bool,
}

impl Wanted {
    fn at(&self, grain: Grain) -> bool {
        self.all_grains || self.grains.contains(&grain)
    }

    fn column(&self, name: &str) -> bool {
        self.all_columns || self.columns.contains(name)
    }
}

/// Rows that periods give for marts, by the name under which SQL reads them.
pub(crate) type Made = HashMap<String, Vec<(Period, Piece)>>;

impl<'a> Job<'a> {
    /// What the marts need of every period.
    pub fn new(project: &'a Project, wanted: &[&'a Mart]) -> Self {
        let kpis: Vec<_> = project.kpis.values().collect();
        let root = project.cube_root();
        // Without KPIs there is nothing to cut.
        let cube = root.filter(|_| !kpis.is_empty()).map(|root| {
            let dimensions = root.dimensions.iter().map(|name| name.value.clone()).collect();
            Cube::new(project, root, dimensions, &kpis)
        });
        let mut job = Self {
            measures: Measures::new(project, &|_| true),
            cube,
            period_tables: ordered_tables(project, |for_each| for_each == ForEach::Period),
            published: HashMap::new(),
        };
        for alert in project.alerts.values() {
            if project.entities.contains_key(&alert.over.value) {
                let known = job.published.entry(alert.over.value.clone()).or_default();
                known.grains.insert(alert.grain);
                known.columns.extend(alerts::columns(alert, project));
                known.columns.extend(project.entities.get(&alert.over.value).map(|entity| entity.key.clone()));
            }
        }
        if wanted.iter().flat_map(|mart| mart.reads()).any(|read| read.value == "score_bands") {
            for score in project.scores.values() {
                let Some(bands) = score.bands.as_ref().filter(|bands| bands.adaptive.is_some()) else { continue };
                let known = job.published.entry(score.per.value.clone()).or_default();
                known.grains.insert(Grain::Month);
                known.columns.extend([bands.by.value.clone(), format!("{}_score", score.name)]);
            }
        }
        for mart in wanted {
            let (names, columns): (Vec<&str>, _) = match &mart.body {
                MartBody::From(name) => (vec![name.value.as_str()], None),
                MartBody::Sql(sql) => (sql.reads.iter().map(|name| name.value.as_str()).collect(), columns_read(sql)),
            };
            let is_signals = |name: &str| score_of(name).is_some_and(|score| project.scores.contains_key(score));
            let of_period = |name: &str| job.period_tables.iter().any(|table| table.name == name);
            let is_made = |name: &&str| project.entities.contains_key(*name) || is_signals(name) || of_period(name);
            for name in names.into_iter().filter(is_made) {
                let known = job.published.entry(name.to_owned()).or_default();
                known.all_grains |= mart.grains.is_empty();
                known.grains.extend(mart.grains.iter().copied());
                match &columns {
                    Some(columns) => known.columns.extend(columns.iter().cloned()),
                    None => known.all_columns = true,
                }
            }
        }
        job
    }

    /// The same with what marts read at some grains there at all of them.
    pub fn at_every_grain(mut self) -> Self {
        self.published.values_mut().for_each(|wanted| wanted.all_grains = true);
        self
    }

    /// Evaluates the tables of a period, then its entity frames.
    ///
    /// # Errors
    /// When a table or fact does not compute.
    pub fn frames(&self, scope: &mut Scope<'_>) -> Result<PeriodFrames, EngineError> {
        for table in &self.period_tables {
            let rows = table::evaluate(table, scope)?;
            scope.local.insert(table.name.clone(), rows);
        }
        let mut frames = self.measures.frames(scope, &self.signals(scope.period))?;
        let shown = |name: &String| {
            self.published.get(name).zip(scope.period).is_some_and(|(wanted, period)| wanted.at(period.grain))
        };
        frames.tables.extend(
            scope.local.iter().filter(|(name, _)| shown(name)).map(|(name, rows)| (name.clone(), rows.clone())),
        );
        Ok(frames)
    }

    /// As [`Job::frames`], with the tables of periods already in the run's frames.
    ///
    /// # Errors
    /// When a fact does not compute.
    pub fn frames_checked(&self, scope: &mut Scope<'_>) -> Result<PeriodFrames, EngineError> {
        self.measures.frames(scope, &self.signals(scope.period))
    }

    /// Scores whose signals a mart shows at the period's grain.
    fn signals(&self, period: Option<Period>) -> Vec<String> {
        let shown = self.published.iter().filter(|(_, wanted)| period.is_some_and(|period| wanted.at(period.grain)));
        shown.filter_map(|(name, _)| score_of(name)).map(str::to_owned).collect()
    }

    /// The rows of a period that marts read, without the columns that say which period it is: see [`stamped`].
    pub fn made(&self, frames: PeriodFrames, period: &Period) -> Result<Vec<(String, DataFrame)>, EngineError> {
        let mut made = Vec::new();
        for (entity, frame) in frames.entities {
            let Some(wanted) = self.published.get(&entity).filter(|wanted| wanted.at(period.grain)) else { continue };
            let kept = frame.get_column_names().into_iter().filter_map(|name| {
                let published = name.replace('.', "_");
                wanted.column(&published).then(|| col(name.clone()).alias(published))
            });
            let columns: Vec<Expr> = kept.collect();
            made.push((entity, frame.clone().lazy().select(columns).collect()?));
        }
        made.extend(frames.signals.into_iter().map(|(score, frame)| (format!("{score}_signals"), frame)));
        made.extend(frames.tables);
        Ok(made)
    }
}

/// Rows with the columns that say of which period they are.
pub(crate) fn stamped(rows: LazyFrame, period: &Period) -> LazyFrame {
    rows.select([
        lit(grain_name(period.grain)).alias("period_grain"),
        day(period.start).alias("period_start"),
        day(period.end).alias("period_end"),
        lit(period.partial).alias("partial"),
        all().as_expr(),
    ])
}

/// Tables in an order in which each comes after those that it reads.
pub(crate) fn ordered_tables(project: &Project, wanted: impl Fn(ForEach) -> bool) -> Vec<&Table> {
    let mut waiting: Vec<&Table> = project.tables.values().filter(|table| wanted(table.for_each)).collect();
    let mut ordered: Vec<&Table> = Vec::new();
    while !waiting.is_empty() {
        let open: BTreeSet<&str> = waiting.iter().map(|table| table.name.as_str()).collect();
        let ready = |table: &Table| !table.reads(project).iter().any(|name| open.contains(name.value.as_str()));
        let (now, later): (Vec<&Table>, Vec<&Table>) = waiting.iter().copied().partition(|table| ready(table));
        if now.is_empty() {
            // The project's checks refuse cycles.
            ordered.extend(later);
            break;
        }
        ordered.extend(now);
        waiting = later;
    }
    ordered
}

/// The score whose signals a name stands for.
fn score_of(name: &str) -> Option<&str> {
    name.strip_suffix("_signals")
}
