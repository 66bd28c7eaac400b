//! What a computation read of the run's frames, and what it found there. A result is reused when everything that it read
//! is as it was: no list of dependencies has to be kept right by hand.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use abmart_plan::Plan;
use abmart_plan::calendar::Period;
use abmart_spec::model::Project;
use jiff::civil::Date;
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::content::{self, Content, Timeline};
use crate::error::EngineError;
use crate::input::load::{Loaded, midnight};
use crate::input::snapshot::Snapshot;
use crate::scope::{Frames, Scope};

/// One look at the run's frames.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// All rows of a name, of a snapshot source those that the period sees.
    All {
        /// The name.
        name: String,
    },
    /// Rows of a rollup around `[from, to)`.
    Around {
        /// The rollup.
        name: String,
        /// First day.
        from: Date,
        /// The day after the last one.
        to: Date,
    },
    /// Rows of a table or source whose time lies in `[from, to)`.
    Between {
        /// The table or source.
        name: String,
        /// Its column of time.
        time: String,
        /// First day.
        from: Date,
        /// The day after the last one.
        to: Date,
        /// The columns looked at; all where none are named.
        columns: Vec<String>,
    },
    /// Rows of a table or source that have begun before a day and not ended before it.
    Alive {
        /// The table or source.
        name: String,
        /// When a row begins.
        begin: String,
        /// When it ends; null while it has not.
        end: String,
        /// The day.
        at: Date,
        /// The columns looked at.
        columns: Vec<String>,
    },
}

/// Notes what a computation reads.
#[derive(Debug, Default)]
pub struct Recorder {
    reads: Mutex<BTreeSet<Read>>,
}

/// What a computation read, and what it found.
pub type Trace = Vec<(Read, String)>;

impl Recorder {
    /// Notes a read.
    pub fn note(&self, read: Read) {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).insert(read);
    }

    /// Everything noted.
    pub fn reads(self) -> BTreeSet<Read> {
        self.reads.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is found at each read, in the frames as they are now.
pub struct Fingerprints<'a> {
    project: &'a Project,
    plan: &'a Plan,
    frames: &'a Frames,
    contents: Mutex<HashMap<String, Arc<Contents>>>,
}

/// The rows of a name, numbered over some columns.
struct Contents {
    rows: DataFrame,
    content: Content,
    timelines: Mutex<HashMap<String, Arc<Timeline>>>,
}

impl<'a> Fingerprints<'a> {
    /// Over these frames.
    pub fn new(project: &'a Project, plan: &'a Plan, frames: &'a Frames) -> Self {
        Self { project, plan, frames, contents: Mutex::default() }
    }

    /// Each read with what is found there now.
    ///
    /// # Errors
    /// When rows cannot be looked at.
    pub fn trace(&self, reads: BTreeSet<Read>, period: Period) -> Result<Trace, EngineError> {
        reads.into_iter().map(|read| Ok((read.clone(), self.of(&read, period)?))).collect()
    }

    /// The first read of a trace at which something else is found now.
    ///
    /// # Errors
    /// When rows cannot be looked at.
    pub fn changed<'t>(&self, trace: &'t Trace, period: Period) -> Result<Option<&'t Read>, EngineError> {
        for (read, found) in trace {
            if self.of(read, period)? != *found {
                return Ok(Some(read));
            }
        }
        Ok(None)
    }

    /// What is found at a read, seen from a period.
    fn of(&self, read: &Read, period: Period) -> Result<String, EngineError> {
        let (Read::All { name } | Read::Around { name, .. } | Read::Between { name, .. } | Read::Alive { name, .. }) =
            read;
        if let Some(rollup) = self.frames.rollups.get(name) {
            return Ok(match read {
                Read::Around { from, to, .. } => rollup.identity(Some((*from, *to))),
                _ => rollup.identity(None),
            });
        }
        let credit = self.frames.credits.get(name).map(|credit| credit.whole(self.project)).transpose()?;
        let rows = match (credit.as_ref().or_else(|| self.frames.tables.get(name)), self.frames.sources.get(name)) {
            (Some(table), _) => table,
            (None, Some(Loaded::Events(rows))) => rows,
            (None, Some(Loaded::Snapshots(_))) => {
                let scope = Scope::of_period(self.project, self.plan, self.frames, period);
                return scope.snapshot(name).map_or_else(|| Ok("nothing".to_owned()), Snapshot::content);
            }
            (None, None) => return Ok("nothing".to_owned()),
        };
        let columns: &[String] = match read {
            Read::Between { columns, .. } | Read::Alive { columns, .. } => columns,
            Read::All { .. } | Read::Around { .. } => &[],
        };
        let contents = self.contents(format!("{name} {}", columns.join(" ")), rows, columns)?;
        match read {
            Read::Between { time, from, to, .. } => {
                Ok(contents.timeline(time)?.between(midnight(*from), midnight(*to)).to_string())
            }
            Read::Alive { begin, end, at, .. } => {
                let begins = content::micros(rows.column(begin)?)?;
                let ends = content::micros(rows.column(end)?)?;
                let at = midnight(*at);
                let alive =
                    |row: usize| begins[row].is_some_and(|begin| begin < at) && ends[row].is_none_or(|end| end >= at);
                Ok(contents.content.chosen(alive).to_string())
            }
            Read::All { .. } | Read::Around { .. } => Ok(contents.content.all().to_string()),
        }
    }

    fn contents(&self, key: String, rows: &DataFrame, columns: &[String]) -> Result<Arc<Contents>, EngineError> {
        // Whoever comes second waits for the first instead of doing the same.
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = contents.get(&key) {
            return Ok(Arc::clone(known));
        }
        let all = rows.get_column_names().into_iter().map(PlSmallStr::as_str);
        let looked_at: Vec<&str> =
            all.filter(|name| columns.is_empty() || columns.iter().any(|column| column == name)).collect();
        let content = Content::of(rows, &looked_at)?;
        let numbered = Arc::new(Contents { rows: rows.clone(), content, timelines: Mutex::default() });
        contents.insert(key, Arc::clone(&numbered));
        Ok(numbered)
    }
}

impl Contents {
    fn timeline(&self, time: &str) -> Result<Arc<Timeline>, EngineError> {
        let mut timelines = self.timelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = timelines.get(time) {
            return Ok(Arc::clone(known));
        }
        let timeline = Arc::new(self.content.by_time(self.rows.column(time)?)?);
        timelines.insert(time.to_owned(), Arc::clone(&timeline));
        Ok(timeline)
    }
}
