//! An S3-compatible server in this process.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::sync::RwLock;

use crate::listen::{Answer, Listening, answer, listen};

/// An S3-compatible server: signatures are checked, conditional puts and gets are atomic.
#[derive(Debug)]
pub struct S3Server {
    folder: TempDir,
    listening: Listening,
}

impl S3Server {
    /// The access key that the server knows.
    pub const ACCESS_KEY: &'static str = "AKIATESTKEY";
    /// Its secret.
    pub const SECRET_KEY: &'static str = "a+test/secret=that-must-not-show";
    /// A region; the server takes any.
    pub const REGION: &'static str = "eu-west-3";

    /// Starts a server with these buckets, empty.
    #[must_use]
    pub fn start(buckets: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for bucket in buckets {
            fs::create_dir(folder.path().join(bucket)).expect("a folder for a bucket");
        }
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a folder for objects"));
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let (service, gate) = (builder.build(), Arc::new(RwLock::new(())));
        let listening = listen(move |request, _| serve(service.clone(), Arc::clone(&gate), request));
        Self { folder, listening }
    }

    /// Its endpoint, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    /// The folder whose files are a bucket's objects. What is changed here behind the server's back keeps the e-tag that
    /// the server has given it.
    #[must_use]
    pub fn folder(&self, bucket: &str) -> PathBuf {
        self.folder.path().join(bucket)
    }

    /// The environment of a program that is to find the server, or a proxy before it, at `endpoint`.
    #[must_use]
    pub fn environment(endpoint: &str) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }
}

/// The service behind a gate: changes go through one at a time, and nobody reads an object while its e-tag is still the
/// old one. `s3s-fs` looks at a condition first and acts on it later, and does not look at those of reads at all.
async fn serve(service: S3Service, gate: Arc<RwLock<()>>, request: hyper::Request<Incoming>) -> io::Result<Answer> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let condition = |name| request.headers().get(name).filter(|_| reads).cloned();
    let (only, unless) = (condition(IF_MATCH), condition(IF_NONE_MATCH));
    let (parts, body) = request.into_parts();
    // The body first: a client that is slow or dies half-way must not keep the gate.
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = hyper::Request::from_parts(parts, s3s::Body::from(body));
    let answered = if reads {
        let _open = gate.read().await;
        service.call(request).await
    } else {
        let _alone = gate.write().await;
        service.call(request).await
    };
    let answered = answered.map_err(|error| io::Error::other(format!("{error:?}")))?;
    let etag = answered.headers().get(ETAG);
    let found = answered.status().is_success();
    if found && only.is_some_and(|only| only != "*" && Some(&only) != etag) {
        let text = "<Error><Code>PreconditionFailed</Code><Message>the object has another e-tag</Message></Error>";
        return Ok(answer(412, "application/xml", text));
    }
    if found && unless.is_some_and(|unless| unless == "*" || Some(&unless) == etag) {
        return Ok(answer(304, "application/xml", ""));
    }
    Ok(answered.map(|body| body.map_err(io::Error::other).boxed_unsync()))
}
