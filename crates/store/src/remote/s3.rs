//! Amazon S3, and what speaks its protocol.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Config, S3ConditionalPut};

use super::profile::Profile;
use super::{Remote, Site};
use crate::StoreError;
use crate::location::Bucket;

/// Credentials come from, in this order: the profile that the settings name; the environment (keys, a web identity, a
/// container's role); the profile that `AWS_PROFILE` names, or `default`; the role of the machine.
pub(super) fn client(site: &Site<'_>, bucket: &Bucket) -> Result<Remote, StoreError> {
    let settings = site.settings;
    let mut builder = AmazonS3Builder::new();
    for (key, value) in site.environment.config::<Config>("AWS_") {
        builder = builder.with_config(key, value);
    }
    builder = builder
        .with_bucket_name(&bucket.name)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(site.retries());
    for (key, value) in site.client_options("AWS") {
        builder = builder.with_config(Config::Client(key), value);
    }
    let mut secrets =
        site.environment.texts(&["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_TOKEN"]);
    let mut endpoint = settings.endpoint.clone().or_else(|| site.environment.text("AWS_ENDPOINT_URL_S3"));
    endpoint = endpoint.or_else(|| builder.get_config_value(&Config::Endpoint));
    let mut region = settings
        .region
        .clone()
        .or_else(|| site.environment.text("AWS_REGION"))
        .or_else(|| site.environment.text("AWS_DEFAULT_REGION"));
    let anonymous = settings.anonymous || site.environment.flag("AWS_SKIP_SIGNATURE");
    if let Some(profile) = Profile::find(site, &builder, anonymous)? {
        region = region.or_else(|| profile.get("region").map(str::to_owned));
        endpoint = endpoint.or_else(|| profile.get("endpoint_url").map(str::to_owned));
        if let Some(credentials) = profile.credentials(site)? {
            secrets.extend(credentials.values().cloned());
            // Those of the environment belong to somebody else.
            let session = credentials.get(&Config::Token).cloned().unwrap_or_default();
            for (key, value) in credentials {
                builder = builder.with_config(key, value);
            }
            if !session.is_empty() || site.environment.text("AWS_SESSION_TOKEN").is_some() {
                builder = builder.with_token(session);
            }
        }
    }
    site.check_endpoint(endpoint.as_deref(), settings.allow_http || site.environment.flag("AWS_ALLOW_HTTP"))?;
    match (&region, &endpoint) {
        (Some(region), _) => builder = builder.with_region(region),
        (None, Some(_)) => {}
        (None, None) => {
            return Err(site.wrong("no region is known; set `region` in the store's settings, or AWS_REGION"));
        }
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_config(Config::S3Endpoint, endpoint);
    }
    if settings.virtual_hosted_style {
        builder = builder.with_virtual_hosted_style_request(true);
    }
    remote!(site, builder, bucket, anonymous, secrets)
}
