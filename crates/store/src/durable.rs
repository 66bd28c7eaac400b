//! Flushing local files to the disk. Object stores acknowledge a write only when it is durable, so
//! these functions have no counterpart there.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use crate::StoreError;

/// Flushes the content of the file `key` below `root`.
pub(crate) fn sync_file(root: &Path, key: &str) -> Result<(), StoreError> {
    sync(&root.join(key))
}

/// Flushes the directory entries that lead from `root` to each of `keys`, so that renames and deletions
/// in them are durable. A folder that is gone by now has nothing to flush.
pub(crate) fn sync_folders<'a>(root: &Path, keys: impl IntoIterator<Item = &'a str>) -> Result<(), StoreError> {
    if cfg!(not(unix)) {
        return Ok(()); // elsewhere a directory cannot be opened for flushing
    }
    let folders: BTreeSet<&Path> = keys.into_iter().flat_map(|key| Path::new(key).ancestors().skip(1)).collect();
    folders
        .into_iter()
        .map(|folder| root.join(folder))
        .filter(|folder| folder.is_dir())
        .try_for_each(|folder| sync(&folder))
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| StoreError::io(format!("flushing `{}` to the disk", path.display()), source))
}
