//! What is looked out for every night, and whom a run tells of it.

use serde::Serialize;

use super::{Grain, Spanned, SqlExpr, Title, Window};
use crate::diagnostic::Span;

/// What the name of a column of the period before begins with.
pub const PRIOR: &str = "prior_";

/// A condition over the rows of an entity or over cells of the cube, in the newest period of a grain.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The alert's name.
    pub name: String,
    /// English and French title.
    pub title: Title,
    /// What it means.
    pub description: String,
    /// An entity, or `kpi_values`.
    pub over: Spanned<String>,
    /// Grain of the period that is looked at.
    pub grain: Grain,
    /// Whether the newest period that is over is looked at, instead of the one that is under way.
    pub complete: bool,
    /// Rows that it fires for.
    pub filter: SqlExpr,
    /// The figure that is shown.
    pub value: Option<SqlExpr>,
    /// What the figure is held against.
    pub threshold: Option<SqlExpr>,
    /// Who has to act.
    pub owner: Option<SqlExpr>,
    /// How grave it is.
    pub severity: AlertSeverity,
    /// What is to be done.
    pub action: Option<Title>,
    /// How long there is for it, counted from the day on which the alert was new.
    pub due: Option<Window>,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

impl Alert {
    /// Its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &SqlExpr> {
        [Some(&self.filter), self.value.as_ref(), self.threshold.as_ref(), self.owner.as_ref()].into_iter().flatten()
    }
}

/// How grave an alert is, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    /// Good to know.
    Info,
    /// Wants attention.
    Warning,
    /// Wants action at once.
    Critical,
}

impl AlertSeverity {
    /// The name in YAML and in marts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical].into_iter().find(|severity| severity.name() == name)
    }
}

/// Where new alerts are sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its name.
    pub name: String,
    /// The environment variable that holds the URL of the webhook, which is a secret.
    pub webhook: Spanned<String>,
    /// `en` or `fr`.
    pub language: String,
    /// The least severity that is sent.
    pub at_least: AlertSeverity,
    /// Alerts that are sent; empty: all.
    pub alerts: Vec<Spanned<String>>,
    /// Place of its name.
    pub span: Span,
}
