//! A web service that takes what is posted to it: HTTP on 127.0.0.1, answers by a list.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST /path HTTP/1.1`.
    pub line: String,
    /// Header lines, as sent.
    pub headers: Vec<String>,
    /// The body, where it is JSON.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

/// The service; it ends with the test's process.
pub struct Service {
    /// Its base URL.
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Service {
    /// A service that gives these answers first, then 201 for ever.
    pub fn answering(first: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (first, log) = (first.to_vec(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut answers = first.into_iter();
            for stream in listener.incoming().flatten() {
                let status = answers.next().unwrap_or(201);
                log.lock().expect("no panic").push(serve(&stream, status));
            }
        });
        Self { url, seen }
    }

    /// What has arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic").clone()
    }
}

/// One request a connection.
fn serve(stream: &TcpStream, status: u16) -> Request {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let mut stream = stream;
    stream.write_all(answer.as_bytes()).expect("an answer");
    let line = lines.remove(0);
    Request { line, headers: lines, body: serde_json::from_slice(&body).unwrap_or_default(), bytes: body }
}
