//! `OpenLineage`: what a run reads and writes, told to a catalogue as it begins, is planned and ends.
//!
//! ```text
//! settings: environment, then pipelines.yaml ──▶ Emitter: a file, an HTTP service, on a thread of its own
//! begin ─▶ START    planned ─▶ RUNNING, with inputs    end ─▶ COMPLETE, FAIL or ABORT, with inputs and outputs
//! ```
//!
//! Telling never makes a run fail and holds it up by no more than some seconds at its end.

mod dataset;
mod emit;
mod event;
mod settings;
mod still;

use std::collections::HashMap;

use abmart_plan::Plan;
use abmart_spec::Project;
use abmart_store::{ParquetFooter, Published, Store};
use serde_json::Value;

use self::emit::Emitter;
use self::event::Event;
use self::settings::Settings;
use crate::results::RunResults;

pub use self::still::events;

/// The lineage of one run, or nothing where nobody wants to know it.
pub struct Lineage(Option<Told>);

struct Told {
    emitter: Emitter,
    event: Event,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

impl Lineage {
    /// Says that a run begins, where the environment or the project names somebody to tell.
    pub fn begin(project: &Project, results: &RunResults) -> Self {
        let settings = Settings::of(project, &crate::project::environment);
        let emitter = match Emitter::start(&settings) {
            Ok(Some(emitter)) => emitter,
            Ok(None) => return Self(None),
            Err(reason) => {
                tracing::warn!("no lineage is told: {reason}");
                return Self(None);
            }
        };
        let event = Event::of(project, &settings, results);
        emitter.tell(&event.start(results));
        Self(Some(Told { emitter, event, inputs: Vec::new(), outputs: Vec::new() }))
    }

    /// Says which files the run reads.
    pub fn planned(
        &mut self,
        project: &Project,
        results: &RunResults,
        lake: &Store,
        plan: &Plan,
        footers: &HashMap<String, ParquetFooter>,
    ) {
        let Some(told) = &mut self.0 else { return };
        told.inputs = dataset::inputs(project, lake, plan, footers);
        told.emitter.tell(&told.event.running(results, &told.inputs));
    }

    /// Takes note of what the run has published.
    pub fn published(&mut self, project: &Project, marts: &Store, published: &Published) {
        let Some(told) = &mut self.0 else { return };
        told.outputs = dataset::outputs(project, marts, published);
    }

    /// Says how the run ended, and waits a moment until all is told.
    pub fn end(self, results: &RunResults) {
        let Some(mut told) = self.0 else { return };
        dataset::judge(&mut told.inputs, results);
        told.emitter.tell(&told.event.end(results, &told.inputs, &told.outputs));
        told.emitter.finish();
    }
}
