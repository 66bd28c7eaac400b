//! A proxy that counts what goes through it, and spoils it where it is told to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, RANGE, TRANSFER_ENCODING};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::listen::{Answer, Connection, Listening, answer, listen, whole};

/// A proxy in front of a server on this machine. It passes everything on as it came, `Host` included, so that the
/// signatures of clients hold; a client signs for the proxy's address.
#[derive(Debug)]
pub struct Proxy {
    listening: Listening,
    state: Arc<State>,
}

/// A request that came to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number, from 1.
    pub number: usize,
    /// Its method.
    pub method: String,
    /// Its path as it was sent, percent-encoded.
    pub path: String,
    /// Its query, empty where there is none.
    pub query: String,
    /// Its `Range` header.
    pub range: Option<String>,
    /// The status that the client was answered with; none for a request without an answer.
    pub status: Option<u16>,
    /// Bytes of the answer's body that were sent to the client.
    pub bytes: usize,
}

/// What happens to a request.
#[derive(Clone)]
pub enum Fault {
    /// It goes on its way later.
    Delay(Duration),
    /// The answer breaks off after so many bytes of its body.
    Truncate(usize),
    /// The connection is reset before the request has reached the server.
    Reset,
    /// The connection is reset when the server has done what was asked, its answer unheard.
    ResetAnswer,
    /// Answered in the server's place, as S3 throttles: 503 `SlowDown`.
    SlowDown,
    /// Answered in the server's place: any status, with an error code of S3.
    Status(u16, &'static str),
    /// Something is done, then the request goes on its way.
    Before(Arc<dyn Fn(&Request) + Send + Sync>),
    /// Something is done instead of passing the request on, and the connection is closed without an answer.
    Instead(Arc<dyn Fn(&Request) + Send + Sync>),
    /// Something is done when the server has answered, and the answer is dropped.
    After(Arc<dyn Fn(&Request) + Send + Sync>),
}

impl Fault {
    /// [`Fault::Instead`] without the `Arc`.
    pub fn instead(action: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        Self::Instead(Arc::new(action))
    }

    /// [`Fault::After`] without the `Arc`.
    pub fn after(action: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        Self::After(Arc::new(action))
    }

    /// [`Fault::Before`] without the `Arc`.
    pub fn before(action: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        Self::Before(Arc::new(action))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(time) => write!(f, "Delay({time:?})"),
            Self::Truncate(bytes) => write!(f, "Truncate({bytes})"),
            Self::Reset => f.write_str("Reset"),
            Self::ResetAnswer => f.write_str("ResetAnswer"),
            Self::SlowDown => f.write_str("SlowDown"),
            Self::Status(status, code) => write!(f, "Status({status}, {code})"),
            Self::Before(_) => f.write_str("Before(…)"),
            Self::Instead(_) => f.write_str("Instead(…)"),
            Self::After(_) => f.write_str("After(…)"),
        }
    }
}

/// Does something about every request in turn, several at once, for most of the time is spent waiting: first about the
/// request itself, then, where it changes something, about its answer (`arrives`). A question whose answer is lost is one
/// that was never asked.
pub fn at_every_request(requests: &[Request], at_once: usize, spoil: impl Fn(usize, bool) + Sync) {
    let changes = requests.iter().filter(|request| !matches!(request.method.as_str(), "GET" | "HEAD"));
    let cases = requests.iter().map(|request| (request.number, false));
    let cases: Vec<(usize, bool)> = cases.chain(changes.map(|request| (request.number, true))).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((number, arrives)) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    spoil(*number, *arrives);
                }
            });
        }
    });
}

type Picks = Box<dyn Fn(&Request) -> bool + Send + Sync>;

/// What the proxy knows.
struct State {
    server: SocketAddr,
    requests: Mutex<Vec<Request>>,
    rules: Mutex<Vec<(Picks, Fault)>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Starts a proxy before the server at `url`, such as `http://127.0.0.1:9000`.
    #[must_use]
    pub fn start(url: &str) -> Self {
        let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let server = address.and_then(|address| address.parse().ok());
        let server = server.unwrap_or_else(|| panic!("`{url}` is not http://ADDRESS:PORT"));
        let state = Arc::new(State { server, requests: Mutex::default(), rules: Mutex::default() });
        let shared = Arc::clone(&state);
        let listening = listen(move |request, connection| relay(Arc::clone(&shared), request, connection));
        Self { listening, state }
    }

