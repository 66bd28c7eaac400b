//! What is expected of a server, and how a query that runs there is watched.

use std::time::Duration;

/// How long to wait for a server, and what is set on the session.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a server may take to answer at all.
    pub connect_timeout: Duration,
    /// How long one query may run.
    pub query_timeout: Duration,
    /// How long a server that went away in the middle of a query is looked for.
    pub lost_after: Duration,
    /// Spark's own settings of the session, such as `spark.sql.session.timeZone`.
    pub config: Vec<(String, String)>,
}

/// Who wants to know about a query while it runs.
pub trait Watch: Sync {
    /// Whether the query is not wanted any more; asked about ten times a second.
    fn interrupted(&self) -> bool;

    /// How far the server has come, as often as it says so.
    fn progress(&self, progress: &Progress);
}

/// How far a query has come, in the engine's own measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tasks known so far; more are known with every stage that begins.
    pub tasks: u64,
    /// Tasks that have ended.
    pub done: u64,
    /// Tasks that run now.
    pub running: u64,
    /// Bytes read from the tables.
    pub bytes_read: u64,
}

/// Nobody watches: the query runs to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

/// What every session has set.
const CONFIG: [(&str, &str); 3] = [
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.ansi.enabled", "true"),
    ("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"),
];

impl Default for Settings {
    /// A server answers within ten seconds and a query within an hour. Times are in UTC, are written as other programs read
    /// them, and what has no result (a sum too large, a division by zero) is an error where the engine knows of that.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            query_timeout: Duration::from_hours(1),
            lost_after: Duration::from_secs(20),
            config: CONFIG.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        }
    }
}

impl Watch for Unwatched {
    fn interrupted(&self) -> bool {
        false
    }

    fn progress(&self, _: &Progress) {}
}
