//! Which rows a name stands for: for the run as a whole, or inside a period with snapshots as they were.

use std::collections::HashMap;

use abmart_plan::Plan;
use abmart_plan::calendar::Period;
use abmart_spec::model::{DimensionMode, Project};
use jiff::civil::Date;
use polars::prelude::*;

use crate::attribution::Credit;
use crate::cache::trace::{Read, Recorder};
use crate::codes;
use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::load::{self, Loaded};
use crate::input::rollup::{Rolled, bucket_argument};
use crate::input::snapshot::Snapshot;
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
    /// Credit of attributions.
    pub credits: HashMap<String, Credit>,
    /// What was found while tables were computed.
    pub findings: Vec<Finding>,
}

impl Frames {
    /// Whether a table is computed.
    pub fn has_table(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.credits.contains_key(name)
    }
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
    /// Told of everything that is read here of the run's frames.
    pub recorder: Option<&'a Recorder>,
}

impl<'a> Scope<'a> {
    /// The view of the run as a whole.
    pub fn of_run(project: &'a Project, plan: &'a Plan, frames: &'a Frames) -> Self {
        Self { project, plan, frames, period: None, local: HashMap::new(), recorder: None }
    }

    /// The view of a period.
    pub fn of_period(project: &'a Project, plan: &'a Plan, frames: &'a Frames, period: Period) -> Self {
        Self { period: Some(period), ..Self::of_run(project, plan, frames) }
    }

    /// The days that SQL functions stand for here.
    pub fn clock(&self) -> Clock {
        Clock { as_of: self.plan.as_of, period: self.period }
    }

