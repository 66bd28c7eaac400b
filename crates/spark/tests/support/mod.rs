//! Servers that tests/spark/run has started, and a network between them and the client that breaks when it is told to.

#![allow(dead_code, reason = "each test file uses its part")]

use std::env;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use abmart_spark::{Client, Progress, Remote, Settings, SparkError, Watch};

/// The address that a variable names. Without it the test says so and is to be left; with `ABMART_REQUIRE_SPARK=1` it
/// fails.
pub fn server(variable: &str) -> Option<Remote> {
    let address = text(variable)?;
    Some(address.parse().unwrap())
}

/// As [`server`], for what is no address.
pub fn text(variable: &str) -> Option<String> {
    let text = env::var(variable).ok();
    if text.is_none() {
        let how = format!("{variable} is not set; tests/spark/run starts the servers and sets it");
        assert!(env::var_os("ABMART_REQUIRE_SPARK").is_none(), "a server is required here: {how}");
        // Not `eprintln!`, which is not shown for a test that passes.
        io::stderr().write_all(format!("SKIPPED: {how}\n").as_bytes()).unwrap();
    }
    text
}

pub fn client(variable: &str) -> Option<Client> {
    server(variable).map(|remote| Client::connect(&remote, &settings()).unwrap())
}

/// The first answer of a server that has just been started takes long where other programs hold the cores.
pub fn settings() -> Settings {
    Settings { connect_timeout: Duration::from_mins(1), ..Settings::default() }
}

/// A message without what differs from run to run.
pub fn told(error: &SparkError, remote: &Remote) -> String {
    let text = error.to_string().replace(&remote.server(), "HOST:PORT");
    error.query_id().filter(|id| !id.is_empty()).map_or(text.clone(), |id| text.replace(id, "ID"))
}

/// Calls off a query after some time, and keeps what it heard of its progress.
#[derive(Default)]
pub struct Watcher {
    pub until: Option<Instant>,
    pub heard: Mutex<Vec<Progress>>,
}

impl Watcher {
    pub fn that_calls_off_after(time: Duration) -> Self {
        Self { until: Some(Instant::now() + time), heard: Mutex::default() }
    }
}

impl Watch for Watcher {
    fn interrupted(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn progress(&self, progress: &Progress) {
        self.heard.lock().unwrap().push(*progress);
    }
}

/// More rows than any machine counts in the time of a test. Both engines ask between them whether to go on; in a join
/// without keys they do not.
pub const ENDLESS: &str = "SELECT count(*) AS n FROM range(0, 10000000000000) WHERE id % 7 = 3";

/// A query of Spark that takes some seconds of two cores without using them: that many tasks, of half a second each,
/// of which each gives one row with the number of the task.
pub fn slow(tasks: u64) -> String {
    let rest = "coalesce(length(reflect('java.lang.Thread', 'sleep', 500L)), 0)";
    format!("SELECT id + {rest} * 0 AS id FROM range(0, {tasks}, 1, {tasks})")
}

/// A network between the client and a server.
pub struct Network {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connections: Mutex<Vec<TcpStream>>,
    count: AtomicU64,
    refuses: AtomicBool,
}

impl Network {
    pub fn before(remote: &Remote) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let (server, accepting) = (remote.server(), Arc::clone(&state));
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if accepting.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&server) else { continue };
                accepting.count.fetch_add(1, Ordering::SeqCst);
                pump(near.try_clone().unwrap(), far.try_clone().unwrap());
                pump(far.try_clone().unwrap(), near.try_clone().unwrap());
                accepting.connections.lock().unwrap().extend([near, far]);
            }
        });
        Self { address, state }
    }

    /// The server's address on this side.
    pub fn remote(&self) -> Remote {
        format!("sc://{}", self.address).parse().unwrap()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u64 {
        self.state.count.load(Ordering::SeqCst)
    }

    /// Breaks all connections; new ones are let through.
    pub fn cut(&self) {
        for connection in self.state.connections.lock().unwrap().drain(..) {
            connection.shutdown(Shutdown::Both).ok();
        }
    }

    /// Breaks all connections and lets none through from now on.
    pub fn fall(&self) {
        self.state.refuses.store(true, Ordering::SeqCst);
        self.cut();
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut buffer = [0; 16384];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..size]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Both).ok();
    });
}
