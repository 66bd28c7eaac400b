//! An S3-compatible server in this process.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use object_store::aws::{AmazonS3, AmazonS3Builder};
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
        let unsigned = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a folder for objects"));
        let gate = Gate { service: builder.build(), unsigned: unsigned.build(), turn: Arc::default() };
        let listening = listen(move |request, _| gate.clone().serve(request));
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

    /// A client of a bucket.
    #[must_use]
    pub fn client(&self, bucket: &str) -> AmazonS3 {
        AmazonS3Builder::new()
            .with_endpoint(self.url())
            .with_allow_http(true)
            .with_bucket_name(bucket)
            .with_region(Self::REGION)
            .with_access_key_id(Self::ACCESS_KEY)
            .with_secret_access_key(Self::SECRET_KEY)
            .build()
            .expect("a client")
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
#[derive(Clone)]
struct Gate {
    service: S3Service,
    /// The same objects for whoever asks from within.
    unsigned: S3Service,
    turn: Arc<RwLock<()>>,
}

impl Gate {
    async fn serve(self, request: hyper::Request<Incoming>) -> io::Result<Answer> {
        let (parts, body) = request.into_parts();
        // The body first: a client that is slow or dies half-way must not keep the gate.
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        // A task of its own, because what a client asked for is done whole even if it goes away meanwhile.
        tokio::spawn(self.answer(hyper::Request::from_parts(parts, s3s::Body::from(body)))).await?
    }

    async fn answer(self, request: hyper::Request<s3s::Body>) -> io::Result<Answer> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let _alone = self.turn.write().await;
            return call(&self.service, request).await;
        }
        let _open = self.turn.read().await;
        let condition = |name| request.headers().get(name).cloned();
        let (only, unless) = (condition(IF_MATCH), condition(IF_NONE_MATCH));
        let bucket = request.uri().path().trim_matches('/').to_owned();
        let listing = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
        let answered = call(&self.service, request).await?;
        let found = answered.status().is_success();
        let etag = answered.headers().get(ETAG);
        if found && only.is_some_and(|only| only != "*" && Some(&only) != etag) {
            let text = "<Error><Code>PreconditionFailed</Code><Message>the object has another e-tag</Message></Error>";
            return Ok(answer(412, "application/xml", text));
        }
        if found && unless.is_some_and(|unless| unless == "*" || Some(&unless) == etag) {
            return Ok(answer(304, "application/xml", ""));
        }
        if found && listing { self.with_etags(&bucket, answered).await } else { Ok(answered) }
    }

    /// A listing with the e-tag of each object, which `s3s-fs` leaves out.
    async fn with_etags(&self, bucket: &str, listing: Answer) -> io::Result<Answer> {
        let body = listing.into_body().collect().await?.to_bytes();
        let text = String::from_utf8(body.to_vec()).map_err(io::Error::other)?;
        let mut parts = text.split("</Key>");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let key = whole.rsplit("<Key>").next().map(unescaped).unwrap_or_default();
            let uri = format!("/{bucket}/{}", percent_encoded(&key));
            let head = hyper::Request::head(uri).body(s3s::Body::empty()).map_err(io::Error::other)?;
            whole.push_str("</Key>");
            if let Some(etag) = call(&self.unsigned, head).await?.headers().get(ETAG) {
                let etag = etag.to_str().map_err(io::Error::other)?;
                whole = format!("{whole}<ETag>{etag}</ETag>");
            }
            whole.push_str(part);
        }
        Ok(answer(200, "application/xml", whole))
    }
}

async fn call(service: &S3Service, request: hyper::Request<s3s::Body>) -> io::Result<Answer> {
    let answered = service.call(request).await.map_err(|error| io::Error::other(format!("{error:?}")))?;
    Ok(answered.map(|body| body.map_err(io::Error::other).boxed_unsync()))
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

fn percent_encoded(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