    /// The rows that a name stands for; `during` leaves only those of the period, where rows have a time.
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
        if let Some(period) = self.period.filter(|_| during) {
            return self.between(name, self.time_of(name), (period.start, period.cutoff), &[]);
        }
        self.note(name, || Read::All { name: name.to_owned() });
        self.given(name)
    }

    /// The rows of a name whose time lies in `[from, to)`; `columns` says which columns will be looked at, none that all
    /// may be. Without a column of time all rows are taken: a table evaluated for the period holds the period's.
    ///
    /// # Errors
    /// As [`Scope::rows`].
    pub fn between(
        &self,
        name: &str,
        time: Option<&str>,
        (from, to): (Date, Date),
        columns: &[String],
    ) -> Result<Rows, EngineError> {
        let rollup = self.frames.rollups.get(name).filter(|_| !self.is_table(name));
        let rows = match (rollup, time) {
            // The parts of a rollup are told apart by its bucket only.
            (Some(rollup), Some(_)) if time == self.time_of(name) => {
                self.note(name, || Read::Around { name: name.to_owned(), from, to });
                Rows::Parts(rollup.around(from, to)?)
            }
            (None, Some(time)) => {
                let columns = with(columns, &[time]);
                self.note(name, || Read::Between { name: name.to_owned(), time: time.to_owned(), from, to, columns });
                self.given(name)?
            }
            _ => {
                self.note(name, || Read::All { name: name.to_owned() });
                self.given(name)?
            }
        };
        let Some(time) = time else { return Ok(rows) };
        let inside = col(time).gt_eq(load::day(from)).and(col(time).lt(load::day(to)));
        let looked_at = only(&with(columns, &[time]));
        Ok(rows.map(|rows| rows.select(looked_at.clone()).filter(inside.clone())))
    }

    /// The rows of a name that have begun before a day, and have not ended before it; `columns` as above. When a row that
    /// has not ended by then will end is looked at only where `columns` names it.
    ///
    /// # Errors
    /// As [`Scope::rows`].
    pub fn alive(
        &self,
        name: &str,
        (begin, end): (&str, &str),
        at: Date,
        columns: &[String],
    ) -> Result<Rows, EngineError> {
        self.note(name, || Read::Alive {
            name: name.to_owned(),
            begin: begin.to_owned(),
            end: end.to_owned(),
            at,
            columns: with(columns, &[begin]),
        });
        let (begun, ended) = (col(begin).lt(load::day(at)), col(end).lt(load::day(at)));
        let alive = begun.and(col(end).is_null().or(ended.not()));
        let looked_at = only(&with(columns, &[begin]));
        Ok(self.given(name)?.map(|rows| rows.filter(alive.clone()).select(looked_at.clone())))
    }

    fn note(&self, name: &str, read: impl FnOnce() -> Read) {
        if let Some(recorder) = self.recorder.filter(|_| !self.local.contains_key(name)) {
            recorder.note(read());
        }
    }

    fn is_table(&self, name: &str) -> bool {
        self.local.contains_key(name) || self.frames.has_table(name)
    }

    fn given(&self, name: &str) -> Result<Rows, EngineError> {
        if let Some(credit) = self.frames.credits.get(name) {
            return Ok(Rows::Parts(credit.parts(self.project)?));
        }
        match self.local.get(name).or_else(|| self.frames.tables.get(name)) {
            Some(table) => Ok(Rows::Whole(table.clone().lazy())),
            None => match self.frames.rollups.get(name) {
                Some(rollup) => Ok(Rows::Parts(rollup.all()?)),
                None => Ok(Rows::Whole(self.source(name)?)),
            },
        }
    }

    /// The column by which rows of a name fall into periods.
    pub fn time_of(&self, name: &str) -> Option<&'a str> {
        if let Some(table) = self.project.tables.get(name) {
            return table.time.as_ref().map(|time| time.value.as_str());
        }
        if let Some(rollup) = self.project.rollups.get(name) {
            let buckets = rollup.by.iter().find(|(_, expr)| bucket_argument(&expr.ast).is_some());
            return buckets.map(|(column, _)| column.as_str());
        }
        self.project.sources.get(name).and_then(|source| source.time.as_ref()).map(|time| time.value.as_str())
    }

    fn source(&self, name: &str) -> Result<LazyFrame, EngineError> {
        let unknown = || PolarsError::ColumnNotFound(format!("table `{name}` is not known here").into());
        match self.frames.sources.get(name).ok_or_else(unknown)? {
            Loaded::Events(rows) => Ok(codes::served(self.project, rows.clone().lazy())?),
            Loaded::Snapshots(_) => {
                if let Some(snapshot) = self.snapshot(name) {
                    return Ok(codes::served(self.project, snapshot.rows()?.lazy())?);
                }
                let source = self.project.sources.get(name).ok_or_else(unknown)?;
                Ok(crate::input::scan::empty(self.project, source).lazy())
            }
        }
    }

    /// The snapshot of a source that is seen here.
    pub fn snapshot(&self, name: &str) -> Option<&'a Snapshot> {
        let Loaded::Snapshots(days) = self.frames.sources.get(name)? else { return None };
        let as_was = self.pipeline_mode() == DimensionMode::AsWas;
        let day = match self.period.filter(|_| as_was) {
            Some(period) => self.plan.snapshot_before(name, period.end),
            None => days.keys().next_back().copied(),
        };
        day.and_then(|day| days.get(&day)).or_else(|| days.values().next_back())
    }

    fn pipeline_mode(&self) -> DimensionMode {
        self.project.pipelines.get(&self.plan.pipeline).map_or(DimensionMode::AsWas, |pipeline| pipeline.dimensions)
    }
}

/// Columns that will be looked at, with those that choose the rows; none where all may be.
fn with(columns: &[String], more: &[&str]) -> Vec<String> {
    if columns.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<String> = columns.iter().cloned().chain(more.iter().map(|name| (*name).to_owned())).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Nothing but these columns, so that nothing else can be looked at; all where none are named. Names that are no columns
/// are words of SQL, such as the unit of a difference of days.
fn only(columns: &[String]) -> Vec<Expr> {
    let chosen = if columns.is_empty() { all() } else { by_name(columns.iter().map(String::as_str), false, false) };
    vec![chosen.as_expr()]
}
