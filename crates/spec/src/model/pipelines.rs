//! What `pipelines.yaml` says beside the names of its job files: stores, lineage, settings, and what runs together.

use indexmap::IndexMap;
use serde::Serialize;

use super::{Grain, Spanned, Title, Window};
use crate::diagnostic::Span;

/// The three stores.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Where the snapshots are read.
    pub lake: Store,
    /// Where the marts are published.
    pub marts: Store,
    /// Where rollup results are kept between runs.
    pub cache: Store,
}

/// Where a store is, and how it is reached.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the YAML")]
pub struct Store {
    /// Its location: a URL, or a path relative to the project.
    pub url: Spanned<String>,
    /// The server to talk to instead of the cloud's own.
    pub endpoint: Option<String>,
    /// Region of an S3 bucket.
    pub region: Option<String>,
    /// Profile of the AWS files that credentials come from.
    pub profile: Option<String>,
    /// Storage account of an Azure container.
    pub account: Option<String>,
    /// Whether the endpoint may be unencrypted.
    pub allow_http: bool,
    /// Whether the store is public, so that requests are not signed.
    pub anonymous: bool,
    /// Whether the bucket's name is part of the endpoint's host.
    pub virtual_hosted_style: bool,
    /// For how many seconds a request that fails for a passing reason is tried again.
    pub retry_seconds: Option<u32>,
    /// Whether runs write without a lease, so that whoever starts them sees to it that no two do at once.
    pub unsafe_no_lease: bool,
}

impl Store {
    /// A store with no settings.
    #[must_use]
    pub fn at(url: Spanned<String>) -> Self {
        Self {
            url,
            endpoint: None,
            region: None,
            profile: None,
            account: None,
            allow_http: false,
            anonymous: false,
            virtual_hosted_style: false,
            retry_seconds: None,
            unsafe_no_lease: false,
        }
    }
}

/// Whom runs tell what they read and write, as `OpenLineage` events. The environment comes before it.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// Namespace of the pipelines as jobs.
    pub namespace: Option<Spanned<String>>,
    /// Base URL of the service that takes the events.
    pub url: Option<Spanned<String>>,
    /// Path below it.
    pub endpoint: Option<Spanned<String>>,
    /// File that events are appended to, relative to the project.
    pub file: Option<Spanned<String>>,
}

/// Project-wide settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// ISO 4217 code of the currency that money is converted to.
    pub currency: String,
    /// IANA name of the reporting time zone; a day is a day of this zone.
    pub time_zone: String,
    /// First month (1–12) of the fiscal year, where one is declared.
    pub fiscal_year_start: Option<u8>,
    /// Source or table of currency rates (`day`, `currency`, `rate`).
    pub rates: Option<Spanned<String>>,
    /// Source or table of targets.
    pub targets: Option<Spanned<String>>,
    /// Table of benchmarks.
    pub benchmarks: Option<Spanned<String>>,
    /// For how long before the newest day the mart `data_quality` keeps the findings of earlier runs.
    pub quality_history: Window,
    /// For how long the mart `alerts` keeps alerts that are resolved.
    pub alert_history: Window,
    /// Of how many of its newest runs each pipeline keeps a record, beside the marts.
    pub kept_runs: u32,
}

/// What runs together.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The pipeline's name.
    pub name: String,
    /// English and French title.
    pub title: Title,
    /// The pipeline whose published marts it reads, instead of computing anew.
    pub from: Option<Spanned<String>>,
    /// Grain → how many of its newest periods; none: all that the lake's events cover.
    pub periods: IndexMap<Grain, Option<u32>>,
    /// Dimensions of the cube, in the order of cut names.
    pub cube: Vec<Spanned<String>>,
    /// Dimensions as they were at each period's end, or as they are.
    pub dimensions: DimensionMode,
    /// Marts to publish; empty: all.
    pub marts: Vec<Spanned<String>>,
    /// Where rollups are computed, unless in this process.
    pub engine: Option<Spark>,
    /// Place of its name.
    pub span: Span,
}

/// An engine that speaks Spark Connect, and how it is reached.
#[derive(Debug, Clone)]
pub struct Spark {
    /// Its address: `sc://host:15002`.
    pub remote: Spanned<String>,
    /// The environment variable that holds its token.
    pub token: Option<Spanned<String>>,
    /// How it names the lake.
    pub lake_url: Option<Spanned<String>>,
    /// Where it writes results that are too large to be sent.
    pub staging: Option<Store>,
    /// How it names that place.
    pub staging_url: Option<Spanned<String>>,
    /// Rows up to which a result is sent all the same.
    pub sent_rows: u32,
    /// For how many minutes a query may take.
    pub timeout_minutes: u32,
    /// For how many seconds a connection that is lost is tried again.
    pub retry_seconds: u32,
}

impl Spark {
    /// A server without further settings.
    #[must_use]
    pub fn at(remote: Spanned<String>) -> Self {
        Self {
            remote,
            token: None,
            lake_url: None,
            staging: None,
            staging_url: None,
            sent_rows: 1_000_000,
            // Long enough for the first night of a large lake.
            timeout_minutes: 120,
            // A server that is started anew is there again by then.
            retry_seconds: 30,
        }
    }
}

/// Which snapshot gives an account its dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DimensionMode {
    /// The newest before each period's end.
    AsWas,
    /// The newest of the run.
    Restated,
}
