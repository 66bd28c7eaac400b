//! Posting JSON to a web service of the company's own: retried with backoff, bounded in time, secrets unseen.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use tokio::runtime::{Builder, Runtime};

/// Time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Time for all attempts at one message.
const IN_ALL: Duration = Duration::from_secs(15);
/// Attempts after the first.
const RETRIES: usize = 4;

/// A web service that takes JSON.
pub struct Service {
    client: Client,
    url: Url,
    key: Option<HeaderValue>,
    runtime: Runtime,
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The service could not be reached, or broke off.
    #[error("{0}")]
    Transport(String),
    /// It answered with something else than success.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// The time for all attempts is over.
    #[error("no answer within {} s", IN_ALL.as_secs())]
    TooLate,
}

impl PostError {
    /// Whether another attempt may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            Self::TooLate => false,
        }
    }
}

/// Whether a URL is one that can be posted to.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

impl Service {
    /// A service at a URL; `key` is sent as a bearer token.
    ///
    /// # Errors
    /// Where no client can be made or the key is no text that a header can hold.
    pub fn new(url: Url, key: Option<&str>) -> Result<Self, String> {
        let client = Client::builder().timeout(ATTEMPT).build().map_err(|error| error.without_url().to_string())?;
        let key = key.map(|key| {
            let value = HeaderValue::from_str(&format!("Bearer {key}"));
            value.map_err(|_| "its key holds characters that a header cannot".to_owned())
        });
        let mut key = key.transpose()?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        Ok(Self { client, url, key, runtime })
    }

    /// The service as messages call it: without user, password and query.
    pub fn label(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}", self.url.scheme(), self.url.host_str().unwrap_or_default(), self.url.path())
    }

    /// Posts JSON and waits for the answer.
    ///
    /// # Errors
    /// When it did not arrive after several attempts or in time, or the service does not want it.
    pub fn post(&self, body: &str) -> Result<(), PostError> {
        self.runtime.block_on(self.attempts(body))
    }

    async fn attempts(&self, body: &str) -> Result<(), PostError> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(3))
            .with_max_times(RETRIES)
            .with_jitter();
        let attempts = (|| self.attempt(body)).retry(backoff).when(PostError::is_passing);
        tokio::time::timeout(IN_ALL, attempts).await.unwrap_or(Err(PostError::TooLate))
    }

    async fn attempt(&self, body: &str) -> Result<(), PostError> {
        let mut request =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_owned());
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        // The URL may carry a password.
        let failed = |error: reqwest::Error| PostError::Transport(crate::exit::chain(&error.without_url()));
        let status = request.send().await.map_err(failed)?.status();
        if status.is_success() { Ok(()) } else { Err(PostError::Status(status)) }
    }
}
