//! How long each definition took: the spans of the engine, added up.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

static SPENT: Mutex<BTreeMap<(&'static str, String), Spent>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    seconds: f64,
    times: u64,
}

/// What a definition took in all.
#[derive(Debug, Clone, Serialize)]
pub struct Timing {
    /// What it is: `source`, `rollup`, `table`, `fact`, `score`, `entity`, `mart`, …; `slice` for the steps of reading events.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Seconds, those of all threads added up.
    pub seconds: f64,
    /// How often it was computed: once a file, a period, ….
    pub times: u64,
}

/// Forgets what was counted so far: another run begins.
pub fn restart() {
    SPENT.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// What took longest, that first.
pub fn taken() -> Vec<Timing> {
    let spent = SPENT.lock().unwrap_or_else(PoisonError::into_inner);
    let timing = |((kind, name), spent): (&(&'static str, String), &Spent)| Timing {
        kind,
        name: name.clone(),
        seconds: spent.seconds,
        times: spent.times,
    };
    let mut timings: Vec<Timing> = spent.iter().map(timing).collect();
    timings.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    timings
}

/// Adds up how long spans with a field `name` were entered.
pub struct Timings;

struct Running {
    name: String,
    since: Option<Instant>,
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Timings {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut name = Name(None);
        attributes.record(&mut name);
        if let (Some(name), Some(span)) = (name.0, context.span(id)) {
            span.extensions_mut().insert(Running { name, since: None });
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(running) = span.extensions_mut().get_mut::<Running>()
        {
            running.since = Some(Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(running) = extensions.get_mut::<Running>() else { return };
        let Some(since) = running.since.take() else { return };
        let mut all = SPENT.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = all.entry((span.name(), running.name.clone())).or_default();
        spent.seconds += since.elapsed().as_secs_f64();
        spent.times += 1;
    }
}

struct Name(Option<String>);

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "name" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}
