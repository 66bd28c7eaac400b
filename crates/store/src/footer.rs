use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use object_store::{GetOptions, GetRange, ObjectStore as _};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use serde::{Deserialize, Serialize};

use crate::column::{self, FooterColumn};
use crate::layout::Layout;
use crate::store::object_key;
use crate::{ObjectInfo, Store, StoreError};

/// What the end of a Parquet file says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetFooter {
    /// The number of rows.
    pub rows: u64,
    /// The top-level columns in the file's order.
    pub columns: Vec<FooterColumn>,
    /// The program that wrote the file, as it calls itself.
    pub created_by: Option<String>,
    /// The e-tag of the file that was read, where the store says it.
    pub etag: Option<String>,
    /// Where the columns lie.
    pub(crate) layout: Layout,
}

/// The first read of a file's end. Almost every footer fits, so one request is enough.
const TAIL: u64 = 64 * 1024;
/// The footer's length and the magic bytes, at the very end.
const TRAILER: u64 = 8;
const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED_MAGIC: &[u8; 4] = b"PARE";

impl Store {
    /// Reads the footer of one Parquet file: its end only, never the data.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such object, [`StoreError::NotParquet`] when it is empty,
    /// truncated or something else than Parquet, [`StoreError::Object`] when reading fails.
    pub fn footer(&self, key: &str) -> Result<ParquetFooter, StoreError> {
        let Some(object) = self.head(key)? else {
            return Err(StoreError::NotFound {
                what: format!("`{key}` in store `{}`", self.label()),
                hint: String::new(),
            });
        };
        self.block_on(read_footer(self, &object))
    }

    /// Reads the footers of listed files, at most `concurrency` at a time. Results come in the order of
    /// `objects`, one for each, so that every bad file is reported and not only the first.
    ///
    /// A file that was replaced since the listing gives [`StoreError::Changed`]; other errors are those of
    /// [`Store::footer`].
    #[must_use]
    pub fn footers(&self, objects: &[ObjectInfo], concurrency: usize) -> Vec<Result<ParquetFooter, StoreError>> {
        self.block_on(
            stream::iter(objects).map(|object| read_footer(self, object)).buffered(concurrency.max(1)).collect(),
        )
    }
}

async fn read_footer(store: &Store, object: &ObjectInfo) -> Result<ParquetFooter, StoreError> {
    let (metadata, etag) = read_metadata(store, object).await?;
    let file = metadata.file_metadata();
    Ok(ParquetFooter {
        rows: u64::try_from(file.num_rows()).map_err(|_| StoreError::NotParquet {
            key: object.key.clone(),
            size: object.size,
            reason: "its footer counts a negative number of rows".to_owned(),
        })?,
        columns: column::columns(&metadata),
        created_by: file.created_by().map(str::to_owned),
        etag,
        layout: Layout::of(&metadata),
    })
}

/// The footer as it stands in the file, and the file's e-tag.
pub(crate) async fn read_metadata(
    store: &Store,
    object: &ObjectInfo,
) -> Result<(ParquetMetaData, Option<String>), StoreError> {
    let size = object.size;
    let refused = |reason: String| StoreError::NotParquet { key: object.key.clone(), size, reason };
    if size == 0 {
        return Err(refused("the file is empty".to_owned()));
    }
    let mut start = size.saturating_sub(TAIL);
    let (mut tail, etag) = read_range(store, object, start..size).await?;
    let length = match trailer(&tail) {
        Trailer::Footer(length) if length + TRAILER <= size => length,
        Trailer::Footer(length) => {
            return Err(refused(format!(
                "its last bytes announce a footer of {length} bytes, more than the file holds; it is truncated or damaged"
            )));
        }
        Trailer::Encrypted => {
            return Err(refused("its footer is encrypted, which is not supported".to_owned()));
        }
        Trailer::None => {
            let (head, _) = read_range(store, object, 0..size.min(4)).await?;
            return Err(refused(without_footer(&head)));
        }
    };
    if start == 0 && !tail.starts_with(MAGIC) {
        return Err(refused(
            "it ends like Parquet but does not begin like it; its beginning is missing or damaged".to_owned(),
        ));
    }
    let footer_start = size - TRAILER - length;
    if footer_start < start {
        start = footer_start;
        (tail, _) = read_range(store, object, start..size).await?;
    }
    let before = usize::try_from(footer_start - start).unwrap_or(usize::MAX);
    let metadata = tail
        .get(before..)
        .and_then(|bytes| bytes.get(..usize::try_from(length).ok()?))
        .ok_or_else(|| refused("its footer could not be read in full".to_owned()))
        .and_then(|bytes| {
            ParquetMetaDataReader::decode_metadata(bytes)
                .map_err(|error| refused(format!("its footer is damaged ({error})")))
        })?;
    if let Some(column) = column_outside(&metadata, footer_start) {
        return Err(refused(format!(
            "its footer places column `{column}` where the file has no data; the file is truncated or damaged"
        )));
    }
    Ok((metadata, etag))
}

