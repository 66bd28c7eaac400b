//! Where rollups are computed: in this process, or on the engine that a pipeline or the command line names.

#[cfg(feature = "spark")]
mod spark;
#[cfg(feature = "spark")]
mod staging;

use abmart_engine::remote::Remote;
use abmart_spec::Project;
use abmart_spec::diagnostic::{Diagnostic, Span};
use abmart_spec::model::{self, Spanned};
use serde::Serialize;

use crate::args::{Engine, Global};
use crate::exit::{Failure, config};
use crate::progress::Progress;

/// The environment variable that names the server instead of the project.
const REMOTE: &str = "ABMART_SPARK_REMOTE";

/// What another engine did in a run.
#[derive(Debug, Clone, Serialize)]
pub struct EngineUse {
    /// The server, without its token.
    pub remote: String,
    /// What it calls itself, where it says so.
    pub version: Option<String>,
    /// Seconds until the session was there.
    pub connected_in: f64,
    /// The queries, in order.
    pub queries: Vec<QueryUse>,
}

/// A query that another engine ran.
#[derive(Debug, Clone, Serialize)]
pub struct QueryUse {
    /// What it was about.
    pub about: String,
    /// The engine's id of it.
    pub id: String,
    /// Files that it read.
    pub files: usize,
    /// Rows that came back.
    pub rows: u64,
    /// Bytes that came back.
    pub bytes: u64,
    /// Whether they were sent, or written to the staging folder and read from there.
    pub staged: bool,
    /// Seconds until the last row was here.
    pub seconds: f64,
}

/// An engine that is asked in a run, and what it was asked.
pub trait Used: Remote {
    /// What it did.
    fn used(&self) -> EngineUse;
}

/// The engine of a pipeline, where it is not this process.
///
/// # Errors
/// When it is not known which one is meant, the program was built without it, or it cannot be reached.
pub fn of<'a>(
    project: &Project,
    pipeline: &str,
    global: &Global,
    run_id: &str,
    progress: &'a Progress,
) -> Result<Option<Box<dyn Used + 'a>>, Failure> {
    let Some(settings) = wanted(project, pipeline, global)? else { return Ok(None) };
    connect(project, &settings, run_id, progress).map(Some)
}

#[cfg(feature = "spark")]
fn connect<'a>(
    project: &Project,
    settings: &model::Spark,
    run_id: &str,
    progress: &'a Progress,
) -> Result<Box<dyn Used + 'a>, Failure> {
    Ok(Box::new(spark::Spark::connect(project, settings, run_id, progress)?))
}

#[cfg(not(feature = "spark"))]
fn connect<'a>(_: &Project, _: &model::Spark, _: &str, _: &'a Progress) -> Result<Box<dyn Used + 'a>, Failure> {
    Err(config(
        "this abmart was built without the feature `spark`: `cargo build --release --features spark` builds one with it, `--engine local` computes here",
    ))
}

/// The settings of the engine that a run takes; none for this process.
///
/// # Errors
/// When Spark is asked for and nothing says where it is.
pub fn wanted(project: &Project, pipeline: &str, global: &Global) -> Result<Option<model::Spark>, Failure> {
    let of_pipeline = project.pipelines.get(pipeline).and_then(|pipeline| pipeline.engine.clone());
    let named = std::env::var(REMOTE).ok().filter(|remote| !remote.is_empty());
    let settings = match (global.engine, of_pipeline) {
        (Some(Engine::Local), _) | (None, None) => return Ok(None),
        (_, Some(settings)) => settings,
        (Some(Engine::Spark), None) => {
            let Some(remote) = &named else {
                return Err(config(format!(
                    "nothing says where Spark is: pipeline `{pipeline}` has no `engine: {{spark: {{remote: …}}}}`, and {REMOTE} is not set"
                )));
            };
            model::Spark::at(Spanned { value: remote.clone(), span: Span::none() })
        }
    };
    Ok(Some(match named {
        Some(remote) => model::Spark { remote: Spanned { value: remote, span: settings.remote.span }, ..settings },
        None => settings,
    }))
}

/// What of the project's rollups the engine of a pipeline cannot compute; nothing where it is this process.
pub fn refusals(project: &Project, global: &Global) -> Vec<Diagnostic> {
    let by_pipeline = project.pipelines.values().any(|pipeline| pipeline.engine.is_some());
    match global.engine {
        Some(Engine::Spark) => abmart_pushdown::check(project),
        None if by_pipeline => abmart_pushdown::check(project),
        _ => Vec::new(),
    }
}
