//! From file plans to Parquet files in an object store: workers fill and encode, one file at a time each.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tokio::runtime::{Handle, Runtime};

use crate::schema::{Layout, TABLES, Table};
use crate::{SampleError, SampleSummary, TableSummary};

/// One file to be: where it goes and how its rows are made.
pub(crate) struct FilePlan<'w> {
    pub(crate) table: &'static Table,
    /// `dt=YYYY-MM-DD` or `ym=YYYY-MM`
    pub(crate) partition: String,
    pub(crate) name: String,
    pub(crate) fill: Fill<'w>,
}

/// Pushes the file's rows, in order, in as many batches as it likes.
pub(crate) type Fill<'w> = Box<dyn Fn(&mut Rows) -> Result<(), SampleError> + Send + Sync + 'w>;

impl<'w> FilePlan<'w> {
    /// A file whose rows are made as one batch.
    pub(crate) fn whole(
        table: &'static Table,
        partition: String,
        columns: impl Fn() -> Vec<ArrayRef> + Send + Sync + 'w,
    ) -> Self {
        let fill: Fill<'w> = Box::new(move |rows| rows.push(columns()));
        Self { table, partition, name: "part-0.parquet".to_owned(), fill }
    }
}

/// Makes a world and writes its files; everything but `progress` runs on threads of its own.
pub(crate) fn run<W: Sync>(
    store: &dyn ObjectStore,
    prefix: &Path,
    overwrite: bool,
    world: impl FnOnce() -> Result<W, SampleError> + Send,
    files: impl FnOnce(&W) -> Vec<FilePlan<'_>> + Send,
    progress: &dyn Fn(&str, u64),
) -> Result<SampleSummary, SampleError> {
    let mut summary = SampleSummary {
        tables: TABLES
            .iter()
            .map(|table| TableSummary { table: table.name.to_owned(), ..TableSummary::default() })
            .collect(),
    };
    let (sender, receiver) = channel::<Written>();
    thread::scope(|scope| {
        let driver = scope.spawn(move || -> Result<(), SampleError> {
            let runtime = Runtime::new()?;
            let handle = runtime.handle();
            handle.block_on(clear(store, prefix, overwrite))?;
            let world = world()?;
            let plans = files(&world);
            write_all(&Target { store, prefix, handle }, &plans, &sender)
        });
        for written in receiver {
            if let Some(entry) = summary.tables.iter_mut().find(|t| t.table == written.table) {
                entry.rows += written.rows;
                entry.files += 1;
                entry.bytes += written.bytes;
                progress(&entry.table, entry.rows);
            }
        }
        driver.join().map_err(|_| SampleError::Worker)?
    })?;
    Ok(summary)
}

/// The rows of a file on their way to Parquet.
pub(crate) struct Rows {
    table: &'static Table,
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
    count: u64,
}

impl Rows {
    fn new(table: &'static Table) -> Result<Self, SampleError> {
        let schema = table.arrow_schema();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        // A dictionary of a column whose values are all different costs time and saves nothing.
        if let [only] = table.key {
            properties = properties.set_column_dictionary_enabled((*only).into(), false);
        }
        for column in ["occurred_at", "duration_s", "consumed"] {
            properties = properties.set_column_dictionary_enabled(column.into(), false);
        }
        // The embedded Arrow schema would say nothing that the Parquet types do not.
        let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options)?;
        Ok(Self { table, schema, writer, count: 0 })
    }

    /// Appends a batch, its columns in the table's order.
    pub(crate) fn push(&mut self, columns: Vec<ArrayRef>) -> Result<(), SampleError> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|source| SampleError::Rows { table: self.table.name, source })?;
        self.count += batch.num_rows() as u64;
        Ok(self.writer.write(&batch)?)
    }
}

/// Text, absent where the item is `None`.
pub(crate) fn texts<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// Text that is never absent.
pub(crate) fn names<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    texts(values.into_iter().map(Some))
}

pub(crate) fn dates<V: Into<Option<i32>>>(values: impl IntoIterator<Item = V>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<Date32Array>())
}

pub(crate) fn instants<V: Into<Option<i64>>>(values: impl IntoIterator<Item = V>) -> ArrayRef {
    let array: TimestampMicrosecondArray = values.into_iter().map(Into::into).collect();
    Arc::new(array.with_timezone("UTC"))
}

pub(crate) fn counts<V: Into<Option<i64>>>(values: impl IntoIterator<Item = V>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<Int64Array>())
}

pub(crate) fn numbers<V: Into<Option<f64>>>(values: impl IntoIterator<Item = V>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<Float64Array>())
}

pub(crate) fn flags<V: Into<Option<bool>>>(values: impl IntoIterator<Item = V>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<BooleanArray>())
}

const ROW_GROUP_ROWS: usize = 524_288;
const MOST_WORKERS: usize = 8;

struct Target<'a> {
    store: &'a dyn ObjectStore,
    prefix: &'a Path,
    handle: &'a Handle,
}

struct Written {
    table: &'static str,
    rows: u64,
    bytes: u64,
}

/// Makes sure the prefix is free: refuses Parquet files, or deletes those of the model's tables.
async fn clear(store: &dyn ObjectStore, prefix: &Path, overwrite: bool) -> Result<(), SampleError> {
    let root = (!prefix.as_ref().is_empty()).then_some(prefix);
    let mut listing = store.list(root);
    let mut old = Vec::new();
    while let Some(object) = listing.try_next().await? {
        if object.location.extension() != Some("parquet") {
            continue;
        }
        if !overwrite {
            return Err(SampleError::NotEmpty { prefix: prefix.to_string(), example: object.location.to_string() });
        }
        let ours = object
            .location
            .prefix_match(prefix)
            .is_some_and(|mut parts| parts.next().is_some_and(|first| TABLES.iter().any(|t| t.name == first.as_ref())));
        if ours {
            old.push(Ok(object.location));
        }
    }
    let deleted = store.delete_stream(futures::stream::iter(old).boxed());
    deleted.try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

/// Works the plans off with a few threads; the first error stops the rest.
fn write_all(target: &Target<'_>, plans: &[FilePlan<'_>], sender: &Sender<Written>) -> Result<(), SampleError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let first_error = std::sync::Mutex::new(None);
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_WORKERS);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        break;
                    };
                    match write_file(target, plan) {
                        // A receiver that is gone has no use for the message; the file is written.
                        Ok(Some(written)) => drop(sender.send(written)),
                        Ok(None) => {}
                        Err(error) => {
                            failed.store(true, Ordering::Relaxed);
                            first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Writes one file, or none when a month of events has no rows.
fn write_file(target: &Target<'_>, plan: &FilePlan<'_>) -> Result<Option<Written>, SampleError> {
    let mut rows = Rows::new(plan.table)?;
    (plan.fill)(&mut rows)?;
    if rows.count == 0 && plan.table.layout == Layout::Events {
        return Ok(None);
    }
    let count = rows.count;
    let bytes = rows.writer.into_inner()?;
    let size = bytes.len() as u64;
    let path =
        target.prefix.parts().chain([plan.table.name, &plan.partition, &plan.name].map(Into::into)).collect::<Path>();
    target.handle.block_on(target.store.put(&path, PutPayload::from(bytes)))?;
    Ok(Some(Written { table: plan.table.name, rows: count, bytes: size }))
}
