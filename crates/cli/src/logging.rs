//! The log on standard error: text for people, one JSON object a line for machines.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;

use crate::args::{Global, Log};

static JSON: AtomicBool = AtomicBool::new(false);

/// Sets the log up; `ABMART_LOG` narrows or widens it, as in `ABMART_LOG=debug`.
pub fn start(global: &Global) {
    let level = if global.quiet { "error" } else { "info" };
    let filter = EnvFilter::try_from_env("ABMART_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("abmart={level},abmart_engine={level},abmart_store={level}")));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    JSON.store(global.log == Log::Json, Ordering::Relaxed);
    match global.log {
        Log::Json => log.json().flatten_event(true).init(),
        Log::Text => log.without_time().with_target(false).with_ansi(crate::exit::colours()).compact().init(),
    }
}

/// Whether the log is JSON.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}
