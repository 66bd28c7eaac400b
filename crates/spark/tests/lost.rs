//! Processes that are killed while a query runs. The last file of them: it leaves no server for others.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use abmart_spark::{Client, Settings, SparkError, Unwatched};
use support::{server, settings, slow, text, told};

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

/// The executors: the children of the workers.
fn executors(workers: &str) -> Vec<String> {
    let parents = workers.replace(' ', ",");
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &parents]).output().unwrap();
    String::from_utf8(listed.stdout).unwrap().split_whitespace().map(ToOwned::to_owned).collect()
}

#[test]
fn a_cluster_that_loses_a_machine_gives_the_whole_answer() {
    let (Some(spark), Some(workers)) = (server("ABMART_SPARK"), text("ABMART_SPARK_WORKERS")) else { return };
    let client = Client::connect(&spark, &settings()).unwrap();
    let before = executors(&workers);
    assert_eq!(before.len(), 2, "{before:?}");
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.rows(&slow(20), &Unwatched));
        thread::sleep(Duration::from_secs(2));
        kill(&before[0]);
        assert_eq!(answer.join().unwrap().unwrap().rows, 20);
    });
    assert!(!executors(&workers).contains(&before[0]));
}

#[test]
fn a_server_that_is_killed_is_lost() {
    let (Some(doomed), Some(pid)) = (server("ABMART_SPARK_DOOMED"), text("ABMART_SPARK_DOOMED_PID")) else { return };
    let settings = Settings { lost_after: Duration::from_secs(3), ..settings() };
    let client = Client::connect(&doomed, &settings).unwrap();
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.rows(&slow(40), &Unwatched));
        thread::sleep(Duration::from_secs(2));
        kill(&pid);
        let begun = Instant::now();
        let error = answer.join().unwrap().unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(matches!(error, SparkError::Lost { .. }), "{error:?}");
        insta::assert_snapshot!(told(&error, &doomed), @r#"the Spark Connect server at HOST:PORT went away in the middle of query ID (Connection refused (os error 111)) and was not there again within 3 s; nothing of the query is kept, run again when it is back"#);
    });
}