    /// Its address, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    /// What happens to requests that `picks` says yes to, from now on; of several rules the one given last counts.
    pub fn when(&self, picks: impl Fn(&Request) -> bool + Send + Sync + 'static, fault: Fault) {
        lock(&self.state.rules).push((Box::new(picks), fault));
    }

    /// What happens to the request of this number.
    pub fn at(&self, number: usize, fault: Fault) {
        self.when(move |request| request.number == number, fault);
    }

    /// Forgets all rules and requests; numbers begin with 1 again.
    pub fn clear(&self) {
        lock(&self.state.rules).clear();
        lock(&self.state.requests).clear();
    }

    /// Forgets all rules.
    pub fn heal(&self) {
        lock(&self.state.rules).clear();
    }

    /// The requests so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn record(&self, parts: &hyper::http::request::Parts) -> Request {
        let mut requests = lock(&self.requests);
        let request = Request {
            number: requests.len() + 1,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            range: parts.headers.get(RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned),
            status: None,
            bytes: 0,
        };
        requests.push(request.clone());
        request
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let rules = lock(&self.rules);
        rules.iter().rev().find(|(picks, _)| picks(request)).map(|(_, fault)| fault.clone())
    }

    fn answered(&self, request: &Request, status: u16, bytes: usize) {
        // Gone where the requests were forgotten in between.
        if let Some(known) = lock(&self.requests).get_mut(request.number - 1) {
            (known.status, known.bytes) = (Some(status), bytes);
        }
    }
}

async fn relay(state: Arc<State>, request: hyper::Request<Incoming>, connection: Connection) -> io::Result<Answer> {
    let (parts, body) = request.into_parts();
    let seen = state.record(&parts);
    let fault = state.fault(&seen);
    match &fault {
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Reset) => {
            connection.reset();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Some(Fault::SlowDown) => return Ok(refused(&state, &seen, 503, "SlowDown")),
        Some(Fault::Status(status, code)) => return Ok(refused(&state, &seen, *status, code)),
        Some(Fault::Before(action)) => act(action, &seen).await,
        Some(Fault::Instead(action)) => {
            act(action, &seen).await;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Some(Fault::Truncate(_) | Fault::ResetAnswer | Fault::After(_)) | None => {}
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (mut parts, body) = forward(state.server, hyper::Request::from_parts(parts, Full::new(body))).await?;
    // The whole body is here, so its length is known; that of an answer to HEAD is the server's word.
    if parts.headers.remove(TRANSFER_ENCODING).is_some() {
        parts.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    let status = parts.status.as_u16();
    match fault {
        Some(Fault::ResetAnswer) => {
            connection.reset();
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(Fault::After(action)) => {
            act(&action, &seen).await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Some(Fault::Truncate(after)) if after < body.len() => {
            state.answered(&seen, status, after);
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
            Ok(hyper::Response::from_parts(parts, broken_off(body.slice(..after))))
        }
        _ => {
            state.answered(&seen, status, body.len());
            Ok(hyper::Response::from_parts(parts, whole(body)))
        }
    }
}

async fn forward(
    server: SocketAddr,
    request: hyper::Request<Full<Bytes>>,
) -> io::Result<(hyper::http::response::Parts, Bytes)> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move { drop(connection.await) });
    let (parts, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    Ok((parts, body.collect().await.map_err(io::Error::other)?.to_bytes()))
}

fn refused(state: &State, request: &Request, status: u16, code: &str) -> Answer {
    let text = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    state.answered(request, status, text.len());
    answer(status, "application/xml", text)
}

/// A body that ends in an error, so that the connection is closed before all of it was sent.
fn broken_off(begin: Bytes) -> http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error> {
    let end = async {
        // Time for what came before to reach the client.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(io::ErrorKind::ConnectionAborted.into())
    };
    let frames = futures::stream::iter([Ok(Frame::data(begin))]).chain(futures::stream::once(end));
    StreamBody::new(frames).boxed_unsync()
}

/// Tests do things that block, such as waiting for a process that they have killed.
async fn act(action: &Arc<dyn Fn(&Request) + Send + Sync>, request: &Request) {
    let (action, request) = (Arc::clone(action), request.clone());
    tokio::task::spawn_blocking(move || action(&request)).await.expect("an action that does not panic");
}
