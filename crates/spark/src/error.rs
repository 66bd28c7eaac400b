use std::time::Duration;

use thiserror::Error;

/// What can go wrong between the program and a server of Spark Connect.
///
/// Messages name the server by host and port, never with its token. [`SparkError::is_environment`] tells failures that a
/// retry may cure from those that need a change of the configuration, of the query or of the data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SparkError {
    /// The text given as a server's address is none.
    #[error("address of the Spark Connect server: {reason}; an address is `sc://host:15002/;use_ssl=true;token=…`")]
    Address {
        /// What is wrong and what would be right; without values of parameters.
        reason: String,
    },

    /// Nobody answers there.
    #[error(
        "no Spark Connect server answers at {server}: {reason}; is it started, are host and port right, \
         and does it want TLS (`use_ssl=true`)?"
    )]
    Unreachable {
        /// Host and port.
        server: String,
        /// What happened instead.
        reason: String,
    },

    /// The server does not accept the token, or wants one.
    #[error(
        "the Spark Connect server at {server} refuses the credentials: {reason}; `token=…` in its address is the one that it was started with"
    )]
    Credentials {
        /// Host and port.
        server: String,
        /// The server's words.
        reason: String,
    },

    /// The server does not take a setting of the session.
    #[error("the Spark Connect server at {server} refuses the configuration of the session: {reason}")]
    Refused {
        /// Host and port.
        server: String,
        /// The server's words, shortened.
        reason: String,
    },

    /// The server went away while a query ran.
    #[error(
        "the Spark Connect server at {server} went away in the middle of query {query_id} ({reason}) \
         and was not there again within {} s; nothing of the query is kept, run again when it is back",
        waited.as_secs()
    )]
    Lost {
        /// Host and port.
        server: String,
        /// The query's id, as the server's own pages and logs show it.
        query_id: String,
        /// What happened.
        reason: String,
        /// How long it was looked for.
        waited: Duration,
    },

    /// The server does not know this session any more: it was started anew, or closed the session.
    #[error(
        "the Spark Connect server at {server} has closed the session or was started anew ({reason}); \
         nothing of query {query_id} is kept, run again"
    )]
    SessionGone {
        /// Host and port.
        server: String,
        /// The query's id.
        query_id: String,
        /// The server's words.
        reason: String,
    },

    /// The server lacks something that the query needs, such as a function.
    #[error(
        "{engine} at {server} cannot run query {query_id}: {reason}; use another engine, or reduce this rollup without one"
    )]
    Unsupported {
        /// Host and port.
        server: String,
        /// The engine's name and version.
        engine: String,
        /// The query's id.
        query_id: String,
        /// The server's words, shortened.
        reason: String,
    },

    /// The query failed on the server.
    #[error("query {query_id} failed on {engine} at {server}: {}{message}", if class.is_empty() { String::new() } else { format!("[{class}] ") })]
    Failed {
        /// Host and port.
        server: String,
        /// The engine's name and version.
        engine: String,
        /// The query's id.
        query_id: String,
        /// The server's class of the error, such as `DIVIDE_BY_ZERO`; empty where it names none.
        class: String,
        /// The server's words, shortened.
        message: String,
    },

    /// The query took longer than it may.
    #[error(
        "query {query_id} on the Spark Connect server at {server} was cancelled: it did not end within {} s; \
         a longer time can be set", limit.as_secs()
    )]
    TimedOut {
        /// Host and port.
        server: String,
        /// The query's id.
        query_id: String,
        /// How long it was allowed to run.
        limit: Duration,
    },

    /// Whoever watched the query did not want it any more.
    #[error("query {query_id} on the Spark Connect server at {server} was cancelled")]
    Interrupted {
        /// Host and port.
        server: String,
        /// The query's id.
        query_id: String,
    },

    /// What answers does not keep to the protocol.
    #[error("{server} does not answer as a Spark Connect server does: {reason}")]
    Protocol {
        /// Host and port.
        server: String,
        /// What was expected, and what came.
        reason: String,
    },

    /// The operating system gives the client no thread.
    #[error("the client of Spark Connect could not be started: {reason}")]
    Start {
        /// The system's reason.
        reason: String,
    },
}

impl SparkError {
    /// True when the surroundings failed (network, server, credentials) and the same command may succeed later; false when
    /// the configuration, the query or the data is wrong.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Credentials { .. }
            | Self::Lost { .. }
            | Self::SessionGone { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::Start { .. } => true,
            Self::Address { .. }
            | Self::Refused { .. }
            | Self::Unsupported { .. }
            | Self::Failed { .. }
            | Self::Protocol { .. } => false,
        }
    }

    /// The query that it is about, as the server's own pages and logs name it.
    #[must_use]
    pub fn query_id(&self) -> Option<&str> {
        match self {
            Self::Lost { query_id, .. }
            | Self::SessionGone { query_id, .. }
            | Self::Unsupported { query_id, .. }
            | Self::Failed { query_id, .. }
            | Self::TimedOut { query_id, .. }
            | Self::Interrupted { query_id, .. } => Some(query_id),
            Self::Address { .. }
            | Self::Unreachable { .. }
            | Self::Credentials { .. }
            | Self::Refused { .. }
            | Self::Protocol { .. }
            | Self::Start { .. } => None,
        }
    }
}
