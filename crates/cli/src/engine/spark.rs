//! An engine that speaks Spark Connect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use abmart_engine::remote::{Question, Remote, RemoteError};
use abmart_spark::{Client, Settings, SparkError, Watch};
use abmart_spec::Project;
use abmart_spec::model;
use abmart_store::Location;
use arrow::array::RecordBatch;
use arrow_ipc::reader::StreamReader;

use super::staging::Staging;
use super::{EngineUse, QueryUse, Used};
use crate::exit::{Failure, chain, config};
use crate::progress::Progress;

/// A session with a server.
pub struct Spark<'a> {
    client: Client,
    address: String,
    lake: String,
    staging: Option<Staging>,
    /// Rows up to which an answer is sent; where there is a staging folder, larger ones are written to it.
    sent_rows: u64,
    progress: &'a Progress,
    connected_in: f64,
    queries: Mutex<Vec<QueryUse>>,
    asked: AtomicUsize,
}

/// For how long a server may take to answer at all.
const CONNECT: Duration = Duration::from_secs(30);

impl<'a> Spark<'a> {
    /// Opens a session.
    ///
    /// # Errors
    /// When the address is none, the token is missing, or the server does not answer.
    pub fn connect(
        project: &Project,
        settings: &model::Spark,
        run_id: &str,
        progress: &'a Progress,
    ) -> Result<Self, Failure> {
        let mut remote: abmart_spark::Remote =
            settings.remote.value.parse().map_err(|error: SparkError| config(chain(&error)))?;
        if let Some(variable) = &settings.token {
            let token = std::env::var(&variable.value).ok().filter(|token| !token.is_empty());
            let missing =
                || config(format!("the environment variable {} with the token of Spark is not set", variable.value));
            remote = remote.with_token(&token.ok_or_else(missing)?).map_err(|error| config(chain(&error)))?;
        }
        let lake = match &settings.lake_url {
            Some(url) => url.value.trim_end_matches('/').to_owned(),
            None => url_of(&project.stores.lake.url.value, project, "lake_url")?,
        };
        let staging = settings.staging.as_ref().map(|store| {
            let url = match &settings.staging_url {
                Some(url) => url.value.trim_end_matches('/').to_owned(),
                None => url_of(&store.url.value, project, "staging_url")?,
            };
            Ok::<_, Failure>(Staging::new(crate::project::open(store, project, true)?, url, run_id))
        });
        let begun = Instant::now();
        let client = Client::connect(
            &remote,
            &Settings {
                connect_timeout: CONNECT,
                query_timeout: Duration::from_secs(u64::from(settings.timeout_minutes) * 60),
                lost_after: Duration::from_secs(u64::from(settings.retry_seconds)),
                ..Settings::default()
            },
        );
        let client = client.map_err(|error| failure(&error))?;
        let connected_in = begun.elapsed().as_secs_f64();
        tracing::info!(remote = %remote, version = client.engine(), seconds = connected_in, "connected to Spark");
        Ok(Self {
            client,
            address: remote.to_string(),
            lake,
            staging: staging.transpose()?,
            sent_rows: u64::from(settings.sent_rows),
            progress,
            connected_in,
            queries: Mutex::default(),
            asked: AtomicUsize::new(0),
        })
    }

