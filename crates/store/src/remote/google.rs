//! Google Cloud Storage.

use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as Config};

use super::{Remote, Site};
use crate::StoreError;
use crate::location::Bucket;

/// Credentials come from the environment: a service account's file or key, application default credentials; else the
/// identity of the machine.
pub(super) fn client(site: &Site<'_>, bucket: &Bucket) -> Result<Remote, StoreError> {
    let settings = site.settings;
    let mut builder = GoogleCloudStorageBuilder::new();
    for (key, value) in site.environment.config::<Config>("GOOGLE_") {
        builder = builder.with_config(key, value);
    }
    builder = builder.with_bucket_name(&bucket.name).with_retry(site.retries());
    for (key, value) in site.client_options("GOOGLE") {
        builder = builder.with_config(Config::Client(key), value);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let endpoint = builder.get_config_value(&Config::BaseUrl);
    site.check_endpoint(endpoint.as_deref(), settings.allow_http || site.environment.flag("GOOGLE_ALLOW_HTTP"))?;
    let anonymous = settings.anonymous || site.environment.flag("GOOGLE_SKIP_SIGNATURE");
    let secrets = site.environment.texts(&["GOOGLE_SERVICE_ACCOUNT_KEY"]);
    remote!(site, builder, bucket, anonymous, secrets)
}
