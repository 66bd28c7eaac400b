//! Stores behind HTTP: built from a location, settings and the environment.

/// The client that a builder makes. The builders of the three clouds have the same methods, and no trait in common.
macro_rules! remote {
    ($site:expr, $builder:expr, $bucket:expr, $anonymous:expr, $secrets:expr) => {{
        use $crate::remote::{CREDENTIALS, attempts_for, below};
        let (site, builder, anonymous) = ($site, $builder, $anonymous);
        let builder = if anonymous {
            builder.with_skip_signature(true)
        } else {
            let patient = builder.clone().with_retry(attempts_for(CREDENTIALS));
            let provider = patient.build().map_err(|error| site.refused(&error))?.credentials().clone();
            builder.with_credentials(provider)
        };
        let objects = builder.build().map_err(|error| site.refused(&error))?;
        let provider = objects.credentials().clone();
        Ok(Remote {
            credentials: Box::pin(
                async move { if anonymous { Ok(()) } else { provider.get_credential().await.map(drop) } },
            ),
            objects: below(objects, $bucket),
            secrets: $secrets,
        })
    }};
}

mod azure;
mod google;
mod profile;
mod s3;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use object_store::client::ClientConfigKey;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::location::Bucket;
use crate::settings::RETRY_SECONDS;
use crate::{Environment, Location, StoreError, StoreSettings};

/// A client of a bucket or container.
pub(crate) struct Remote {
    /// Its objects; keys are those below the prefix.
    pub objects: Arc<dyn ObjectStore>,
    /// Asks for credentials, so that their lack is told from other failures.
    pub credentials: BoxFuture<'static, Result<(), object_store::Error>>,
    /// Texts that no message may show.
    pub secrets: Vec<String>,
}

/// How long a request may take, its body included; each has at most some megabytes.
const TIMEOUT: &str = "60 seconds";
/// How long it may take to reach the server.
const CONNECT_TIMEOUT: &str = "5 seconds";
/// For how long credentials are asked for: a machine without a role never answers.
const CREDENTIALS: Duration = Duration::from_secs(5);

/// A client for the store at `location`; none for a folder.
///
/// # Errors
/// [`StoreError::Settings`] where something is missing or contradictory, [`StoreError::Credentials`] where a profile
/// has none.
pub(crate) fn client(
    location: &Location,
    settings: &StoreSettings,
    environment: &Environment,
) -> Result<Option<Remote>, StoreError> {
    let site = Site { location, settings, environment };
    match location {
        Location::Local(_) => Ok(None),
        Location::S3(bucket) => s3::client(&site, bucket).map(Some),
        Location::Azure { container, account } => azure::client(&site, container, account.as_deref()).map(Some),
        Location::Google(bucket) => google::client(&site, bucket).map(Some),
    }
}

/// A store that is to be reached.
struct Site<'a> {
    location: &'a Location,
    settings: &'a StoreSettings,
    environment: &'a Environment,
}

impl Site<'_> {
    /// The time between attempts doubles from a tenth of a second up to ten; many clients that were throttled together
    /// do not come back together.
    fn retries(&self) -> RetryConfig {
        let seconds = self.settings.retry_seconds.unwrap_or(RETRY_SECONDS);
        attempts_for(Duration::from_secs(seconds.into()))
    }

    /// Settings of all clients with their values: those of the environment, else this program's own.
    fn client_options(&self, prefix: &str) -> Vec<(ClientConfigKey, String)> {
        let or = |name: &str, own: &str| {
            self.environment.text(&format!("{prefix}_{name}")).unwrap_or_else(|| own.to_owned())
        };
        let mut options = vec![
            (ClientConfigKey::Timeout, or("TIMEOUT", TIMEOUT)),
            (ClientConfigKey::ConnectTimeout, or("CONNECT_TIMEOUT", CONNECT_TIMEOUT)),
        ];
        if self.settings.allow_http {
            options.push((ClientConfigKey::AllowHttp, "true".to_owned()));
        }
        options
    }

    /// Refuses an endpoint that no request could be sent to.
    fn check_endpoint(&self, endpoint: Option<&str>, allow_http: bool) -> Result<(), StoreError> {
        let Some(endpoint) = endpoint else { return Ok(()) };
        let Ok(url) = url::Url::parse(endpoint) else {
            return Err(self.wrong("the endpoint is not a URL, such as https://storage.example.com:9000"));
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(self.wrong("the endpoint carries credentials or a query, which do not belong there"));
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if allow_http => Ok(()),
            "http" => Err(self.wrong(&format!(
                "its endpoint {endpoint} is not encrypted; `allow_http: true` in the store's settings permits that"
            ))),
            other => Err(self.wrong(&format!("its endpoint begins with `{other}:`; it must be https, or http"))),
        }
    }

    fn wrong(&self, reason: &str) -> StoreError {
        StoreError::Settings { store: self.location.to_string(), reason: reason.to_owned() }
    }

    /// What the client's builder refuses, none of which is secret.
    fn refused(&self, error: &object_store::Error) -> StoreError {
        let mut reason = error.to_string();
        if let Some(cause) = std::error::Error::source(error) {
            reason = cause.to_string();
        }
        self.wrong(&reason)
    }
}

fn attempts_for(retry_timeout: Duration) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: if retry_timeout.is_zero() { 0 } else { usize::MAX },
        retry_timeout,
    }
}

/// The objects below a bucket's prefix.
fn below<T: ObjectStore>(objects: T, bucket: &Bucket) -> Arc<dyn ObjectStore> {
    if bucket.prefix.is_empty() {
        Arc::new(objects)
    } else {
        Arc::new(PrefixStore::new(objects, bucket.prefix.as_str()))
    }
}