/// Reads bytes of exactly the version that was listed.
async fn read_range(
    store: &Store,
    object: &ObjectInfo,
    range: Range<u64>,
) -> Result<(Bytes, Option<String>), StoreError> {
    let path = object_key(&object.key)?;
    let failed = |source| store.failed("reading the footer of", &object.key, source);
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let options =
        GetOptions { range: Some(GetRange::Bounded(range)), if_match: object.etag.clone(), ..GetOptions::default() };
    let result = store.objects().get_opts(&path, options).await.map_err(failed)?;
    let etag = result.meta.e_tag.clone();
    let same = result.meta.size == object.size && (object.etag.is_none() || etag == object.etag);
    let bytes = result.bytes().await.map_err(failed)?;
    if same && bytes.len() == wanted {
        return Ok((bytes, etag));
    }
    Err(StoreError::Changed { store: store.label().to_owned(), key: object.key.clone() })
}

enum Trailer {
    /// A footer of so many bytes comes before the trailer.
    Footer(u64),
    Encrypted,
    None,
}

fn trailer(tail: &[u8]) -> Trailer {
    match tail.last_chunk::<8>() {
        Some([a, b, c, d, magic @ ..]) if magic == MAGIC => {
            Trailer::Footer(u64::from(u32::from_le_bytes([*a, *b, *c, *d])))
        }
        Some([.., m, n, o, p]) if [*m, *n, *o, *p] == *ENCRYPTED_MAGIC => Trailer::Encrypted,
        _ => Trailer::None,
    }
}

/// What a file without a Parquet trailer is, by its first bytes.
fn without_footer(head: &[u8]) -> String {
    if head == MAGIC {
        return "it begins like Parquet, but its end with the footer is missing; it is truncated, or still being written".to_owned();
    }
    let guess = match head {
        [0x1f, 0x8b, ..] => " (it looks gzip-compressed)",
        [b'P', b'K', ..] => " (it looks like a ZIP archive)",
        b"ARRO" => " (it looks like Arrow IPC or Feather)",
        b"ORC\0" | [b'O', b'R', b'C', _] => " (it looks like ORC)",
        b"Obj\x01" => " (it looks like Avro)",
        [b'{' | b'[', ..] => " (it looks like JSON)",
        _ if !head.is_empty() && head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => {
            " (it looks like text, such as CSV)"
        }
        _ => "",
    };
    format!("it neither begins nor ends with the bytes PAR1{guess}")
}

/// The first column whose pages would lie at or after the footer.
fn column_outside(metadata: &ParquetMetaData, footer_start: u64) -> Option<String> {
    metadata
        .row_groups()
        .iter()
        .flat_map(parquet::file::metadata::RowGroupMetaData::columns)
        .find(|chunk| {
            let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            match (u64::try_from(start), u64::try_from(chunk.compressed_size())) {
                (Ok(start), Ok(length)) => start.checked_add(length).is_none_or(|end| end > footer_start),
                _ => true,
            }
        })
        .map(|chunk| chunk.column_path().string())
}
