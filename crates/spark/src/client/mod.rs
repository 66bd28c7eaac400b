//! The connection to a server, and the queries that run there.

mod engine;
mod execution;
mod failure;
mod session;

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spark_connect_proto as proto;
use tokio::runtime::{Handle, Runtime};
use uuid::Uuid;

use crate::{Remote, Settings, SparkError, Watch};
use execution::{Execution, Received};
use session::Session;

/// A session on a server of Spark Connect; it is closed when this is dropped.
///
/// Callers are synchronous and never within an async runtime: there every call would block its threads.
pub struct Client {
    runtime: Runtime,
    session: Session,
    settings: Settings,
}

/// The rows of a query.
#[derive(Clone)]
pub struct Answer {
    /// The query, as the server's own pages and logs name it.
    pub query_id: String,
    /// Arrow IPC streams in the order of the rows, each with the schema; none where the server sent none for no rows.
    pub streams: Vec<Bytes>,
    /// The rows in them.
    pub rows: u64,
    /// From the question to the last row.
    pub elapsed: Duration,
}

/// What a query has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The query, as the server's own pages and logs name it.
    pub query_id: String,
    /// From the question to the server's word that all is there.
    pub elapsed: Duration,
}

impl Client {
    /// Opens a session and sets its configuration.
    ///
    /// # Errors
    /// [`SparkError::Unreachable`] when nobody answers in time, [`SparkError::Credentials`] when the token is not
    /// accepted, [`SparkError::Protocol`] when something else answers, [`SparkError::Failed`] when the server refuses a
    /// setting, [`SparkError::Start`] when the system gives no thread.
    pub fn connect(remote: &Remote, settings: &Settings) -> Result<Self, SparkError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("abmart-spark")
            .enable_all()
            .build()
            .map_err(|source| SparkError::Start { reason: source.to_string() })?;
        let session = runtime.block_on(Session::open(remote, settings))?;
        tracing::debug!(server = session.server(), engine = session.engine(), session = session.id(), "connected");
        Ok(Self { runtime, session, settings: settings.clone() })
    }

    /// The engine's name and version as far as they are known, such as `Spark 4.3.0`; else `Spark Connect`.
    #[must_use]
    pub fn engine(&self) -> &str {
        self.session.engine()
    }

    /// Host and port.
    #[must_use]
    pub fn server(&self) -> &str {
        self.session.server()
    }

    /// Runs a query and brings its rows. A connection that breaks is taken up again where it broke.
    ///
    /// # Errors
    /// [`SparkError::Unsupported`] and [`SparkError::Failed`] with the server's reason, [`SparkError::Lost`] when the
    /// server went away, [`SparkError::SessionGone`] when it has forgotten the session, [`SparkError::TimedOut`] and
    /// [`SparkError::Interrupted`] when the query was cancelled.
    pub fn rows(&self, sql: &str, watch: &dyn Watch) -> Result<Answer, SparkError> {
        let begun = Instant::now();
        let plan = proto::plan::OpType::Root(query(sql));
        let Received { query_id, streams, rows } = self.run(plan, watch)?;
        Ok(Answer { query_id, streams, rows, elapsed: begun.elapsed() })
    }

    /// Has the server write the rows of a query as Parquet to a folder that does not exist yet, in folders
    /// `column=value` where columns are given. The path or URL is the server's to reach. A query without rows may leave
    /// no folder.
    ///
    /// # Errors
    /// As [`Client::rows`]; [`SparkError::Failed`] when the folder is there. What a failed write has left in the folder is
    /// the caller's to remove.
    pub fn write(
        &self,
        sql: &str,
        folder: &str,
        partition_by: &[&str],
        watch: &dyn Watch,
    ) -> Result<Written, SparkError> {
        let begun = Instant::now();
        let write = proto::WriteOperation {
            input: Some(query(sql)),
            source: Some("parquet".to_owned()),
            save_type: Some(proto::write_operation::SaveType::Path(folder.to_owned())),
            mode: proto::write_operation::SaveMode::ErrorIfExists.into(),
            partitioning_columns: partition_by.iter().map(|&column| column.to_owned()).collect(),
            ..proto::WriteOperation::default()
        };
        let command = proto::Command { command_type: Some(proto::command::CommandType::WriteOperation(write)) };
        let Received { query_id, .. } = self.run(proto::plan::OpType::Command(command), watch)?;
        Ok(Written { query_id, elapsed: begun.elapsed() })
    }

    fn run(&self, plan: proto::plan::OpType, watch: &dyn Watch) -> Result<Received, SparkError> {
        let query_id = Uuid::new_v4().to_string();
        let plan = proto::Plan { op_type: Some(plan) };
        let execution = Execution::new(&self.session, &query_id, plan, watch, self.settings.lost_after);
        let received = self.runtime.block_on(execution.watched(self.settings.query_timeout));
        // The server keeps what it has sent until it is told that it arrived, or that nobody waits for it.
        self.runtime.spawn(self.session.release(&query_id));
        received
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("query_id", &self.query_id)
            .field("streams", &self.streams.iter().map(Bytes::len).collect::<Vec<_>>())
            .field("rows", &self.rows)
            .field("elapsed", &self.elapsed)
            .finish()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Closing is a courtesy: the server closes it by itself after a while.
        if Handle::try_current().is_err() {
            self.runtime.block_on(self.session.close());
        }
    }
}

fn query(sql: &str) -> proto::Relation {
    let sql = proto::Sql { query: sql.to_owned(), ..proto::Sql::default() };
    proto::Relation { rel_type: Some(proto::relation::RelType::Sql(sql)), ..proto::Relation::default() }
}
