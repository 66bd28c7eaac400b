//! One query from its request to the last of its answer, across connections that break.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::execute_plan_response::{ExecutionProgress, ResponseType};
use spark_connect_proto as proto;
use tonic::{Status, Streaming};

use super::failure::{self, Meaning};
use super::session::{ALIVE_EVERY, ALIVE_WITHIN, Session};
use crate::{Progress, SparkError, Watch};

/// A query on its way.
pub(super) struct Execution<'a> {
    session: &'a Session,
    watch: &'a dyn Watch,
    request: proto::ExecutePlanRequest,
    lost_after: Duration,
    /// Whether the server may have the query already.
    sent: bool,
    last_response: Option<String>,
    complete: bool,
    trouble: Option<Trouble>,
    /// Whether the engine has said that it works on the query.
    works: Rc<Cell<bool>>,
    received: Received,
}

/// What has come of a query's answer.
pub(super) struct Received {
    pub query_id: String,
    pub streams: Vec<Bytes>,
    pub rows: u64,
}

/// Since when nothing comes any more, and how long to wait before the next attempt.
struct Trouble {
    since: Instant,
    pause: Duration,
}

/// How often who watches is asked.
const TICK: Duration = Duration::from_millis(100);
/// How long a query that is called off may take to begin.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between attempts to find a server again: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl<'a> Execution<'a> {
    pub(super) fn new(
        session: &'a Session,
        query_id: &str,
        plan: proto::Plan,
        watch: &'a dyn Watch,
        lost_after: Duration,
    ) -> Self {
        Self {
            session,
            watch,
            request: session.execute(query_id, plan),
            lost_after,
            sent: false,
            last_response: None,
            complete: false,
            trouble: None,
            works: Rc::default(),
            received: Received { query_id: query_id.to_owned(), streams: Vec::new(), rows: 0 },
        }
    }

    /// Runs it to its end, unless that takes too long or is not wanted any more: then the server is told to stop it.
    pub(super) async fn watched(self, limit: Duration) -> Result<Received, SparkError> {
        let (session, watch, works) = (self.session, self.watch, Rc::clone(&self.works));
        let (server, query_id) = (session.server().to_owned(), self.received.query_id.clone());
        let mut run = pin!(self.run());
        let begun = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        let cancelled = loop {
            tokio::select! {
                received = &mut run => return received,
                _ = tick.tick() => {}
            }
            if watch.interrupted() {
                break SparkError::Interrupted { server, query_id: query_id.clone() };
            }
            if begun.elapsed() >= limit {
                break SparkError::TimedOut { server, query_id: query_id.clone(), limit };
            }
        };
        // Spark forgets to stop jobs that it is just about to submit, and they would run to their end for nobody.
        let asked = Instant::now();
        while session.stops_only_what_runs() && !works.get() && asked.elapsed() < PATIENCE {
            tokio::select! {
                _ = &mut run => return Err(cancelled),
                _ = tick.tick() => {}
            }
        }
        session.interrupt(&query_id).await;
        Err(cancelled)
    }

    async fn run(mut self) -> Result<Received, SparkError> {
        while !self.complete {
            let begun = Instant::now();
            if let Err(ended) = self.connected().await {
                self.recover(&ended, begun.elapsed()).await?;
            } else if !self.complete {
                // A server ends a stream after some minutes and waits for the client to ask for the rest.
                tokio::time::sleep(FIRST_PAUSE).await;
            }
        }
        Ok(self.received)
    }

    /// Takes responses from one connection, until the last one or the end of the connection's stream.
    async fn connected(&mut self) -> Result<(), Ended> {
        let mut stream = self.stream().await?;
        while let Some(response) = stream.message().await? {
            self.trouble = None;
            self.take(response)?;
            if self.complete {
                break;
            }
        }
        Ok(())
    }

    async fn stream(&mut self) -> Result<Streaming<proto::ExecutePlanResponse>, Status> {
        let mut stub = self.session.stub();
        let response = if self.sent {
            let request = self.session.reattach(&self.received.query_id, self.last_response.as_deref());
            stub.reattach_execute(request).await?
        } else {
            self.sent = true;
            stub.execute_plan(self.request.clone()).await?
        };
        Ok(response.into_inner())
    }

    fn take(&mut self, response: proto::ExecutePlanResponse) -> Result<(), SparkError> {
        if !response.response_id.is_empty() {
            self.last_response = Some(response.response_id);
        }
        match response.response_type {
            Some(ResponseType::ArrowBatch(batch)) => {
                let begins = batch.start_offset.map(count);
                if begins.is_some_and(|begins| begins != self.received.rows) {
                    let reason = format!("after {} rows came row {}", self.received.rows, begins.unwrap_or_default());
                    return Err(SparkError::Protocol { server: self.session.server().to_owned(), reason });
                }
                self.received.rows += count(batch.row_count);
                self.received.streams.push(batch.data);
            }
            Some(ResponseType::ExecutionProgress(progress)) => {
                let progress = measured(&progress);
                self.works.set(self.works.get() || progress.tasks > 0);
                self.watch.progress(&progress);
            }
            Some(ResponseType::ResultComplete(_)) => self.complete = true,
            _ => {}
        }
        Ok(())
    }

    /// Decides whether another connection may help, and waits a little for it.
    async fn recover(&mut self, ended: &Ended, lasted: Duration) -> Result<(), SparkError> {
        let status = match ended {
            Ended::Error(error) => return Err(error.clone()),
            Ended::Status(status) => status,
        };
        let reason = match failure::meaning(status) {
            Meaning::Gone(reason) => reason,
            // The server has not heard of the query: its request was lost with the connection.
            Meaning::UnknownQuery(reason) if self.last_response.is_none() && self.trouble.is_some() => {
                self.sent = false;
                reason
            }
            Meaning::KnownQuery if self.trouble.is_some() => return Ok(()),
            Meaning::SessionGone(reason) | Meaning::UnknownQuery(reason) => {
                return Err(SparkError::SessionGone {
                    server: self.session.server().to_owned(),
                    query_id: self.received.query_id.clone(),
                    reason,
                });
            }
            Meaning::KnownQuery | Meaning::Refused => {
                return Err(failure::of_query(status, self.session, &self.received.query_id));
            }
        };
        let now = Instant::now();
        let trouble = self.trouble.get_or_insert(Trouble { since: now, pause: FIRST_PAUSE });
        if lasted > ALIVE_EVERY + ALIVE_WITHIN {
            // Long silence on a connection that was asked whether it is alive is no trouble.
            *trouble = Trouble { since: now, pause: FIRST_PAUSE };
        }
        if trouble.since.elapsed() >= self.lost_after {
            return Err(SparkError::Lost {
                server: self.session.server().to_owned(),
                query_id: self.received.query_id.clone(),
                reason,
                waited: self.lost_after,
            });
        }
        tracing::debug!(server = self.session.server(), query_id = self.received.query_id, reason, "no connection");
        let pause = trouble.pause.min(self.lost_after.saturating_sub(trouble.since.elapsed()));
        trouble.pause = (trouble.pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Why a connection's stream ended before the answer did.
enum Ended {
    Status(Status),
    Error(SparkError),
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<SparkError> for Ended {
    fn from(error: SparkError) -> Self {
        Self::Error(error)
    }
}

fn measured(progress: &ExecutionProgress) -> Progress {
    let sum = |of: fn(&proto::execute_plan_response::execution_progress::StageInfo) -> i64| {
        progress.stages.iter().map(|stage| count(of(stage))).sum()
    };
    Progress {
        tasks: sum(|stage| stage.num_tasks),
        done: sum(|stage| stage.num_completed_tasks),
        running: count(progress.num_inflight_tasks),
        bytes_read: sum(|stage| stage.input_bytes_read),
    }
}

/// The protocol counts in signed numbers.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
