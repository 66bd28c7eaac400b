use bytes::Bytes;
use futures::{StreamExt as _, stream};

use crate::{Store, StoreError, store::object_key};

impl Store {
    /// Reads many small objects, at most `concurrency` at a time. Results come in the order of `keys`, one for each.
    ///
    /// The errors are those of [`Store::get`].
    #[must_use]
    pub fn get_many(&self, keys: &[String], concurrency: usize) -> Vec<Result<Bytes, StoreError>> {
        let read = |key: String| async move {
            let path = object_key(&key)?;
            let read =
                async { self.objects().get_opts(&path, object_store::GetOptions::default()).await?.bytes().await };
            read.await.map_err(|source| self.failed("reading", &key, source))
        };
        // Owned keys: a future that borrows from the list would not be general enough for `buffered`.
        let keys = keys.to_vec();
        self.block_on(stream::iter(keys).map(read).buffered(concurrency.max(1)).collect())
    }
}
