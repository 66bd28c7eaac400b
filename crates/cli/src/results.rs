//! `run_results.json`, beside the marts: what a run did, or why it failed.

use std::collections::BTreeMap;
use std::time::Instant;

use abmart_engine::cache::CacheReport;
use abmart_engine::{OpenAlert, Outcome, SourceRows, StageTime};
use abmart_plan::Plan;
use abmart_store::{Bytes, Store, StoreError};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::deliver::DeliveryResult;
use crate::engine::EngineUse;
use crate::exit::Failure;
use crate::timings::{self, Timing};

/// Key of the results in the store of marts.
pub const KEY: &str = "run_results.json";

/// What a run did.
#[derive(Debug, Clone, Serialize)]
pub struct RunResults {
    /// The run.
    pub run_id: String,
    /// Version of the program.
    pub abmart: &'static str,
    /// The pipeline.
    pub pipeline: String,
    /// The run's day, once it was known.
    pub as_of: Option<Date>,
    /// `published` or `failed`.
    pub status: &'static str,
    /// The program's exit code.
    pub exit_code: u8,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// Seconds that it took.
    pub seconds: f64,
    /// Seconds by stage.
    pub stages: Vec<StageTime>,
    /// Seconds by definition, what took longest first.
    pub timings: Vec<Timing>,
    /// Rows of every source: in = used + quarantined + later.
    pub sources: Vec<SourceRows>,
    /// Newest day of every source that has days: of a snapshot its day, of events the first day of their partition.
    pub newest: BTreeMap<String, Date>,
    /// Rows of every rollup.
    pub rollups: BTreeMap<String, usize>,
    /// Cells of the KPI cube.
    pub cells: usize,
    /// What another engine did, where one reduced files of the lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineUse>,
    /// What was taken from the cache, and what was computed.
    pub cache: CacheReport,
    /// What was published.
    pub marts: Vec<MartResult>,
    /// Alerts that are open, by whether they are new.
    pub alerts: AlertCounts,
    /// What was sent of them, and where to.
    pub deliveries: Vec<DeliveryResult>,
    /// Checks that failed for some rows.
    pub findings: Vec<abmart_engine::Finding>,
    #[serde(skip)]
    begun: Instant,
}

/// How many alerts are open.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct AlertCounts {
    /// Those that no earlier run found.
    pub new: usize,
    /// Those that an earlier run found already.
    pub continuing: usize,
}

/// A published mart.
#[derive(Debug, Clone, Serialize)]
pub struct MartResult {
    /// Its name.
    pub mart: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Whether all of it was already there, byte for byte.
    pub unchanged: bool,
    /// The version of its Delta table, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_version: Option<u64>,
}

/// What `status` reads of the results.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct LastRun {
    /// The run.
    pub run_id: String,
    /// The pipeline.
    pub pipeline: String,
    /// The run's day.
    pub as_of: Option<Date>,
    /// `published` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// Seconds that it took.
    pub seconds: f64,
    /// Rows of every source.
    #[serde(default)]
    pub sources: Vec<LastRows>,
    /// Checks that were breached.
    #[serde(default)]
    pub findings: Vec<serde_json::Value>,
}

/// What `status` reads of a source's rows.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct LastRows {
    /// The source.
    pub source: String,
    /// Rows read.
    pub rows_in: u64,
    /// Rows set aside.
    pub rows_quarantined: u64,
}

impl RunResults {
    /// Results of a run that begins now.
    pub fn begun(run_id: String, pipeline: String, as_of: Option<Date>) -> Self {
        timings::restart();
        Self {
            run_id,
            abmart: env!("CARGO_PKG_VERSION"),
            pipeline,
            as_of,
            status: "failed",
            exit_code: 1,
            error: None,
            started_at: jiff::Timestamp::now(),
            seconds: 0.0,
            stages: Vec::new(),
            timings: Vec::new(),
            sources: Vec::new(),
            newest: BTreeMap::new(),
            rollups: BTreeMap::new(),
            cells: 0,
            engine: None,
            cache: CacheReport::default(),
            marts: Vec::new(),
            alerts: AlertCounts::default(),
            deliveries: Vec::new(),
            findings: Vec::new(),
            begun: Instant::now(),
        }
    }

    /// Takes over what the engine saw.
    pub fn saw(&mut self, outcome: &Outcome) {
        self.stages.clone_from(&outcome.stages);
        self.sources.clone_from(&outcome.sources);
        self.rollups.clone_from(&outcome.rollup_rows);
        self.cells = outcome.cells;
        self.findings = outcome.findings.iter().filter(|finding| finding.breached).cloned().collect();
    }

    /// Takes over which alerts are open.
    pub fn alerted(&mut self, alerts: &[OpenAlert], as_of: Date) {
        let new = alerts.iter().filter(|alert| alert.opened_on == as_of).count();
        self.alerts = AlertCounts { new, continuing: alerts.len() - new };
    }

    /// Takes over what the plan says.
    pub fn planned(&mut self, plan: &Plan) {
        self.as_of = Some(plan.as_of);
        let newest = |files: &[abmart_plan::PlannedFile]| files.iter().map(|file| file.day).max();
        let dated = plan.sources.iter().filter_map(|(name, source)| Some((name.clone(), newest(&source.files)?)));
        // A source whose path names no day has files of all days.
        self.newest = dated.filter(|(_, day)| *day > Date::MIN).collect();
    }

    /// How it ended, and how long it took.
    pub fn conclude(&mut self, failure: Option<&Failure>) {
        self.status = if failure.is_none() { "published" } else { "failed" };
        self.exit_code = failure.map_or(0, Failure::code);
        self.error = failure.map(Failure::text);
        self.seconds = self.begun.elapsed().as_secs_f64();
        self.timings = timings::taken();
    }

    /// Writes the results.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn write(&self, store: &Store) -> Result<(), StoreError> {
        // Plain data without maps of odd keys always has a JSON form.
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        store.put(KEY, Bytes::from(text))
    }
}
