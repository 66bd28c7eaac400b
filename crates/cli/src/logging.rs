//! The log on standard error: text for people, one JSON object a line for machines.
//!
//! Every JSON line has `timestamp`, `level`, `target` and `message`; `run_id`, `pipeline` and `as_of` from when they are
//! known; and what the event itself tells (`source`, `rows`, `exit_code`, …) beside them.

use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Global, Log};
use crate::results::RunResults;
use crate::timings::Timings;

static JSON: AtomicBool = AtomicBool::new(false);
/// The run that lines belong to. Spans cannot tell: they do not cross from thread to thread.
static RUN: LazyLock<RwLock<Map<String, Value>>> = LazyLock::new(RwLock::default);

/// Sets the log up; `ABMART_LOG` narrows or widens it, as in `ABMART_LOG=debug`.
pub fn start(global: &Global) {
    let level = if global.quiet { "error" } else { "info" };
    let filter = EnvFilter::try_from_env("ABMART_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("abmart={level},abmart_engine={level},abmart_store={level}")));
    JSON.store(global.log == Log::Json, Ordering::Relaxed);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match global.log {
        Log::Json => lines.event_format(JsonLine).with_filter(filter).boxed(),
        Log::Text => {
            let colours = crate::exit::colours();
            lines.without_time().with_target(false).with_ansi(colours).compact().with_filter(filter).boxed()
        }
    };
    let spans = Targets::new().with_target("abmart_engine", LevelFilter::DEBUG);
    let registry = tracing_subscriber::registry().with(lines).with(Timings.with_filter(spans.clone()));
    #[cfg(feature = "otel")]
    {
        let tracer = crate::traces::tracer();
        let told = tracer.as_ref().err().cloned();
        let layer = tracer.ok().flatten().map(|tracer| tracing_opentelemetry::layer().with_tracer(tracer));
        registry.with(layer.with_filter(spans.with_target("abmart", LevelFilter::DEBUG))).init();
        if let Some(reason) = told {
            tracing::warn!("nothing is traced: {reason}");
        }
    }
    #[cfg(not(feature = "otel"))]
    registry.init();
}

/// Whether the log is JSON.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// From now on lines belong to this run.
pub fn belongs_to(results: &RunResults) {
    let mut run = Map::new();
    run.insert("run_id".to_owned(), json!(results.run_id));
    run.insert("pipeline".to_owned(), json!(results.pipeline));
    if let Some(as_of) = results.as_of {
        run.insert("as_of".to_owned(), json!(as_of));
    }
    *RUN.write().unwrap_or_else(PoisonError::into_inner) = run;
}

/// One JSON object a line.
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let run = RUN.read().unwrap_or_else(PoisonError::into_inner).clone();
        writeln!(writer, "{}", Value::Object(line(event, run)))
    }
}

fn line(event: &Event<'_>, run: Map<String, Value>) -> Map<String, Value> {
    let metadata = event.metadata();
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), json!(jiff::Timestamp::now()));
    line.insert("level".to_owned(), json!(metadata.level().as_str()));
    line.insert("target".to_owned(), json!(metadata.target()));
    line.extend(run);
    line.insert("message".to_owned(), json!(""));
    event.record(&mut Fields(&mut line));
    line
}

/// Puts an event's fields into its line.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        // A field with the name of a line's own part would make that part mean two things.
        let name = match field.name() {
            name @ ("timestamp" | "level" | "target") => format!("field_{name}"),
            name => name.to_owned(),
        };
        self.0.insert(name, value);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, json!(format!("{value:?}")));
    }
}
