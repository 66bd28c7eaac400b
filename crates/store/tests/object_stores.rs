//! Leases, publishing and Delta tables on an S3 server, with requests that fail.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abmart_store::{Claim, Publication, Store, StoreError};
use abmart_testkit::{Fault, Proxy, S3Server, at_every_request};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use support::place::{assert_manifest_is_what_is_there, publication, publish, recover, visible};
use support::{acquire, bury, stage};

/// The bucket `marts` behind an endpoint. What fails there fails for good.
fn bucket(endpoint: &str, conditional: S3ConditionalPut) -> Arc<dyn ObjectStore> {
    let bucket = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name("marts")
        .with_region(S3Server::REGION)
        .with_access_key_id(S3Server::ACCESS_KEY)
        .with_secret_access_key(S3Server::SECRET_KEY)
        .with_conditional_put(conditional)
        // Each store has threads of its own, which take their connections with them.
        .with_client_options(ClientOptions::new().with_pool_max_idle_per_host(0).with_allow_http(true))
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() });
    Arc::new(bucket.build().unwrap())
}

fn s3(endpoint: &str) -> Arc<dyn ObjectStore> {
    bucket(endpoint, S3ConditionalPut::ETagMatch)
}

/// The store below a prefix of a bucket.
fn open(bucket: &Arc<dyn ObjectStore>, prefix: &str) -> Store {
    Store::from_object_store(Arc::new(PrefixStore::new(Arc::clone(bucket), prefix)), "s3://marts", None).unwrap()
}

/// What a reader of the folders sees: key and hash.
type Marts = std::collections::BTreeMap<String, String>;

fn night(store: &Store, number: i64) -> Publication {
    let run = format!("r{number}");
    let files = vec![
        stage(store, &run, "accounts", "part-0.parquet", 30, number),
        stage(store, &run, "kpi_values", "part-0.parquet", 20, 0),
        stage(store, &run, "scores", "part-0.parquet", 20, number),
    ];
    Publication { delta: ["scores".to_owned()].into(), ..publication(&run, files) }
}

#[test]
fn nights_are_published_and_what_did_not_change_is_left_alone() {
    let server = S3Server::start(&["marts"]);
    let store = open(&s3(&server.url()), "a");
    publish(&store, &night(&store, 1)).unwrap();
    let second = publish(&store, &night(&store, 2)).unwrap();
    assert_eq!(second.unchanged, ["kpi_values/part-0.parquet"]);
    assert_eq!(second.manifest.marts["scores"].delta_version, Some(1));
    assert_eq!(second.manifest.token, 2);
    let etag = store.head("accounts/part-0.parquet").unwrap().unwrap().etag;
    assert_eq!(second.manifest.file("accounts/part-0.parquet").unwrap().etag, etag);
    assert!(etag.is_some());
}

