use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::buffered::BufWriter;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWrite as _;
use tokio::runtime::Runtime;

use crate::store::object_key;
use crate::{Store, StoreError};

/// A synchronous writer of one object that also counts and hashes what goes through it.
///
/// Large objects go up in parts while they are written, so memory stays bounded. The object appears
/// under its key only when [`Sink::close`] succeeds.
pub(crate) struct Sink {
    runtime: Arc<Runtime>,
    upload: BufWriter,
    buffer: BytesMut,
    bytes: u64,
    hash: Sha256,
}

/// How many bytes are collected before they are handed to the upload.
const BUFFER: usize = 1 << 20;
/// The size of an upload's parts; also the size up to which an object goes up in one request.
const PART: usize = 8 << 20;
/// How many parts are under way at once.
const PARTS: usize = 4;

impl Sink {
    pub(crate) fn create(store: &Store, key: &str) -> Result<Self, StoreError> {
        Ok(Self {
            runtime: Arc::clone(store.runtime()),
            upload: BufWriter::with_capacity(Arc::clone(store.objects()), object_key(key)?, PART)
                .with_max_concurrency(PARTS),
            buffer: BytesMut::with_capacity(BUFFER),
            bytes: 0,
            hash: Sha256::new(),
        })
    }

    /// Completes the object; gives its size in bytes and its SHA-256 in hexadecimal.
    pub(crate) fn close(mut self) -> io::Result<(u64, String)> {
        self.hand_over()?;
        self.runtime.block_on(poll_fn(|context| Pin::new(&mut self.upload).poll_shutdown(context)))?;
        Ok((self.bytes, format!("{:x}", self.hash.finalize())))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let bytes: Bytes = self.buffer.split().freeze();
        if bytes.is_empty() {
            return Ok(());
        }
        self.bytes += bytes.len() as u64;
        self.hash.update(&bytes);
        self.runtime.block_on(self.upload.put(bytes)).map_err(io::Error::from)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    /// Nothing to do before the end: parts go up as they fill.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
