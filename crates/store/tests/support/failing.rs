//! A process that dies between two operations of its store, without killing the test.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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
}

/// Passes everything on until its death; from then on everything fails, reads too. Or it sleeps once, while something
/// else happens.
#[derive(Clone)]
pub struct Failing {
    inner: Arc<dyn ObjectStore>,
    death: Death,
    changes: Arc<AtomicUsize>,
    sleep: Arc<Mutex<Option<Sleep>>>,
}

/// A process that sleeps once.
pub struct Sleep {
    /// Before its first change with at least this number, counted from 0.
    pub before: usize,
    /// Also before changes of records. In a file system these are made under a lock, which a sleeper keeps.
    pub records: bool,
    /// What others do meanwhile.
    pub interlude: Box<dyn FnOnce() + Send>,
}

impl Failing {
    pub fn new(inner: Arc<dyn ObjectStore>, death: Death) -> Self {
        Self { inner, death, changes: Arc::new(AtomicUsize::new(0)), sleep: Arc::default() }
    }

    /// A process that lives, but sleeps.
    pub fn sleeping(inner: Arc<dyn ObjectStore>, sleep: Sleep) -> Self {
        let store = Self::new(inner, Death { after: usize::MAX, last_change_arrives: false });
        *store.sleep.lock().unwrap() = Some(sleep);
        store
    }

    /// Whether it has slept.
    pub fn has_slept(&self) -> bool {
        self.sleep.lock().unwrap().is_none()
    }

    /// How many changes were attempted so far.
    pub fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    async fn change<T>(&self, key: &Path, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.changes.fetch_add(1, Ordering::SeqCst);
        let ready =
            |sleep: &mut Sleep| (sleep.records || !key.as_ref().starts_with("_abmart/")) && sleep.before <= number;
        let sleep = self.sleep.lock().unwrap().take_if(ready);
        if let Some(Sleep { interlude, .. }) = sleep {
            // Others have threads of their own: this one belongs to an async runtime.
            std::thread::spawn(interlude).join().unwrap();
        }
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

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failing").field("inner", &self.inner).field("death", &self.death).finish_non_exhaustive()
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failing({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, key: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.change(key, self.inner.put_opts(key, payload, options)).await
    }

    async fn put_multipart_opts(&self, key: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.change(key, self.inner.put_multipart_opts(key, options)).await
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
                let key = key?;
                let one = futures::stream::iter([Ok(key.clone())]).boxed();
                let mut deleted = store.inner.delete_stream(one);
                store.change(&key, async { deleted.next().await.unwrap() }).await
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
        self.change(from, self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.change(from, self.inner.rename_opts(from, to, options)).await
    }
}
