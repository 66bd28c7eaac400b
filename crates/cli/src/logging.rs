//! The log on standard error: text for people, one JSON object a line for machines.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::Registry;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Global, Log};
use crate::timings::Timings;

static JSON: AtomicBool = AtomicBool::new(false);

/// Sets the log up; `ABMART_LOG` narrows or widens it, as in `ABMART_LOG=debug`.
pub fn start(global: &Global) {
    let level = if global.quiet { "error" } else { "info" };
    let filter = EnvFilter::try_from_env("ABMART_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("abmart={level},abmart_engine={level},abmart_store={level}")));
    JSON.store(global.log == Log::Json, Ordering::Relaxed);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match global.log {
        Log::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(filter).boxed()
        }
        Log::Text => {
            let colours = crate::exit::colours();
            lines.without_time().with_target(false).with_ansi(colours).compact().with_filter(filter).boxed()
        }
    };
    let spans = Targets::new().with_target("abmart_engine", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(lines).with(Timings.with_filter(spans)).init();
}

/// Whether the log is JSON.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}
