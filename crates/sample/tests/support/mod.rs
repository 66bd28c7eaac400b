//! A lake in memory, read back with the plain Parquet reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_sample::{SampleOptions, SampleSummary, generate};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, Float64Type, TimestampMicrosecondType};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Every file of a lake, by its path below the prefix.
pub struct Lake {
    pub files: BTreeMap<String, Bytes>,
    pub summary: SampleSummary,
}

/// Rows with columns found by name.
pub struct Rows(pub RecordBatch);

impl Lake {
    pub fn new(options: &SampleOptions) -> Self {
        let store = Arc::new(InMemory::new());
        let prefix = Path::from("some/lake");
        let summary = generate(options, store.clone(), &prefix, &|_, _| {}).unwrap();
        Self { files: files(store.as_ref(), &prefix), summary }
    }

    pub fn paths(&self, folder: &str) -> Vec<&str> {
        let within = |path: &&String| path.starts_with(&format!("{folder}/"));
        self.files.keys().filter(within).map(String::as_str).collect()
    }

    pub fn file(&self, path: &str) -> Rows {
        let reader = ParquetRecordBatchReaderBuilder::try_new(self.files[path].clone()).unwrap();
        let schema = reader.schema().clone();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        Rows(concat_batches(&schema, &batches).unwrap())
    }

    /// All rows below a folder: a table, or one partition of it.
    pub fn rows(&self, folder: &str) -> Rows {
        let all: Vec<RecordBatch> = self.paths(folder).into_iter().map(|path| self.file(path).0).collect();
        Rows(concat_batches(&all[0].schema(), &all).unwrap())
    }

    /// The partition folders of a table, in order.
    pub fn partitions(&self, table: &str) -> Vec<String> {
        let mut folders: Vec<String> =
            self.paths(table).into_iter().map(|path| path.rsplit_once('/').unwrap().0.to_owned()).collect();
        folders.dedup();
        folders
    }

    /// A snapshot table as its newest copy, an event table as a whole.
    pub fn current(&self, table: &str) -> Rows {
        let partitions = self.partitions(table);
        let newest = partitions.last().unwrap();
        if newest.contains("/dt=") { self.rows(newest) } else { self.rows(table) }
    }
}

impl Rows {
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    fn column(&self, name: &str) -> &ArrayRef {
        &self.0[name]
    }

    pub fn texts(&self, name: &str) -> Vec<Option<&str>> {
        self.column(name).as_string::<i32>().iter().collect()
    }

    pub fn names(&self, name: &str) -> Vec<&str> {
        self.texts(name).into_iter().map(Option::unwrap).collect()
    }

    pub fn days(&self, name: &str) -> Vec<Option<i32>> {
        self.column(name).as_primitive::<Date32Type>().iter().collect()
    }

    pub fn instants(&self, name: &str) -> Vec<Option<i64>> {
        self.column(name).as_primitive::<TimestampMicrosecondType>().iter().collect()
    }

    pub fn numbers(&self, name: &str) -> Vec<Option<f64>> {
        self.column(name).as_primitive::<Float64Type>().iter().collect()
    }

    pub fn flags(&self, name: &str) -> Vec<Option<bool>> {
        self.column(name).as_boolean().iter().collect()
    }

    /// A column as text, whatever its type; absent values are `-`.
    pub fn display(&self, name: &str) -> Vec<String> {
        let mut array = self.column(name).clone();
        if let Some(instants) = array.as_primitive_opt::<TimestampMicrosecondType>() {
            // Rendering a named zone would need a zone database.
            array = Arc::new(instants.clone().with_timezone_opt::<&str>(None));
        }
        let options = arrow::util::display::FormatOptions::default().with_null("-");
        let format = arrow::util::display::ArrayFormatter::try_new(&array, &options).unwrap();
        (0..array.len()).map(|row| format.value(row).to_string()).collect()
    }
}

pub fn files(store: &InMemory, prefix: &Path) -> BTreeMap<String, Bytes> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listed: Vec<_> = store.list(Some(prefix)).try_collect().await.unwrap();
        let mut files = BTreeMap::new();
        for object in listed {
            let path = object.location.as_ref().strip_prefix(prefix.as_ref()).unwrap();
            let bytes = store.get(&object.location).await.unwrap().bytes().await.unwrap();
            files.insert(path.trim_start_matches('/').to_owned(), bytes);
        }
        files
    })
}
