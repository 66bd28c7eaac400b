//! Publishing to an object store: the program is killed at each of its requests in turn, while a reader looks on.

#![expect(clippy::float_cmp, clippy::unused_self, clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use abmart_testkit::{Fault, Proxy, Request, S3Server, at_every_request};
use arrow::array::AsArray as _;
use arrow::datatypes::Float64Type;
use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore as _, ObjectStoreExt as _};
use serde_json::Value;
use support::marts::batches;
use support::tiny::{Tiny, ended};
use tokio::runtime::Runtime;

/// A bucket, and those who read it.
struct Bucket {
    server: S3Server,
    reader: AmazonS3,
    runtime: Runtime,
}

/// Mart and name of the file → content.
type Marts = BTreeMap<String, Bytes>;

impl Bucket {
    fn start() -> Self {
        let server = S3Server::start(&["marts"]);
        let reader = server.client("marts");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        Self { server, reader, runtime }
    }

    /// Begins a run whose marts go below a prefix, through an endpoint.
    fn begin(&self, place: &Tiny, prefix: &str, endpoint: &str) -> Child {
        let mut command = place.command_to(&["run"], format!("s3://marts/{prefix}"));
        command.envs(S3Server::environment(endpoint));
        command.spawn().expect("the program starts")
    }

    fn run(&self, place: &Tiny, prefix: &str) {
        ended(self.begin(place, prefix, &self.server.url())).ok();
    }

    /// What is published, all of one manifest: each file is read on condition of the e-tag that the manifest names, and
    /// reading begins again where it is another. `None` where there is no rest.
    fn published(&self, prefix: &str, patience: usize) -> Option<Marts> {
        self.runtime.block_on(async {
            for _ in 0..patience {
                let key = Path::from(format!("{prefix}/_abmart/manifest.json"));
                let manifest = self.reader.get(&key).await.expect("a manifest").bytes().await.expect("a manifest");
                let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest is never half-written");
                if let Some(marts) = self.named(prefix, &manifest).await {
                    return Some(marts);
                }
            }
            None
        })
    }

    async fn named(&self, prefix: &str, manifest: &Value) -> Option<Marts> {
        let mut marts = Marts::new();
        for (mart, entry) in manifest["marts"].as_object().expect("marts") {
            for file in entry["files"].as_array().expect("files") {
                let key = file["key"].as_str().expect("a key");
                let name = file["name"].as_str().map_or_else(|| key.to_owned(), |name| format!("{mart}/{name}"));
                let if_match = Some(file["etag"].as_str().expect("an e-tag").to_owned());
                let options = GetOptions { if_match, ..GetOptions::default() };
                let found = self.reader.get_opts(&Path::from(format!("{prefix}/{key}")), options).await.ok()?;
                marts.insert(name, found.bytes().await.ok()?);
            }
        }
        Some(marts)
    }
}

/// The night that all marts are of; each account is worth its number.
fn night(marts: &Marts) -> f64 {
    let mut nights = Vec::new();
    for file in marts.values() {
        let sum = |name: &str| -> f64 {
            let column = |batch: &arrow::array::RecordBatch| {
                let column = arrow::compute::cast(
                    batch.column_by_name(name).expect("a column"),
                    &arrow::datatypes::DataType::Float64,
                );
                column.expect("numbers").as_primitive::<Float64Type>().iter().flatten().sum::<f64>()
            };
            batches(file).iter().map(column).sum()
        };
        nights.push(sum("revenue") / sum("accounts"));
    }
    assert!(nights.windows(2).all(|two| two[0] == two[1]), "a mix of nights: {nights:?}");
    nights[0]
}

fn kill(child: &AtomicU32) {
    let id = loop {
        match child.load(Ordering::SeqCst) {
            0 => std::thread::yield_now(),
            id => break id,
        }
    };
    let killed = Command::new("kill").args(["-9", &id.to_string()]).status();
    assert!(killed.expect("kill").success());
}

/// A second night that is killed at its `n`-th request, before that or after it has reached the store.
fn killed_at(bucket: &Bucket, n: usize, arrives: bool, expected: &Marts) {
    let prefix = format!("{n}-{arrives}");
    let place = Tiny::new();
    bucket.run(&place, &prefix);
    place.night(2);
    let proxy = Proxy::start(&bucket.server.url());
    let child = Arc::new(AtomicU32::new(0));
    let dying = Arc::clone(&child);
    let end = move |_: &Request| kill(&dying);
    proxy.at(n, if arrives { Fault::after(end) } else { Fault::instead(end) });
    let run = bucket.begin(&place, &prefix, &proxy.url());
    child.store(run.id(), Ordering::SeqCst);
    ended(run);
    // A reader finds one night, or no rest before the next run has finished what this one began.
    if let Some(marts) = bucket.published(&prefix, 3) {
        night(&marts);
    }
    bucket.run(&place, &prefix);
    let marts = bucket.published(&prefix, 1).expect("rest");
    assert!(marts == *expected, "killed at request {n}, which arrived: {arrives}");
}

#[test]
fn killed_at_any_request_the_next_run_gives_what_an_undisturbed_one_gives() {
    let bucket = Bucket::start();
    let place = Tiny::new();
    bucket.run(&place, "undisturbed");
    place.night(2);
    let proxy = Proxy::start(&bucket.server.url());
    ended(bucket.begin(&place, "undisturbed", &proxy.url())).ok();
    let expected = bucket.published("undisturbed", 1).expect("rest");
    assert_eq!((expected.len(), night(&expected)), (3, 2.0));
    let requests = proxy.requests();
    assert!(requests.len() > 30, "only {} requests", requests.len());
    at_every_request(&requests, 4, |n, arrives| killed_at(&bucket, n, arrives, &expected));
}

#[test]
fn a_reader_who_goes_by_the_manifest_never_sees_two_nights_at_once() {
    let bucket = Bucket::start();
    let place = Tiny::new();
    bucket.run(&place, "a");
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.push(night(&bucket.published("a", 1000).expect("rest between two runs")));
            }
            seen
        });
        for number in 2..8 {
            place.night(number);
            bucket.run(&place, "a");
        }
        over.store(true, Ordering::Relaxed);
        reader.join().expect("a reader")
    });
    assert!(seen.is_sorted(), "nights follow each other: {seen:?}");
    assert!(seen.last() > seen.first(), "{seen:?}");
}

#[test]
fn of_two_runs_at_once_one_works_and_the_other_says_who_holds_the_lease() {
    let bucket = Bucket::start();
    let place = Tiny::new();
    bucket.run(&place, "a");
    let mut refused = 0;
    for number in 2..8 {
        place.night(number);
        let children = [(); 2].map(|()| bucket.begin(&place, "a", &bucket.server.url()));
        let outcomes = children.map(ended);
        assert!(outcomes.iter().any(|outcome| outcome.code == 0), "one of two always works");
        for outcome in outcomes.into_iter().filter(|outcome| outcome.code != 0) {
            outcome.fails(3, &["is in use: run ", "holds its lease since 20", ", until 20"]);
            refused += 1;
        }
        assert_eq!(night(&bucket.published("a", 1).expect("rest")), f64::from(number));
    }
    assert!(refused > 0, "never two at once");
}
