//! A process that dies between two operations of its store, without killing the test.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// Where the process dies.
#[derive(Debug, Clone, Copy)]
pub struct Death {
    /// After how many changes of the store.
    pub after: usize,
    /// Whether the next change still reaches the store, its answer unheard.
    pub last_change_arrives: bool,
    /// Whether a move is a copy and a deletion, as in object stores, or one step, as in file systems.
    pub moves_in_two_steps: bool,
}

/// Passes everything on until its death; from then on everything fails, reads too.
#[derive(Debug, Clone)]
pub struct Failing {
    inner: Arc<dyn ObjectStore>,
    death: Death,
    changes: Arc<AtomicUsize>,
}

impl Failing {
    pub fn new(inner: Arc<dyn ObjectStore>, death: Death) -> Self {
        Self { inner, death, changes: Arc::new(AtomicUsize::new(0)) }
    }

    /// How many changes were attempted so far.
    pub fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    async fn change<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.changes.fetch_add(1, Ordering::SeqCst);
        if number < self.death.after {
            return operation.await;
        }
        if number == self.death.after && self.death.last_change_arrives {
            operation.await?;
        }
        Err(dead())
    }

    fn alive(&self) -> Result<()> {
        if self.changes() > self.death.after {
            return Err(dead());
        }
        Ok(())
    }
}

fn dead() -> Error {
    Error::Generic { store: "failing", source: "the process is dead".into() }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failing({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, key: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.change(self.inner.put_opts(key, payload, options)).await
    }

    async fn put_multipart_opts(&self, key: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.change(self.inner.put_multipart_opts(key, options)).await
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        self.alive()?;
        self.inner.get_opts(key, options).await
    }

    async fn get_ranges(&self, key: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.alive()?;
        self.inner.get_ranges(key, ranges).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        keys.then(move |key| {
            let store = store.clone();
            async move {
                let one = futures::stream::iter([key]).boxed();
                let mut deleted = store.inner.delete_stream(one);
                store.change(async { deleted.next().await.unwrap() }).await
            }
        })
        .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.alive() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.alive()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.change(self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        if !self.death.moves_in_two_steps {
            return self.change(self.inner.rename_opts(from, to, options)).await;
        }
        self.copy_opts(from, to, CopyOptions::new()).await?;
        let mut deleted = self.delete_stream(futures::stream::iter([Ok(from.clone())]).boxed());
        deleted.next().await.unwrap().map(drop)
    }
}
