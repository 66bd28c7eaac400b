//! The stage in which every period is computed, or taken from what an earlier run kept of it.

mod kept;

use abmart_plan::calendar::Period;
use polars::prelude::DataFrame;

use crate::cache::trace::Recorder;
use crate::context::{Context, Stage};
use crate::cube::finest::Finest;
use crate::error::EngineError;
use crate::input::rollup::Piece;
use crate::job::{Job, Made};
use crate::scope::{Frames, Scope};

use kept::Keeper;

/// What comes of a period.
struct Outcome {
    /// What it adds to the cube.
    finest: Finest,
    /// Rows that marts read, by name.
    made: Vec<(String, DataFrame)>,
}

/// Every period's contribution to the cube, in the plan's order, and the rows that marts read.
///
/// # Errors
/// When a table, a fact or an aggregate does not compute.
pub fn all(context: &Context<'_>, frames: &Frames, job: &Job<'_>) -> Result<(Vec<Finest>, Made), EngineError> {
    context.observer.started(Stage::Periods, context.plan.periods.len() as u64);
    let keeper = Keeper::new(context, frames);
    let numbered: Vec<(usize, Period)> = context.plan.periods.iter().copied().enumerate().collect();
    let outcomes = context.parallel(&numbered, |(number, period)| {
        context.check_interrupted()?;
        let outcome = if let Some(outcome) = keeper.find(*number, *period)? {
            outcome
        } else {
            let recorder = Recorder::default();
            let outcome = compute(context, frames, job, *number, *period, &recorder)?;
            keeper.keep(*period, recorder, &outcome)?;
            outcome
        };
        let made = outcome.made.into_iter();
        let made = made.map(|(name, rows)| Ok((name.clone(), context.shelf.keep(&name, rows, None)?)));
        let made = made.collect::<Result<Vec<(String, Piece)>, EngineError>>()?;
        context.advance(1);
        Ok((outcome.finest, made))
    })?;
    keeper.finish()?;
    context.observer.finished(Stage::Periods);
    let (mut all_finest, mut all_made) = (Vec::new(), Made::new());
    for ((_, period), (finest, made)) in numbered.iter().zip(outcomes) {
        all_finest.push(finest);
        for (name, rows) in made {
            all_made.entry(name).or_default().push((*period, rows));
        }
    }
    Ok((all_finest, all_made))
}

fn compute(
    context: &Context<'_>,
    frames: &Frames,
    job: &Job<'_>,
    number: usize,
    period: Period,
    recorder: &Recorder,
) -> Result<Outcome, EngineError> {
    let mut scope = Scope::of_period(context.project, context.plan, frames, period);
    scope.recorder = Some(recorder);
    let frames = job.frames(&mut scope)?;
    let finest = match &job.cube {
        Some(cube) => cube.finest(number, &frames, &scope)?,
        None => Finest::default(),
    };
    Ok(Outcome { finest, made: job.made(frames, &period)? })
}
