//! The ledger of nights: what became of every night of a pipeline, in the store of marts.
//!
//! ```text
//! _abmart/ledger/nightly/2026-11-22.json     the attempts at one night, the last one last
//! _abmart/ledger/nightly/undated.json        runs that failed before their day was known
//! _abmart/backfill/nightly.json              the backfill that was begun last
//! ```
//!
//! A night is an object of its own: it is replaced in one step, so a kill leaves the old record or the new one, and
//! readers need no lock. Only the run that may publish writes here.

use abmart_plan::Plan;
use abmart_store::{Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exit::{Failure, chain};
use crate::record;
use crate::results::RunResults;

/// Attempts that a night's record keeps.
const KEPT: usize = 10;
/// Records read at a time.
const AT_ONCE: usize = 16;
/// The version of the records that this build writes.
const VERSION: u32 = 1;

/// What became of one night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the night of a record is its day, as its readers call it")]
pub struct Night {
    /// The version of this record's form.
    pub version: u32,
    /// The pipeline.
    pub pipeline: String,
    /// The day; none where runs failed before it was known.
    pub night: Option<Date>,
    /// The last attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One run of a night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The run.
    pub run_id: String,
    /// How far it came.
    pub state: State,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it works, or when it was killed.
    pub finished_at: Option<Timestamp>,
    /// The exit code that it ended with.
    pub exit_code: Option<u8>,
    /// The first line of what it failed for.
    pub error: Option<String>,
    /// Which files of the lake it was planned on: equal fingerprints, equal files.
    pub lake: Option<String>,
    /// The backfill that it was part of.
    pub backfill: Option<String>,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has begun; where no run is under way it was killed.
    Begun,
    /// It has published.
    Done,
    /// It failed or was stopped; the exit code says which.
    Failed,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Night {
    /// The attempt that counts: the last one.
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Whether the last attempt has published.
    pub fn is_done(&self) -> bool {
        self.last().is_some_and(|attempt| attempt.state == State::Done)
    }
}

/// The records of one pipeline.
pub struct Ledger<'a> {
    store: &'a Store,
    pipeline: &'a str,
}

impl<'a> Ledger<'a> {
    /// The ledger of a pipeline in the store of marts.
    pub fn of(store: &'a Store, pipeline: &'a str) -> Self {
        Self { store, pipeline }
    }

    /// The record of a night. A damaged one counts as none and is replaced by the next run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn night(&self, night: Option<Date>) -> Result<Night, StoreError> {
        let key = self.key(night);
        Ok(record::get(self.store, &key)?.unwrap_or_else(|| self.empty(night)))
    }

    /// The records of all nights, by night; the undated ones first.
    ///
    /// # Errors
    /// When the store cannot be listed or read.
    pub fn nights(&self) -> Result<Vec<Night>, StoreError> {
        let listed = self.store.list(&format!("_abmart/ledger/{}", self.pipeline))?;
        let keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();
        let mut nights: Vec<Night> = Vec::new();
        for (key, text) in keys.iter().zip(self.store.get_many(&keys, AT_ONCE)) {
            nights.extend(record::parsed::<Night>(key, &text?));
        }
        nights.sort_by_key(|night| night.night);
        Ok(nights)
    }

    /// Notes that a run has begun with its night.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn begin(&self, results: &RunResults, lake: Option<&str>, backfill: Option<&str>) -> Result<(), StoreError> {
        self.note(results, State::Begun, lake, backfill)
    }

    /// Notes how a run ended. That the ledger cannot be written makes no failure of a run that has published.
    pub fn end(&self, results: &RunResults, lake: Option<&str>, backfill: Option<&str>) {
        let state = if results.exit_code == 0 { State::Done } else { State::Failed };
        if let Err(error) = self.note(results, state, lake, backfill) {
            tracing::warn!("the ledger could not be written: {}", chain(&error));
        }
    }

    fn note(
        &self,
        results: &RunResults,
        state: State,
        lake: Option<&str>,
        backfill: Option<&str>,
    ) -> Result<(), StoreError> {
        let ended = state != State::Begun;
        let mut night = self.night(results.as_of)?;
        night.attempts.retain(|attempt| attempt.run_id != results.run_id);
        night.attempts.push(Attempt {
            run_id: results.run_id.clone(),
            state,
            started_at: results.started_at,
            finished_at: ended.then(Timestamp::now),
            exit_code: ended.then_some(results.exit_code),
            error: results.error.as_deref().and_then(|text| text.lines().next()).map(str::to_owned),
            lake: lake.map(str::to_owned),
            backfill: backfill.map(str::to_owned),
        });
        night.attempts.drain(..night.attempts.len().saturating_sub(KEPT));
        record::put(self.store, &self.key(results.as_of), &night)
    }

    fn key(&self, night: Option<Date>) -> String {
        let name = night.map_or_else(|| "undated".to_owned(), |night| night.to_string());
        format!("_abmart/ledger/{}/{name}.json", self.pipeline)
    }

    fn empty(&self, night: Option<Date>) -> Night {
        Night { version: VERSION, pipeline: self.pipeline.to_owned(), night, attempts: Vec::new() }
    }
}

/// A backfill: what was asked for, and whether all of it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// The version of this record's form.
    pub version: u32,
    /// The backfill; attempts at nights name it.
    pub id: String,
    /// First night.
    pub from: Date,
    /// The day after the last night.
    pub to: Date,
    /// What the project and the variables were: a backfill of other definitions is another one.
    pub definitions: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When all its nights were done.
    pub finished_at: Option<Timestamp>,
}

impl Backfill {
    /// A backfill that begins now.
    pub fn new(id: String, from: Date, to: Date, definitions: String) -> Self {
        Self { version: VERSION, id, from, to, definitions, started_at: Timestamp::now(), finished_at: None }
    }

    /// The one that was begun last for a pipeline, if there is one that can be read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last(store: &Store, pipeline: &str) -> Result<Option<Self>, Failure> {
        Ok(record::get(store, &key_of_backfill(pipeline))?)
    }

    /// Whether this one was left before its end and is what is asked for now.
    pub fn is_resumed_by(&self, from: Date, to: Date, definitions: &str) -> bool {
        self.finished_at.is_none() && (self.from, self.to, self.definitions.as_str()) == (from, to, definitions)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn write(&self, store: &Store, pipeline: &str) -> Result<(), Failure> {
        Ok(record::put(store, &key_of_backfill(pipeline), self)?)
    }
}

/// A short name for the files of a plan, by which two nights on the same files can be told from others.
pub fn lake_fingerprint(plan: &Plan) -> String {
    let mut hash = Sha256::new();
    for file in plan.sources.values().flat_map(|source| &source.files) {
        hash.update(file.version());
        hash.update("\n");
    }
    short(hash)
}

/// The first 16 hexadecimal digits of a digest.
pub fn short(hash: Sha256) -> String {
    let mut text = format!("{:x}", hash.finalize());
    text.truncate(16);
    text
}

fn key_of_backfill(pipeline: &str) -> String {
    format!("_abmart/backfill/{pipeline}.json")
}
