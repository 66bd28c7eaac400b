//! HTTP servers of the test's own: a listener on a free port of 127.0.0.1 with threads of its own.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// An answer.
pub type Answer = hyper::Response<UnsyncBoxBody<Bytes, io::Error>>;

/// A server, stopped when it is dropped.
#[derive(Debug)]
pub struct Listening {
    /// Where it listens.
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

/// What a handler does with the connection that its request came on.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    reset: Arc<AtomicBool>,
}

impl Connection {
    /// Resets the connection once the handler has failed, as a dying server does, instead of closing it.
    pub fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
    }
}

/// Serves with `handle`; a request that it fails for gets no answer, its connection is closed.
pub fn listen<H, F>(handle: H) -> Listening
where
    H: Fn(hyper::Request<Incoming>, Connection) -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<Answer>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("test server")
        .enable_all()
        .build()
        .expect("threads for a server");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.set_nonblocking(true).expect("a listener that does not block");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            let (handle, connection) = (handle.clone(), Connection::default());
            let socket = Socket { stream, connection: connection.clone() };
            let service = service_fn(move |request| handle(request, connection.clone()));
            let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            // Clients that go away, and requests that are to get no answer, end here.
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    Listening { address, runtime: Some(runtime) }
}

/// An answer with all its body at once.
pub fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
    hyper::Response::builder()
        .status(status)
        .header(hyper::header::CONTENT_TYPE, content_type)
        .body(whole(body.into()))
        .expect("a well-formed answer")
}

/// A body that is all there.
pub fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, io::Error> {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync()
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection that is reset, not closed, where a handler has asked for that.
struct Socket {
    stream: TcpStream,
    connection: Connection,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::SeqCst) {
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
