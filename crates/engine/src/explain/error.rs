//! Why a figure cannot be explained.

use crate::error::EngineError;

/// Why a figure cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// It cannot be computed.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The cube has no such dimension.
    #[error("`{name}` is not a dimension{}; KPIs are cut by {}", meant(.suggestion.as_ref()), .known.join(", "))]
    UnknownDimension {
        /// The name asked for.
        name: String,
        /// The dimensions.
        known: Vec<String>,
        /// The one that was likely meant.
        suggestion: Option<String>,
    },
    /// A dimension has no such value in the period.
    #[error(
        "`{dimension}` has no value `{value}` in the period{}; it has {}",
        meant(.suggestion.as_ref()),
        listed(.known)
    )]
    UnknownValue {
        /// The dimension.
        dimension: String,
        /// The value asked for.
        value: String,
        /// The values in the period.
        known: Vec<String>,
        /// The one that was likely meant.
        suggestion: Option<String>,
    },
}

impl From<polars::prelude::PolarsError> for ExplainError {
    fn from(error: polars::prelude::PolarsError) -> Self {
        Self::Engine(error.into())
    }
}

/// Values that a message names.
const NAMED: usize = 20;

fn meant(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

fn listed(values: &[String]) -> String {
    let named = values.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(NAMED) {
        _ if values.is_empty() => "none".to_owned(),
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
