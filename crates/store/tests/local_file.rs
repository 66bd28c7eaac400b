//! Objects of a bucket made readable as local files, column by column.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs::File;
use std::path::Path;

use abmart_store::{Environment, LocalFile, Store, StoreError, StoreSettings, Version};
use abmart_testkit::{Fault, Pages, Proxy, Request, S3Server};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::file::properties::WriterProperties;
use rstest::rstest;
use tempfile::TempDir;

const KEY: &str = "touchpoints/month=2026-06/part-0.parquet";
const ROWS: i64 = 60_000;

/// A bucket with one file of many row groups, its pages incompressible.
struct Bucket {
    server: S3Server,
    proxy: Proxy,
    store: Store,
    scratch: TempDir,
    size: u64,
}

fn open(endpoint: &str) -> Result<Store, StoreError> {
    let settings = StoreSettings { retry_seconds: Some(2), ..StoreSettings::default() };
    let environment: Environment = S3Server::environment(endpoint).into_iter().collect();
    Store::open_with("s3://lake", Path::new("/"), false, &settings, &environment)
}

fn parquet(seed: i64) -> Vec<u8> {
    let rows = support::rows(0, ROWS, seed);
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(20_000)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

impl Bucket {
    fn new() -> Self {
        let server = S3Server::start(&["lake"]);
        let proxy = Proxy::start(&server.url());
        let store = open(&proxy.url()).unwrap();
        let file = parquet(0);
        let size = file.len() as u64;
        store.put(KEY, file.into()).unwrap();
        proxy.clear();
        Self { server, proxy, store, scratch: TempDir::new().unwrap(), size }
    }

    fn fetch(&self, columns: &[&str]) -> Result<LocalFile, StoreError> {
        let listed = self.store.list("").unwrap().remove(0);
        let footer = self.store.footers(std::slice::from_ref(&listed), 1).remove(0)?;
        let version = Version { key: &listed.key, size: listed.size, etag: listed.etag.as_deref() };
        self.store.local_file(version, &footer, |name| columns.contains(&name), self.scratch.path())
    }

    fn fetched(&self) -> usize {
        self.downloads().iter().map(|request| request.bytes).sum()
    }

    fn downloads(&self) -> Vec<Request> {
        let mut requests = self.proxy.requests();
        requests.retain(|request| request.method == "GET" && request.path.ends_with(".parquet"));
        requests
    }

    fn leftovers(&self) -> usize {
        self.scratch.path().read_dir().unwrap().count()
    }
}

/// Some columns of a local file, all rows.
fn read(path: &Path, columns: &[&str]) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
    let reader = reader.with_projection(mask).build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn expected(columns: &[&str]) -> RecordBatch {
    let rows = support::rows(0, ROWS, 0);
    let wanted: Vec<usize> = columns.iter().map(|name| rows.schema().index_of(name).unwrap()).collect();
    rows.project(&wanted).unwrap()
}

#[rstest]
#[case::one(&["revenue"])]
#[case::the_first(&["account_id"])]
#[case::two_that_lie_apart(&["account_id", "touches"])]
#[case::all(&["account_id", "day", "seen_at", "touches", "revenue"])]
fn the_columns_that_were_asked_for_are_all_there(#[case] columns: &[&str]) {
    let bucket = Bucket::new();
    let local = bucket.fetch(columns).unwrap();
    assert_eq!(read(local.path(), columns), expected(columns));
    assert_eq!(bucket.leftovers(), 1);
    drop(local);
    assert_eq!(bucket.leftovers(), 0, "the copy goes with its owner");
}

#[test]
fn other_columns_are_not_fetched() {
    let bucket = Bucket::new();
    drop(bucket.fetch(&["day"]));
    let (one, size) = (bucket.fetched(), usize::try_from(bucket.size).unwrap());
    bucket.proxy.clear();
    drop(bucket.fetch(&["account_id", "day", "seen_at", "touches", "revenue"]));
    // The tail is read twice: for the footer, and for the reader of the copy.
    assert!(bucket.fetched() >= size, "{} of {size}", bucket.fetched());
    assert!(one < size / 2 + 64 * 1024, "{one} of {size}");
}

#[test]
fn what_was_not_fetched_cannot_be_taken_for_data() {
    let bucket = Bucket::new();
    let local = bucket.fetch(&["day"]).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(local.path()).unwrap()).unwrap();
    let mask = ProjectionMask::columns(reader.parquet_schema(), ["seen_at"]);
    let outcome: Result<Vec<_>, _> = reader.with_projection(mask).build().unwrap().collect();
    outcome.unwrap_err();
}

