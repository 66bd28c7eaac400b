//! Lakes, marts and caches in a bucket: what a run gives, what it asks for, and what it survives.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use abmart_testkit::{Azurite, Fault, Request, S3Server};
use rstest::rstest;
use support::cloud::{Cloud, objects, published, put};
use support::contract::root;
use support::program::{Files, Outcome, run_with};
use support::tiny::{Tiny, ended, project};
use tempfile::TempDir;

/// Credentials alone, for stores whose settings are in YAML.
const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY)];

/// The smallest project with stores of its own in YAML.
fn tiny_with(stores: &str) -> TempDir {
    project(stores, |job| job)
}

/// A cloud with the tiny project and the lake of its first night.
fn tiny() -> (Cloud, Tiny) {
    let place = Tiny::new();
    (Cloud::new(&root().join("tests/fixtures/tiny"), &place.lake()), place)
}

fn of_the_lake(request: &Request) -> bool {
    request.method == "GET" && request.path.starts_with("/lake/") && request.path.ends_with(".parquet")
}

// ---- what a run gives ------------------------------------------------------------------------------------------------

#[test]
fn a_bucket_gives_the_bytes_that_a_folder_gives_and_a_second_night_asks_for_less() {
    let cloud = Cloud::new(&root(), &root().join("data/lake"));
    cloud.run(&["run"]).ok();
    let folder = TempDir::new().expect("a temporary folder");
    let (marts, cache) = (folder.path().join("marts"), folder.path().join("cache"));
    let stores: [PathBuf; 3] = [root(), marts.clone(), cache];
    let [project, marts_folder, cache] = stores.map(|path| path.display().to_string());
    run_with(&["run", "--project", &project, "--marts", &marts_folder, "--cache", &cache], &[]).ok();
    let (bucket, folder) = (cloud.published(), published(&marts));
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&bucket), names(&folder));
    for (name, content) in &bucket {
        assert!(content == &folder[name], "{name} differs");
    }
    assert_eq!(cloud.leftovers().into_keys().collect::<Vec<_>>(), Vec::<String>::new());

    cloud.proxy.clear();
    cloud.run(&["run"]).ok();
    let requests = cloud.proxy.requests();
    let files: Vec<&Request> = requests.iter().filter(|request| of_the_lake(request)).collect();
    let events = files.iter().filter(|request| request.path.starts_with("/lake/touchpoints/")).count();
    assert_eq!(events, 0, "what came of these files is in the cache, their footers too");
    // The newest snapshots, and events that no rollup reduces, by one request or a few.
    let planned = objects(&cloud.server.client("lake")).len();
    assert!(files.len() < planned, "{} requests for {planned} files", files.len());
}

