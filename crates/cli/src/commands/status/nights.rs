//! The nights of a pipeline, from its ledger.

use abmart_store::{LeaseRecord, Store};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use crate::args::StatusArgs;
use crate::exit::Failure;
use crate::ledger::{Attempt, Ledger, Night, State};

/// How the nights of a pipeline went.
#[derive(Debug, Serialize)]
pub struct PipelineNights {
    /// The pipeline.
    pub pipeline: String,
    /// The last runs, the newest first.
    pub runs: Vec<Run>,
    /// First night looked at.
    pub from: Option<Date>,
    /// The day after the last night looked at.
    pub to: Option<Date>,
    /// Nights whose last attempt has published.
    pub done: usize,
    /// Nights whose last attempt failed.
    pub failed: Vec<Date>,
    /// Nights whose last attempt has begun and not ended: it works, or it was killed.
    pub unfinished: Vec<Date>,
    /// Nights that nobody has run.
    pub missing: Vec<Date>,
    /// The newest night and how its last attempt went.
    pub newest: Option<Newest>,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct Run {
    /// Its night, where it was known.
    pub night: Option<Date>,
    /// What the ledger says.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Whether it is under way.
    pub active: bool,
}

/// The newest night.
#[derive(Debug, Serialize)]
pub struct Newest {
    /// The night.
    pub night: Date,
    /// How its last attempt went.
    pub state: State,
    /// Whether that is under way.
    pub active: bool,
}

impl PipelineNights {
    /// Reads the ledger.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn look(
        store: &Store,
        pipeline: &str,
        args: &StatusArgs,
        lease: Option<&LeaseRecord>,
    ) -> Result<Self, Failure> {
        let nights = Ledger::of(store, pipeline).nights()?;
        let active = |attempt: &Attempt| lease.is_some_and(|lease| lease.run_id == attempt.run_id);
        let mut runs: Vec<Run> = nights
            .iter()
            .flat_map(|night| night.attempts.iter().map(|attempt| (night.night, attempt.clone())))
            .map(|(night, attempt)| Run { night, active: active(&attempt), attempt })
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.attempt.started_at));
        runs.truncate(args.last);
        let dated: Vec<(Date, &Attempt)> =
            nights.iter().filter_map(|night: &Night| Some((night.night?, night.last()?))).collect();
        let from = args.from.or_else(|| dated.first().map(|(night, _)| *night));
        let to = args.to.or_else(|| dated.last().map(|(night, _)| night.saturating_add(1.day())));
        let within = |night: Date| from.is_some_and(|from| night >= from) && to.is_some_and(|to| night < to);
        let of = |state: State| -> Vec<Date> {
            let found = dated.iter().filter(|(night, attempt)| within(*night) && attempt.state == state);
            found.map(|(night, _)| *night).collect()
        };
        let all = from.into_iter().flat_map(|from| from.series(1.day())).take_while(|night| within(*night));
        let missing = all.filter(|night| dated.iter().all(|(known, _)| known != night)).collect();
        let newest = dated.iter().rfind(|(night, _)| within(*night));
        Ok(Self {
            pipeline: pipeline.to_owned(),
            runs,
            from,
            to,
            done: of(State::Done).len(),
            failed: of(State::Failed),
            unfinished: of(State::Begun),
            missing,
            newest: newest.map(|(night, attempt)| Newest {
                night: *night,
                state: attempt.state,
                active: active(attempt),
            }),
        })
    }

    /// Why this pipeline needs a look: its newest night is not done, nor under way.
    pub fn problem(&self) -> Option<String> {
        let newest = self.newest.as_ref()?;
        let word = match (newest.state, newest.active) {
            (State::Done, _) | (State::Begun, true) => return None,
            (State::Failed, _) => "failed",
            (State::Begun, false) => "was killed",
        };
        Some(format!("pipeline `{}`: the newest night, {}, {word}", self.pipeline, newest.night))
    }
}