#[rstest]
#[case::breaks_off_early(Fault::Truncate(3))]
#[case::breaks_off_late(Fault::Truncate(30_000))]
#[case::is_reset(Fault::Reset)]
#[case::is_reset_unanswered(Fault::ResetAnswer)]
#[case::is_throttled(Fault::SlowDown)]
#[case::fails(Fault::Status(500, "InternalError"))]
fn a_download_that(#[case] fault: Fault) {
    let bucket = Bucket::new();
    bucket.proxy.when(|request| request.method == "GET" && request.number % 2 == 0, fault);
    let columns = ["account_id", "seen_at", "revenue"];
    let local = bucket.fetch(&columns).unwrap();
    assert_eq!(read(local.path(), &columns), expected(&columns));
}

#[test]
fn an_answer_that_always_breaks_off_is_no_file() {
    let bucket = Bucket::new();
    let listed = bucket.store.list("").unwrap().remove(0);
    let footer = bucket.store.footers(std::slice::from_ref(&listed), 1).remove(0).unwrap();
    bucket.proxy.when(|request| request.method == "GET", Fault::Truncate(0));
    let version = Version { key: KEY, size: listed.size, etag: listed.etag.as_deref() };
    let error = bucket.store.local_file(version, &footer, |_| true, bucket.scratch.path()).unwrap_err();
    assert!(matches!(error, StoreError::Object { .. }) && error.is_environment(), "{error}");
    assert!(error.to_string().contains(KEY), "{error}");
    assert_eq!(bucket.leftovers(), 0);
}

#[test]
fn a_file_that_was_replaced_since_it_was_listed_is_not_read() {
    let bucket = Bucket::new();
    let listed = bucket.store.list("").unwrap().remove(0);
    let footer = bucket.store.footers(std::slice::from_ref(&listed), 1).remove(0).unwrap();
    open(&bucket.server.url()).unwrap().put(KEY, parquet(8).into()).unwrap();
    let version = Version { key: KEY, size: listed.size, etag: listed.etag.as_deref() };
    let error = bucket.store.local_file(version, &footer, |_| true, bucket.scratch.path()).unwrap_err();
    assert!(matches!(error, StoreError::Changed { .. }), "{error}");
    assert_eq!(bucket.leftovers(), 0);
}

#[test]
fn a_scratch_folder_that_cannot_be_written_is_named() {
    let bucket = Bucket::new();
    let file = bucket.scratch.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let listed = bucket.store.list("").unwrap().remove(0);
    let footer = bucket.store.footers(std::slice::from_ref(&listed), 1).remove(0).unwrap();
    let version = Version { key: KEY, size: listed.size, etag: listed.etag.as_deref() };
    let error = bucket.store.local_file(version, &footer, |_| true, &file).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }) && error.to_string().contains("a file"), "{error}");
}

#[test]
fn in_a_folder_the_file_itself_is_read() {
    let folder = TempDir::new().unwrap();
    let store = Store::open("lake", folder.path(), true).unwrap();
    store.put(KEY, parquet(0).into()).unwrap();
    let listed = store.list("").unwrap().remove(0);
    let footer = store.footer(KEY).unwrap();
    let version = Version { key: KEY, size: listed.size, etag: listed.etag.as_deref() };
    let local = store.local_file(version, &footer, |_| false, folder.path()).unwrap();
    assert_eq!(local.path(), folder.path().join("lake").join(KEY));
    local.check_unchanged().unwrap();
    store.put(KEY, parquet(8).into()).unwrap();
    let error = local.check_unchanged().unwrap_err();
    assert!(matches!(error, StoreError::Changed { .. }), "{error}");
    drop(local);
    assert!(store.head(KEY).unwrap().is_some(), "it is not the reader's to remove");
}

#[test]
fn a_hundred_thousand_objects_are_listed_page_by_page_though_pages_break_off() {
    let pages = Pages::start(100_000);
    let proxy = Proxy::start(&pages.url());
    let store = open(&proxy.url()).unwrap();
    proxy.clear();
    proxy.at(17, Fault::SlowDown);
    proxy.at(40, Fault::Reset);
    let listed = store.list("lake").unwrap();
    assert_eq!(listed.len(), 100_000);
    assert!(listed.is_sorted_by(|a, b| a.key < b.key));
    assert_eq!((listed[99_999].key.as_str(), listed[99_999].size), ("lake/000099999.parquet", 99_999));
    assert_eq!(proxy.requests().len(), 102, "a hundred pages, two of them twice");
}
