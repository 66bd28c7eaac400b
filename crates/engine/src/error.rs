//! Why a run stops.

use abmart_spec::diagnostic::Span;
use polars::prelude::PolarsError;

use crate::input::finding::Finding;
use crate::remote::RemoteError;
use crate::sql::formula::FormulaError;
use crate::sql::rewrite::RewriteError;

/// Why a run stops. [`EngineError::At`] says where in the YAML the definition stands that could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Polars refused a query or failed in it.
    #[error("{0}")]
    Polars(#[from] PolarsError),
    /// SQL that cannot be rewritten for Polars.
    #[error("{0}")]
    Rewrite(#[from] RewriteError),
    /// A formula that cannot be lowered.
    #[error("{0}")]
    Formula(#[from] FormulaError),
    /// A file that cannot be read.
    #[error("source `{source_name}`, file `{file}`: {reason}")]
    Unreadable {
        /// The source.
        source_name: String,
        /// The file's key.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of the scratch folder that cannot be written.
    #[error("scratch file `{path}`: {reason}")]
    Scratch {
        /// The file.
        path: std::path::PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// An entry of the cache that is not what this program writes.
    #[error("the entry is not readable: {0}")]
    CacheEntry(String),
    /// A result that the cache held a moment ago is gone.
    #[error("cache entry `{0}` is gone")]
    CacheLost(abmart_store::CacheKey),
    /// Rows whose currency has no rate on their day.
    #[error(
        "no rate for {currency} on {day}: {rows} rows of `{table}` cannot be converted to {reporting}; the table of rates must cover every day that money carries"
    )]
    MissingRate {
        /// The currency without a rate.
        currency: String,
        /// The first such day.
        day: String,
        /// How many rows lack a rate in all.
        rows: usize,
        /// The table whose money is converted.
        table: String,
        /// The reporting currency.
        reporting: String,
    },
    /// Checks with severity `fail` failed.
    #[error("{}{}", if .0.len() > 1 { "the lake breaks its contracts; nothing was published\n  " } else { "" }, lines(.0))]
    Contract(Vec<Finding>),
    /// Rows of a source are neither used nor set aside nor later than the run's day: a mistake of this program.
    #[error("audit of source `{source_name}` failed: {what}; nothing was published")]
    RowsLost {
        /// The source.
        source_name: String,
        /// The numbers that do not add up.
        what: String,
    },
    /// A staged mart did not pass its audit; nothing was published.
    #[error("audit of mart `{mart}` failed: {problem}; nothing was published")]
    Audit {
        /// The mart.
        mart: String,
        /// What is wrong, with numbers.
        problem: String,
    },
    /// A table does not hold the amounts that it divides up.
    #[error("it does not reconcile with `{with}`: {problem}; nothing was published")]
    Unreconciled {
        /// What it divides up.
        with: String,
        /// Where the sums differ, with numbers.
        problem: String,
    },
    /// Parts of a figure do not add up to it: a mistake of this program.
    #[error("the parts of kpi `{kpi}` do not add up to its figure: {problem}")]
    NotItsParts {
        /// The KPI.
        kpi: String,
        /// The numbers that differ.
        problem: String,
    },
    /// An attribution whose input or models do not allow it.
    #[error("{0}")]
    Attribution(String),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] abmart_store::StoreError),
    /// A mart could not be made into Arrow.
    #[error("{0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Another engine failed.
    #[error("{0}; nothing was published")]
    Remote(RemoteError),
    /// A rollup that only Polars can compute.
    #[error("{0}")]
    NotPortable(String),
    /// The run was told to stop.
    #[error("interrupted; nothing was published")]
    Interrupted,
    /// Any of these, with the definition that it happened in.
    #[error("{what}: {source}")]
    At {
        /// The definition: "table `won_deals`".
        what: String,
        /// Its place in the YAML.
        span: Span,
        /// What happened.
        source: Box<EngineError>,
    },
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

impl EngineError {
    /// Adds the definition in which the error happened, unless one is known already.
    #[must_use]
    pub fn at(self, what: impl Into<String>, span: Span) -> Self {
        match self {
            already @ (Self::At { .. } | Self::Unreadable { .. } | Self::Contract(_) | Self::Interrupted) => already,
            other => Self::At { what: what.into(), span, source: Box::new(other) },
        }
    }

    /// Whether a result that the cache held a moment ago is gone.
    #[must_use]
    pub fn is_lost_entry(&self) -> bool {
        match self {
            Self::CacheLost(_) => true,
            Self::At { source, .. } => source.is_lost_entry(),
            _ => false,
        }
    }

    /// Whether the environment failed, so that trying again is sensible.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        match self {
            Self::Store(error) => error.is_environment(),
            Self::Remote(error) => error.environment,
            Self::At { source, .. } => source.is_environment(),
            _ => false,
        }
    }
}
