//! Footers of the lake's files: those of files that an earlier run has seen come from the cache, so that a night asks a
//! bucket for what is new in it.

use abmart_engine::cache::index::Index;
use abmart_engine::cache::{self, RunCache};
use abmart_store::{ObjectInfo, ParquetFooter, Store, StoreError};

use crate::exit::Failure;

/// Footers read from the lake at the same time.
const AT_ONCE: usize = 16;

/// The footers of listed files, one for each and in their order.
///
/// # Errors
/// When what is to be kept cannot be written down; a file without a readable footer is told in its place.
pub fn read(
    lake: &Store,
    files: &[ObjectInfo],
    cache: &RunCache,
) -> Result<Vec<Result<ParquetFooter, StoreError>>, Failure> {
    let index: Index<'_, ParquetFooter> = Index::open(cache, cache::key(["footers", lake.label()]));
    let known = |file: &ObjectInfo| index.get(&identity(file)?);
    let unknown: Vec<ObjectInfo> = files.iter().filter(|file| known(file).is_none()).cloned().collect();
    let mut fetched = lake.footers(&unknown, AT_ONCE).into_iter();
    let mut footers = Vec::new();
    for file in files {
        let footer = known(file).cloned().map(Ok).or_else(|| fetched.next());
        if let (Some(Ok(footer)), Some(identity)) = (&footer, identity(file)) {
            index.remember(identity, footer.clone());
        }
        footers.extend(footer);
    }
    index.close().map_err(|error| Failure::Run(error.to_string()))?;
    Ok(footers)
}

/// What a file is, as far as the store tells versions of it apart.
fn identity(file: &ObjectInfo) -> Option<String> {
    Some(format!("{} {} {}", file.key, file.size, file.etag.as_ref()?))
}
