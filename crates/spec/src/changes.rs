//! The log of definitions: when KPIs came, went and changed their meaning.

use jiff::civil::Date;

/// An entry of the log, as the mart `kpi_changes` publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Day of the first run that knew the KPI as it is since.
    pub on: Date,
    /// The KPI.
    pub kpi: String,
    /// `added`, `removed`, `redefined` or `version`.
    pub change: String,
    /// Version before, where there was one.
    pub version_before: Option<i64>,
    /// Version since, where there is one.
    pub version: Option<i64>,
    /// Formula before, where there was one.
    pub formula_before: Option<String>,
    /// Formula since, where there is one.
    pub formula: Option<String>,
    /// Fingerprint of the definition since, where there is one.
    pub definition: Option<String>,
}