    fn fetch(
        &self,
        question: &Question<'_>,
        watch: &Watcher<'_>,
        rows: &mut dyn FnMut(&RecordBatch),
    ) -> Result<QueryUse, RemoteError> {
        let mut used = QueryUse {
            about: question.about.to_owned(),
            id: String::new(),
            files: question.files,
            rows: 0,
            bytes: 0,
            staged: false,
            seconds: 0.0,
        };
        let mut take = |batch: &RecordBatch| {
            used.rows += batch.num_rows() as u64;
            rows(batch);
        };
        let of_spark = |error: SparkError| remote_error(question.about, &error);
        let broken = |what: String| RemoteError {
            message: format!("Spark's answer about {} cannot be read: {what}", question.about),
            interrupted: false,
            environment: true,
        };
        if let Some(staging) = self.staging.as_ref().filter(|_| question.rows > self.sent_rows) {
            let folder = staging.folder(self.asked.fetch_add(1, Ordering::Relaxed));
            let written = self.client.write(question.sql, &staging.url(&folder), &[], watch).map_err(of_spark);
            let read = written.and_then(|written| {
                used.id = written.query_id;
                staging.read(&folder, &mut take).map_err(broken)
            });
            staging.remove(&folder);
            used.bytes = read?;
            used.staged = true;
        } else {
            let answer = self.client.rows(question.sql, watch).map_err(of_spark)?;
            used.id = answer.query_id;
            for stream in &answer.streams {
                used.bytes += stream.len() as u64;
                let reader = StreamReader::try_new(stream.as_ref(), None).map_err(|error| broken(error.to_string()))?;
                for batch in reader {
                    take(&batch.map_err(|error| broken(error.to_string()))?);
                }
            }
        }
        Ok(used)
    }
}

impl Remote for Spark<'_> {
    fn location(&self, key: &str) -> String {
        format!("{}/{key}", self.lake)
    }

    fn ask(&self, question: &Question<'_>, rows: &mut dyn FnMut(&RecordBatch)) -> Result<(), RemoteError> {
        let _timed = tracing::debug_span!("spark", name = question.about).entered();
        let begun = Instant::now();
        tracing::debug!(about = question.about, files = question.files, "query begins");
        let watch = Watcher { question, progress: self.progress };
        let mut used = self.fetch(question, &watch, rows)?;
        used.seconds = begun.elapsed().as_secs_f64();
        tracing::debug!(about = used.about, id = used.id, rows = used.rows, seconds = used.seconds, "query done");
        self.queries.lock().unwrap_or_else(PoisonError::into_inner).push(used);
        Ok(())
    }
}

impl Used for Spark<'_> {
    fn used(&self) -> EngineUse {
        EngineUse {
            remote: self.address.clone(),
            version: Some(self.client.engine()).filter(|version| !version.is_empty()).map(str::to_owned),
            connected_in: self.connected_in,
            queries: self.queries.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// Looks after a query while it runs.
struct Watcher<'a> {
    question: &'a Question<'a>,
    progress: &'a Progress,
}

impl Watch for Watcher<'_> {
    fn interrupted(&self) -> bool {
        self.question.interrupted.load(Ordering::Relaxed)
    }

    fn progress(&self, progress: &abmart_spark::Progress) {
        self.progress.elsewhere(self.question.about, progress.done, progress.tasks);
    }
}

/// How the engine names a place of this program.
fn url_of(place: &str, project: &Project, key: &str) -> Result<String, Failure> {
    let location = Location::parse(place, &project.root)?;
    match &location {
        Location::Local(folder) => {
            let folder = std::path::absolute(folder)
                .map_err(|error| config(format!("{} is no folder: {error}", folder.display())))?;
            Ok(format!("file://{}", folder.display()))
        }
        Location::S3(bucket) => Ok(format!("s3a://{bucket}")),
        Location::Google(bucket) => Ok(format!("gs://{bucket}")),
        other => {
            let text = other.to_string();
            if text.starts_with("abfss://") {
                return Ok(text);
            }
            Err(config(format!(
                "`{key}` says how Spark names {text}: `abfss://container@account.dfs.core.windows.net/…`"
            )))
        }
    }
}

fn remote_error(about: &str, error: &SparkError) -> RemoteError {
    RemoteError {
        message: format!("{about}: {}", chain(error)),
        interrupted: matches!(error, SparkError::Interrupted { .. }),
        environment: error.is_environment(),
    }
}

fn failure(error: &SparkError) -> Failure {
    if error.is_environment() { Failure::Environment(chain(error)) } else { config(chain(error)) }
}