#[test]
fn azure_gives_the_bytes_that_a_folder_gives() {
    let Some(server) = Azurite::start(&["lake", "marts", "cache"]) else { return };
    let place = Tiny::new();
    let lake = server.client("lake");
    let night = |number: u8| {
        let key = Tiny::snapshot(number);
        put(&lake, &key, fs::read(place.lake().join(&key)).expect("a snapshot"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_abmart"));
        command.args(["run", "--lake", "az://lake", "--marts", "az://marts/abm", "--cache", "az://cache", "--project"]);
        command.arg(root().join("tests/fixtures/tiny")).envs(Azurite::environment(&server.url()));
        let outcome = Outcome::of(&command.output().expect("the program starts")).ok();
        assert!(!(outcome.stdout + &outcome.stderr).contains(Azurite::KEY));
    };
    night(1);
    place.run().ok();
    place.night(2);
    night(2);
    place.run().ok();
    let marts = objects(&server.client("marts"));
    for (name, content) in place.published() {
        let files = marts.iter().filter(|(key, _)| key.starts_with("abm/") && !key.contains("/_"));
        let same = files.filter(|(_, found)| **found == content).count();
        assert!(same > 0, "{name} is not among {:?}", marts.keys());
    }
    let left: Vec<&String> = marts.keys().filter(|key| key.contains("_staging") || key.contains("probes")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!objects(&server.client("cache")).is_empty());
}

#[test]
fn settings_come_from_yaml_and_hold_for_places_given_on_the_command_line() {
    let (cloud, place) = tiny();
    let endpoint = cloud.proxy.url();
    let settings = format!("endpoint: '{endpoint}', allow_http: true, region: eu-west-3, retry_seconds: 1");
    let project = tiny_with(&format!(
        "stores:\n  lake: {{url: 's3://elsewhere', {settings}}}\n  marts: {{url: 's3://marts/abm', {settings}}}\n  cache: {{url: 's3://cache', {settings}}}\n"
    ));
    let project = project.path().display().to_string();
    run_with(&["run", "--project", &project, "--lake", "s3://lake"], &KEYS).ok();
    place.run().ok();
    assert_eq!(cloud.published(), place.published());
    // Settings of a bucket say nothing about a folder.
    let lake = place.lake().display().to_string();
    run_with(&["run", "--project", &project, "--lake", &lake], &KEYS).ok();
}

// ---- what it survives ------------------------------------------------------------------------------------------------

#[rstest]
#[case::throttled(Fault::SlowDown)]
#[case::failing(Fault::Status(500, "InternalError"))]
#[case::out_of_service(Fault::Status(503, "ServiceUnavailable"))]
#[case::resetting(Fault::Reset)]
#[case::resetting_when_all_is_done(Fault::ResetAnswer)]
fn a_storm_passes(#[case] fault: Fault) {
    let (cloud, place) = tiny();
    // Four of ten, and in no rhythm that attempts could fall into.
    cloud.proxy.when(|request| request.number * 7919 % 13 < 5, fault);
    cloud.run(&["run"]).ok();
    place.run().ok();
    assert_eq!(cloud.published(), place.published());
}

#[rstest]
#[case::at_once(0)]
#[case::in_the_middle(500)]
fn downloads_that_break_off_are_resumed(#[case] after: usize) {
    let (cloud, place) = tiny();
    let seen = AtomicUsize::new(0);
    let every_second =
        move |request: &Request| of_the_lake(request) && seen.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
    cloud.proxy.when(every_second, Fault::Truncate(after));
    cloud.run(&["run"]).ok();
    let requests = cloud.proxy.requests().iter().filter(|request| of_the_lake(request)).count();
    assert_eq!(requests, 4, "one for the footer and one for the columns, each of them twice");
    place.run().ok();
    assert_eq!(cloud.published(), place.published());
}

#[test]
fn a_store_that_stays_away_ends_the_run_and_leaves_the_marts_as_they_were() {
    let (cloud, place) = tiny();
    cloud.run(&["run"]).ok();
    let before = cloud.published();
    place.night(2);
    cloud.night(&place, 2);
    let settings = "endpoint: 'https://127.0.0.1:9', region: eu-west-3, retry_seconds: 0";
    let project = tiny_with(&format!("stores:\n  lake: {{url: 's3://lake', {settings}}}\n  marts: out/marts\n"));
    let project = project.path().display().to_string();
    let outcome = run_with(&["run", "--project", &project], &KEYS);
    outcome.fails(3, &["s3://lake", "is the endpoint right, and can this machine reach it?"]);
    // It goes away once files are read.
    cloud.proxy.when(of_the_lake, Fault::Status(403, "AccessDenied"));
    let outcome = cloud.run(&["run"]);
    outcome.fails(3, &["accounts/dt=2026-07-02/part-0.parquet", "403 Forbidden", "docs/stores.md lists the rights"]);
    assert_eq!(cloud.published(), before);
    assert_eq!(cloud.leftovers().into_keys().collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_replaced_between_its_footer_and_its_rows_ends_the_run() {
    let (cloud, place) = tiny();
    cloud.run(&["run"]).ok();
    let before = cloud.published();
    place.night(2);
    cloud.night(&place, 2);
    place.night(3);
    let other = fs::read(place.lake().join(Tiny::snapshot(3))).expect("a snapshot");
    let (lake, seen) = (cloud.server.client("lake"), AtomicUsize::new(0));
    let replace = move |request: &Request| {
        // The second time that it is asked for.
        if request.path.contains("2026-07-02") && seen.fetch_add(1, Ordering::SeqCst) == 1 {
            put(&lake, &Tiny::snapshot(2), other.clone());
        }
    };
    cloud.proxy.when(of_the_lake, Fault::before(replace));
    cloud.run(&["run"]).fails(3, &[&Tiny::snapshot(2), "was replaced while it was being read"]);
    assert_eq!(cloud.published(), before);
}

// ---- what nobody is told ---------------------------------------------------------------------------------------------

#[track_caller]
fn keeps_secrets(outcome: &Outcome, cloud: &Cloud) {
    let mut texts = vec![("stdout".to_owned(), outcome.stdout.clone().into_bytes())];
    texts.push(("stderr".to_owned(), outcome.stderr.clone().into_bytes()));
    for bucket in ["marts", "cache"] {
        texts.extend(objects(&cloud.server.client(bucket)));
    }
    for (place, text) in texts {
        for secret in [S3Server::SECRET_KEY, S3Server::ACCESS_KEY, "X-Amz-Signature", "session-token-of-the-night"] {
            let found = text.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "`{secret}` is in {place}");
        }
    }
}

#[test]
fn secrets_are_in_no_log_error_plan_or_result() {
    let (cloud, _place) = tiny();
    for arguments in [&["run", "--log", "json"][..], &["run", "--full"], &["plan"], &["status", "--json"]] {
        keeps_secrets(&cloud.run(arguments).ok(), &cloud);
    }
    for fault in [
        Fault::Status(403, "SignatureDoesNotMatch"),
        Fault::Status(400, "AuthorizationHeaderMalformed"),
        Fault::Status(301, "PermanentRedirect"),
    ] {
        cloud.proxy.clear();
        cloud.proxy.when(|_| true, fault);
        let mut command = cloud.command(&["run", "--log", "json"]);
        command
            .env("AWS_SESSION_TOKEN", "session-token-of-the-night")
            .env("RUST_LOG", "trace")
            .env("ABMART_LOG", "trace");
        let outcome = ended(command.spawn().expect("the program starts"));
        assert_eq!(outcome.code, 3, "{}", outcome.stderr);
        keeps_secrets(&outcome, &cloud);
    }
}

// ---- bad input -------------------------------------------------------------------------------------------------------

#[rstest]
#[case::no_such_bucket("lake: {url: 's3://nowhere'}", 3, &["s3://nowhere", "create it or correct the store's location"])]
#[case::unencrypted("lake: {url: 's3://lake', endpoint: 'http://127.0.0.1:1'}", 2, &["is not encrypted", "allow_http: true"])]
#[case::no_url("lake: {url: 's3://lake', endpoint: 'minio:9000/x y'}", 2, &["endpoint"])]
#[case::unknown_profile("lake: {url: 's3://lake', profile: nobody}", 2, &["no profile `nobody`"])]
#[case::credentials_in_the_url("lake: 's3://me:secret-word@lake'", 2, &["s3://"])]
#[case::misplaced("lake: {url: data/lake, region: eu-west-3}", 2, &["pipelines.yaml:", "cannot have `region`"])]
#[case::unknown_scheme("lake: 'gss://lake'", 2, &["did you mean `gs://`?"])]
#[case::unknown_key("lake: {url: 's3://lake', regoin: eu-west-3}", 2, &["regoin", "did you mean `region`?"])]
#[case::no_place("lake: {region: eu-west-3}", 2, &["url"])]
fn a_store_that_cannot_be_reached_is_explained(#[case] stores: &str, #[case] code: i32, #[case] words: &[&str]) {
    let (cloud, _place) = tiny();
    let project = tiny_with(&format!("stores:\n  {stores}\n"));
    let project = project.path().display().to_string();
    let endpoint = cloud.proxy.url();
    let environment = S3Server::environment(&endpoint);
    let mut environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if stores.contains("127.0.0.1") {
        environment.retain(|(name, _)| *name != "AWS_ALLOW_HTTP");
    }
    let outcome = run_with(&["run", "--project", &project], &environment).fails(code, words);
    assert!(!outcome.stderr.contains("secret-word"), "{}", outcome.stderr);
}
