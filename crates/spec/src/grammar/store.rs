//! `stores`: where they are and how they are reached.

use super::{Key, Object, Shape};

pub(super) static STORES: Object = Object {
    name: "stores",
    doc: "Where data lies: a path relative to the project or a URL, short (`lake: s3://bucket/lake`) or with settings. `--lake`, `--marts` and `--cache` name another place; the settings given here go on holding for one of the same kind.",
    keys: &[
        Key::new("lake", LOCATION, "Where the snapshots are read.", "lake: {url: 's3://acme/lake', region: eu-west-3}")
            .default("`data/lake`"),
        Key::new("marts", LOCATION, "Where the marts are published.", "marts: out/marts").default("`out/marts`"),
        Key::new("cache", LOCATION, "Where the results of rollups are kept between runs.", "cache: out/cache")
            .default("`out/cache`"),
    ],
    rules: &[],
};

pub(super) const LOCATION: Shape = Shape::ScalarOr(&Shape::Word("location"), &Shape::Object(&STORE));

static STORE: Object = Object {
    name: "store",
    doc: "A store with settings. What is not set here comes from the environment, as the clouds' own tools find it; credentials always do.",
    keys: &[
        Key::new(
            "url",
            Shape::Word("location"),
            "A path, or `file:///…`, `s3://bucket/prefix`, `az://container/prefix`, `abfss://container@account.dfs.core.windows.net/prefix`, `gs://bucket/prefix`.",
            "url: s3://acme/lake",
        )
        .required(),
        Key::new(
            "endpoint",
            Shape::Word("URL"),
            "The server to talk to instead of the cloud's own: an S3-compatible store, an emulator, a private endpoint.",
            "endpoint: https://minio.example.com:9000",
        )
        .default("the cloud's own"),
        Key::new("region", Shape::Word("region"), "Region of an S3 bucket.", "region: eu-west-3")
            .default("`AWS_REGION`, or that of the profile"),
        Key::new(
            "profile",
            Shape::Word("profile"),
            "Profile of `~/.aws` that the credentials for an S3 bucket come from; it comes before keys in the environment.",
            "profile: nightly",
        )
        .default("`AWS_PROFILE`, else `default`"),
        Key::new("account", Shape::Word("storage account"), "Storage account of an Azure container.", "account: acmelake")
            .default("that of the URL, or `AZURE_STORAGE_ACCOUNT_NAME`"),
        Key::new("allow_http", Shape::Boolean, "Whether the endpoint may be unencrypted.", "allow_http: true")
            .default("`false`"),
        Key::new(
            "anonymous",
            Shape::Boolean,
            "Whether the store is public, so that requests are not signed.",
            "anonymous: true",
        )
        .default("`false`"),
        Key::new(
            "virtual_hosted_style",
            Shape::Boolean,
            "Whether the endpoint's host already holds the bucket's name, instead of the path.",
            "virtual_hosted_style: true",
        )
        .default("`false`"),
        Key::new(
            "retry_seconds",
            Shape::Whole(0, 3600),
            "For how many seconds a request that is throttled or fails for a passing reason is tried again.",
            "retry_seconds: 120",
        )
        .default("`60`"),
        Key::new(
            "unsafe_no_lease",
            Shape::Boolean,
            "Whether runs write marts without a lease, into a store without conditional puts. Whoever sets it sees to it that never two runs write there at the same time.",
            "unsafe_no_lease: true",
        )
        .default("`false`"),
    ],
    rules: &[],
};