#[test]
fn of_two_runs_at_once_one_gets_the_lease() {
    let server = S3Server::start(&["marts"]);
    let bucket = s3(&server.url());
    for round in 0..10 {
        let winners: usize = std::thread::scope(|scope| {
            let ask = |number: usize| {
                let store = open(&bucket, &format!("p{round}"));
                let lease = acquire(&store, &format!("r{number}"));
                // Kept until both have asked.
                std::thread::sleep(std::time::Duration::from_millis(300));
                usize::from(lease.is_ok())
            };
            let threads: Vec<_> = (0..2).map(|number| scope.spawn(move || ask(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(winners, 1, "round {round}");
    }
}

#[test]
fn a_store_without_conditional_puts_is_found_out_and_refused() {
    let server = S3Server::start(&["marts"]);
    let store = open(&bucket(&server.url(), S3ConditionalPut::Disabled), "a");
    let error = acquire(&store, "r1").unwrap_err();
    assert!(matches!(error, StoreError::NoConditionalPut { .. }), "{error}");
    assert!(error.to_string().contains("`unsafe_no_lease: true`"), "{error}");
    let lease = store.acquire(&Claim { unguarded: true, ..Claim::of("r1") }).unwrap();
    let mut publication = night(&store, 1);
    publication.delta.clear();
    publication.files.retain(|file| file.mart != "scores");
    lease.publish(&publication).unwrap();
    assert_manifest_is_what_is_there(&store);
}

/// Every request of a publication in turn is the last that the run makes: its answer never comes, or it never arrives, and
/// no later one does.
#[test]
fn cut_off_at_any_request_a_publication_is_finished_by_the_next_run() {
    let server = S3Server::start(&["marts"]);
    let bucket = s3(&server.url());
    let undisturbed = open(&bucket, "undisturbed");
    publish(&undisturbed, &night(&undisturbed, 1)).unwrap();
    let old = visible(&undisturbed);
    let second = night(&undisturbed, 2);
    let proxy = Proxy::start(&server.url());
    publish(&open(&s3(&proxy.url()), "undisturbed"), &second).unwrap();
    let new = visible(&undisturbed);
    let requests = proxy.requests();
    assert!(requests.len() > 30, "only {} requests", requests.len());
    at_every_request(&requests, 6, |n, arrives| cut_off(&server, &bucket, n, arrives, &old, &new));
}

/// Cuts the second night off at its `n`-th request.
fn cut_off(server: &S3Server, bucket: &Arc<dyn ObjectStore>, n: usize, arrives: bool, old: &Marts, new: &Marts) {
    let prefix = format!("{n}-{arrives}");
    let healthy = open(bucket, &prefix);
    publish(&healthy, &night(&healthy, 1)).unwrap();
    let second = night(&healthy, 2);
    let proxy = Proxy::start(&server.url());
    let cut = Arc::new(AtomicBool::new(false));
    let (last, since) = (Arc::clone(&cut), Arc::clone(&cut));
    proxy.when(move |_| since.load(Ordering::SeqCst), Fault::Reset);
    let end = move |_: &abmart_testkit::Request| last.store(true, Ordering::SeqCst);
    proxy.at(n, if arrives { Fault::after(end) } else { Fault::instead(end) });
    let dying = open(&s3(&proxy.url()), &prefix);
    let result = publish(&dying, &second);
    assert!(cut.load(Ordering::SeqCst), "there was no request {n}");
    // Where only what comes after the publication is lost, it is published.
    drop(result);
    bury(&healthy);
    recover(&healthy).unwrap();
    let manifest = healthy.manifest().unwrap().unwrap();
    if manifest.run_id == "r1" {
        assert_eq!(&visible(&healthy), old, "cut off at request {n}, arrived: {arrives}");
        publish(&healthy, &night(&healthy, 2)).unwrap();
    }
    assert_eq!(&visible(&healthy), new, "cut off at request {n}, arrived: {arrives}");
    let manifest = healthy.manifest().unwrap().unwrap();
    assert_eq!((manifest.run_id.as_str(), manifest.marts["scores"].delta_version), ("r2", Some(1)), "{n}");
    for file in manifest.marts.values().flat_map(|mart| &mart.files) {
        assert_eq!(file.etag, healthy.head(&file.key).unwrap().unwrap().etag, "{n}");
    }
}

/// Roll-forward of files in their places costs no download.
#[test]
fn what_e_tags_tell_is_not_read_again() {
    let server = S3Server::start(&["marts"]);
    let store = open(&s3(&server.url()), "a");
    publish(&store, &night(&store, 1)).unwrap();
    let second = night(&store, 2);
    let proxy = Proxy::start(&server.url());
    // The manifest is the one that does not get written.
    proxy.when(
        |request| request.method == "PUT" && request.path.ends_with("manifest.json"),
        Fault::Status(403, "AccessDenied"),
    );
    publish(&open(&s3(&proxy.url()), "a"), &second).unwrap_err();
    proxy.clear();
    bury(&store);
    recover(&open(&s3(&proxy.url()), "a")).unwrap();
    let downloads = proxy.requests();
    let downloads =
        downloads.iter().filter(|request| request.method == "GET" && request.path.ends_with("accounts/part-0.parquet"));
    assert_eq!(downloads.count(), 0);
    assert_eq!(store.manifest().unwrap().unwrap().run_id, "r2");
}

#[test]
fn what_killed_runs_wrote_to_try_the_store_out_is_swept_in_time() {
    let server = S3Server::start(&["marts"]);
    let store = open(&s3(&server.url()), "a");
    for run in ["old", "young"] {
        store.put(&format!("_abmart/probes/{run}"), "first".into()).unwrap();
    }
    let old = std::fs::File::options().write(true).open(server.folder("marts").join("a/_abmart/probes/old")).unwrap();
    old.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(2)).unwrap();
    recover(&store).unwrap();
    assert!(store.head("_abmart/probes/old").unwrap().is_none());
    assert!(store.head("_abmart/probes/young").unwrap().is_some(), "another run may be at it");
}
