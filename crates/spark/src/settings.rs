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

impl Default for Settings {
    /// A server answers within ten seconds and a query within an hour; times are in UTC.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            query_timeout: Duration::from_hours(1),
            lost_after: Duration::from_secs(20),
            config: vec![("spark.sql.session.timeZone".to_owned(), "UTC".to_owned())],
        }
    }
}

impl Watch for Unwatched {
    fn interrupted(&self) -> bool {
        false
    }

    fn progress(&self, _: &Progress) {}
}
