//! Who does not answer, who answers wrongly, who refuses, and connections that break.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use abmart_spark::{Client, Remote, Settings, SparkError, Unwatched};
use rstest::rstest;
use support::{Network, server, settings, slow, told};

/// Some seconds of Sail's work, which does not stop when its client goes away.
const COUNTING: &str = "SELECT count(*) AS n FROM range(0, 100000000) WHERE id % 7 = 3";

fn refused(address: &str) -> (SparkError, Remote) {
    let remote: Remote = address.parse().unwrap();
    let settings = Settings { connect_timeout: Duration::from_secs(1), ..Settings::default() };
    let begun = Instant::now();
    let error = Client::connect(&remote, &settings).err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    (error, remote)
}

/// An address where each connection is answered with this, or with silence.
fn answering(with: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut silent = Vec::new();
        for mut connection in listener.incoming().map_while(Result::ok) {
            match with {
                Some(answer) => connection.write_all(answer.as_bytes()).unwrap(),
                None => silent.push(connection),
            }
        }
    });
    address.to_string()
}

#[test]
fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (error, remote) = refused(&format!("sc://{free}/;token=s3cret"));
    insta::assert_snapshot!(told(&error, &remote), @r#"no Spark Connect server answers at HOST:PORT: Connection refused (os error 111); is it started, are host and port right, and does it want TLS (`use_ssl=true`)?"#);
}

#[test]
fn a_host_that_is_none() {
    let (error, _) = refused("sc://no-such-host.invalid");
    assert!(
        matches!(&error, SparkError::Unreachable { server, .. } if server == "no-such-host.invalid:15002"),
        "{error:?}"
    );
}

#[test]
fn somebody_listens_and_says_nothing() {
    let (error, remote) = refused(&format!("sc://{}/;token=s3cret", answering(None)));
    insta::assert_snapshot!(told(&error, &remote), @r#"no Spark Connect server answers at HOST:PORT: it said nothing within 1 s; is it started, are host and port right, and does it want TLS (`use_ssl=true`)?"#);
}

#[test]
fn somebody_says_nothing_of_tls() {
    let (error, remote) = refused(&format!("sc://{}/;use_ssl=true;token=s3cret", answering(None)));
    assert!(matches!(error, SparkError::Unreachable { .. }), "{}", told(&error, &remote));
}

#[test]
fn a_server_of_pages_answers() {
    let page = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let (error, remote) = refused(&format!("sc://{}", answering(Some(page))));
    assert!(matches!(error, SparkError::Unreachable { .. } | SparkError::Protocol { .. }), "{}", told(&error, &remote));
}

#[rstest]
#[case::wrong("/;token=s3cret")]
#[case::none("")]
fn another_token_is_refused(#[case] parameters: &str) {
    let Some(doomed) = server("ABMART_SPARK_DOOMED") else { return };
    let (error, remote) = refused(&format!("sc://{}{parameters}", doomed.server()));
    assert!(error.is_environment());
    match parameters {
        "" => {
            insta::assert_snapshot!(told(&error, &remote), @r#"the Spark Connect server at HOST:PORT refuses the credentials: No authentication token provided; `token=…` in its address is the one that it was started with"#);
        }
        _ => {
            insta::assert_snapshot!(told(&error, &remote), @r#"the Spark Connect server at HOST:PORT refuses the credentials: Invalid authentication token; `token=…` in its address is the one that it was started with"#);
        }
    }
}

/// The server ends each stream after two seconds, and the rest of an answer is asked for.
#[test]
fn an_answer_that_takes_longer_than_a_stream_is_whole() {
    let Some(doomed) = server("ABMART_SPARK_DOOMED") else { return };
    let client = Client::connect(&doomed, &settings()).unwrap();
    assert_eq!(client.rows(&slow(12), &Unwatched).unwrap().rows, 12);
}

#[test]
fn a_connection_that_breaks_is_taken_up_where_it_broke() {
    let Some(spark) = server("ABMART_SPARK") else { return };
    let network = Network::before(&spark);
    let client = Client::connect(&network.remote(), &settings()).unwrap();
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.rows(&slow(16), &Unwatched));
        for _ in 0..2 {
            thread::sleep(Duration::from_millis(1500));
            network.cut();
        }
        assert_eq!(answer.join().unwrap().unwrap().rows, 16);
    });
    assert_eq!(network.connections(), 3);
}

#[test]
fn a_connection_to_sail_that_breaks_is_taken_up_as_well() {
    let Some(sail) = server("ABMART_SAIL") else { return };
    let network = Network::before(&sail);
    let client = Client::connect(&network.remote(), &settings()).unwrap();
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.rows(COUNTING, &Unwatched));
        thread::sleep(Duration::from_millis(300));
        network.cut();
        assert_eq!(answer.join().unwrap().unwrap().rows, 1);
    });
}

#[rstest]
fn a_server_that_does_not_come_back_is_lost(
    #[values(("ABMART_SPARK", slow(20)), ("ABMART_SAIL", COUNTING.to_owned()))] (variable, sql): (&str, String),
) {
    let Some(remote) = server(variable) else { return };
    let network = Network::before(&remote);
    let settings = Settings { lost_after: Duration::from_secs(2), ..settings() };
    let client = Client::connect(&network.remote(), &settings).unwrap();
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.rows(&sql, &Unwatched));
        thread::sleep(Duration::from_secs(1));
        network.fall();
        let begun = Instant::now();
        let error = answer.join().unwrap().unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert!(matches!(error, SparkError::Lost { .. }), "{error:?}");
    });
}
