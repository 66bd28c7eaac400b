//! Which rows a name stands for: for the run as a whole, or inside a period with snapshots as they were.

use std::collections::HashMap;

use abmart_plan::Plan;
use abmart_plan::calendar::Period;
use abmart_spec::model::{DimensionMode, Project};
use jiff::civil::Date;
use polars::prelude::*;

use crate::codes;
use crate::error::EngineError;
use crate::input::load::{self, Loaded};
use crate::input::rollup::Rolled;
use crate::sql::rewrite::Clock;
use crate::sql::select::Rows;

/// Everything computed once per run, by name.
#[derive(Debug, Default)]
pub struct Frames {
    /// Sources read whole.
    pub sources: HashMap<String, Loaded>,
    /// Rollups.
    pub rollups: HashMap<String, Rolled>,
    /// Tables evaluated for the run or month by month, reference tables included.
    pub tables: HashMap<String, DataFrame>,
}

/// A view of the frames: of the run, or of a period.
pub struct Scope<'a> {
    /// The definitions.
    pub project: &'a Project,
    /// What runs.
    pub plan: &'a Plan,
    /// Computed once per run.
    pub frames: &'a Frames,
    /// The period, if any.
    pub period: Option<Period>,
    /// Tables evaluated for this period.
    pub local: HashMap<String, DataFrame>,
}

impl<'a> Scope<'a> {
    /// The view of the run as a whole.
    pub fn of_run(project: &'a Project, plan: &'a Plan, frames: &'a Frames) -> Self {
        Self { project, plan, frames, period: None, local: HashMap::new() }
    }

    /// The view of a period.
    pub fn of_period(project: &'a Project, plan: &'a Plan, frames: &'a Frames, period: Period) -> Self {
        Self { period: Some(period), ..Self::of_run(project, plan, frames) }
    }

    /// The days that SQL functions stand for here.
    pub fn clock(&self) -> Clock {
        Clock { as_of: self.plan.as_of, period: self.period }
    }

    /// The rows that a name stands for; `during` leaves only those of the period.
    ///
    /// # Errors
    /// When the name is unknown here (a table of another scope), or Polars cannot put the parts together.
    pub fn rows(&self, name: &str, during: bool) -> Result<LazyFrame, EngineError> {
        self.input(name, during)?.whole()
    }

    /// As [`Scope::rows`], in parts where a rollup has them.
    ///
    /// # Errors
    /// As [`Scope::rows`].
    pub fn input(&self, name: &str, during: bool) -> Result<Rows, EngineError> {
        let period = self.period.filter(|_| during);
        let rows = match (period, self.local.get(name).or_else(|| self.frames.tables.get(name))) {
            (_, Some(table)) => Rows::Whole(table.clone().lazy()),
            (Some(period), None) => self.since(name, period.start, period.cutoff)?,
            (None, None) => match self.frames.rollups.get(name) {
                Some(rollup) => Rows::Parts(rollup.all()?),
                None => Rows::Whole(self.source(name)?),
            },
        };
        let Some((period, time)) = period.zip(self.time_of(name)) else { return Ok(rows) };
        let (from, to) = (load::day(period.start), load::day(period.cutoff));
        Ok(rows.map(|rows| rows.filter(col(time).gt_eq(from.clone()).and(col(time).lt(to.clone())))))
    }

    /// The rows of a name, of a rollup only the parts that may hold buckets of `[from, to)`.
    ///
    /// # Errors
    /// As [`Scope::rows`].
    pub fn since(&self, name: &str, from: Date, to: Date) -> Result<Rows, EngineError> {
        match self.frames.rollups.get(name) {
            Some(rollup) => Ok(Rows::Parts(rollup.around(from, to)?)),
            None => self.input(name, false),
        }
    }

    /// The column by which rows of a name fall into periods.
    pub fn time_of(&self, name: &str) -> Option<&'a str> {
        if let Some(table) = self.project.tables.get(name) {
            return table.time.as_ref().map(|time| time.value.as_str());
        }
        if let Some(rollup) = self.project.rollups.get(name) {
            let is_bucket = |text: &str| text.trim_start().to_ascii_lowercase().starts_with("bucket(");
            return rollup.by.iter().find(|(_, expr)| is_bucket(&expr.text)).map(|(column, _)| column.as_str());
        }
        self.project.sources.get(name).and_then(|source| source.time.as_ref()).map(|time| time.value.as_str())
    }

    fn source(&self, name: &str) -> Result<LazyFrame, EngineError> {
        let unknown = || PolarsError::ColumnNotFound(format!("table `{name}` is not known here").into());
        match self.frames.sources.get(name).ok_or_else(unknown)? {
            Loaded::Events(rows) => Ok(codes::served(self.project, rows.clone().lazy())?),
            Loaded::Snapshots(days) => {
                let as_was = self.pipeline_mode() == DimensionMode::AsWas;
                let day = match self.period.filter(|_| as_was) {
                    Some(period) => self.plan.snapshot_before(name, period.end),
                    None => days.keys().next_back().copied(),
                };
                let frame = day.and_then(|day| days.get(&day)).or_else(|| days.values().next_back());
                if let Some(frame) = frame {
                    return Ok(codes::served(self.project, frame.clone().lazy())?);
                }
                let source = self.project.sources.get(name).ok_or_else(unknown)?;
                Ok(crate::input::scan::empty(self.project, source).lazy())
            }
        }
    }

    fn pipeline_mode(&self) -> DimensionMode {
        self.project.pipelines.get(&self.plan.pipeline).map_or(DimensionMode::AsWas, |pipeline| pipeline.dimensions)
    }
}
