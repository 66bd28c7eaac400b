/// How a store is reached, where its location and the environment do not say it. What stands here comes before the
/// environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// The server to talk to, such as `https://minio.example.com:9000`, instead of the cloud's own.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// The profile of the AWS files that credentials come from.
    pub profile: Option<String>,
    /// The storage account of an Azure container.
    pub account: Option<String>,
    /// Whether the endpoint may be unencrypted.
    pub allow_http: bool,
    /// Whether the store is public, so that requests are not signed.
    pub anonymous: bool,
    /// Whether the bucket's name is part of the endpoint's host instead of the path.
    pub virtual_hosted_style: bool,
    /// For how many seconds a request that fails for a passing reason is tried again.
    pub retry_seconds: Option<u32>,
}

/// For how many seconds a request is tried again unless something else is asked for.
pub const RETRY_SECONDS: u32 = 60;
