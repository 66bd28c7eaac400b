//! Why a plan cannot be made.

use jiff::civil::Date;

/// Why a plan cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The project has no such pipeline.
    #[error("there is no pipeline `{name}`{}", suggestion(.known, "; pipelines.yaml has "))]
    UnknownPipeline {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No snapshot at all, so there is no newest one to choose the day by.
    #[error("the lake holds no snapshot of any source, so there is no day to run for; `--lake` names another lake")]
    NoSnapshot,
    /// The day asked for lies before everything.
    #[error("as-of {as_of} is older than any snapshot of source `{source_name}`: the oldest is {oldest}")]
    BeforeFirstSnapshot {
        /// The source.
        source_name: String,
        /// The day asked for.
        as_of: Date,
        /// The oldest snapshot.
        oldest: Date,
    },
    /// A source that is not optional has no file.
    #[error(
        "source `{source_name}` has no file: nothing below the lake matches `{path}`; a source that may be absent says `optional: true`"
    )]
    MissingSource {
        /// The source.
        source_name: String,
        /// Its path template.
        path: String,
    },
    /// No grain gives a period.
    #[error("pipeline `{0}` has no period: `periods` names no grain that the lake's days fill")]
    NoPeriod(String),
}

impl PlanError {
    /// Whether the command or the project is wrong, rather than the data.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self, Self::UnknownPipeline { .. } | Self::BeforeFirstSnapshot { .. } | Self::NoPeriod(_))
    }
}

fn suggestion(known: &[String], lead: &str) -> String {
    if known.is_empty() { String::new() } else { format!("{lead}{}", known.join(", ")) }
}
