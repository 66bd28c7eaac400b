//! Mart files: what readers find in them, and that equal rows give equal bytes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs::File;
use std::sync::Arc;

use abmart_store::{MartWriter, StagedFile, Store, StoreError};
use arrow::array::{
    ArrayRef, AsArray as _, DictionaryArray, Int64Array, LargeStringArray, ListArray, StringArray, StringViewArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, UInt32Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use support::{rows, spec, stage};

fn marts() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("marts", folder.path(), true).unwrap();
    (folder, store)
}

fn open(store: &Store, file: &StagedFile) -> SerializedFileReader<File> {
    let path = store.local_path(&file.staged_key("r1")).unwrap();
    let bloom = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(bloom).with_page_index().build();
    SerializedFileReader::new_with_options(File::open(path).unwrap(), options).unwrap()
}

fn read(store: &Store, file: &StagedFile) -> RecordBatch {
    let path = store.local_path(&file.staged_key("r1")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn rows_come_back_as_they_were() {
    let (_folder, store) = marts();
    let file = stage(&store, "r1", "kpi", "part-0.parquet", 100_000, 0);
    assert_eq!(read(&store, &file).columns(), rows(0, 100_000, 0).columns());
}

#[test]
fn a_staged_file_is_described_and_hidden() {
    let (_folder, store) = marts();
    let file = stage(&store, "r1", "kpi", "month=2026-10/part-0.parquet", 20, 0);
    let bytes = store.get("_staging/r1/kpi/month=2026-10/part-0.parquet").unwrap();
    assert_eq!((file.rows, file.bytes), (20, bytes.len() as u64));
    assert_eq!(file.sha256, support::sha256(&bytes));
    assert_eq!(store.list("").unwrap(), []);
}

#[test]
fn fields_carry_their_documentation() {
    let (_folder, store) = marts();
    let file = stage(&store, "r1", "kpi", "part-0.parquet", 20, 0);
    let schema = read(&store, &file).schema();
    let revenue = schema.field_with_name("revenue").unwrap().metadata();
    assert_eq!(revenue["description"], "Revenue of the day");
    assert_eq!(revenue["unit"], "EUR");
    assert!(!schema.field_with_name("account_id").unwrap().metadata().contains_key("unit"));
}

#[test]
fn the_file_carries_the_marts_documentation_and_the_callers_metadata() {
    let (_folder, store) = marts();
    let file = stage(&store, "r1", "kpi", "part-0.parquet", 20, 0);
    let reader = open(&store, &file);
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.created_by(), Some(concat!("abmart version ", env!("CARGO_PKG_VERSION"))));
    let value = |key: &str| {
        let pairs = metadata.key_value_metadata().unwrap();
        pairs.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap()
    };
    assert_eq!(value("abmart.mart"), "kpi");
    assert_eq!(value("abmart.description"), "One row per account and day");
    assert_eq!(value("abmart.definition"), "3f2c");
    assert_eq!(
        value("abmart.columns"),
        r#"[{"name":"account_id","description":"The account"},{"name":"revenue","description":"Revenue of the day","unit":"EUR"}]"#
    );
}

#[test]
fn readers_can_prune_by_order_statistics_pages_and_bloom_filters() {
    let (_folder, store) = marts();
    let file = stage(&store, "r1", "kpi", "part-0.parquet", 100_000, 0);
    let reader = open(&store, &file);
    let group = reader.metadata().row_group(0);
    let order: Vec<_> = group
        .sorting_columns()
        .unwrap()
        .iter()
        .map(|column| (column.column_idx, column.descending, column.nulls_first))
        .collect();
    assert_eq!(order, [(0, false, true), (1, false, true)]);
    for column in group.columns() {
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
        assert!(column.statistics().unwrap().min_bytes_opt().is_some());
        assert!(column.column_index_offset().is_some() && column.offset_index_offset().is_some());
    }
    let pages = reader.metadata().offset_index().unwrap()[0][0].page_locations().len();
    assert!(pages > 1, "{pages} pages");
    let group = reader.get_row_group(0).unwrap();
    let bloom = group.get_column_bloom_filter(0).unwrap();
    assert!((0..100_000).step_by(10).all(|row| bloom.check(&support::account(row).as_str())));
    let strangers = (0..1_000).filter(|n| bloom.check(&format!("b{n:07}").as_str())).count();
    assert!(strangers < 50, "{strangers} of 1000 unknown ids pass");
    assert!(group.get_column_bloom_filter(3).is_none());
}

#[test]
fn large_marts_have_several_row_groups() {
    let (_folder, store) = marts();
    let file = stage(&store, "r1", "kpi", "part-0.parquet", 1_100_000, 0);
    let reader = open(&store, &file);
    let sizes: Vec<_> = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(sizes, [1 << 20, 1_100_000 - (1 << 20)]);
}

#[test]
fn equal_rows_give_equal_bytes_however_they_are_cut_and_encoded() {
    let (_folder, store) = marts();
    let all = rows(0, 200_000, 0);
    let write = |run: &str, threads: usize, cuts: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let batches = (0..all.num_rows()).step_by(cuts).map(|from| all.slice(from, cuts.min(all.num_rows() - from)));
        pool.install(|| store.write_mart(run, &spec("kpi"), "x.parquet", &all.schema(), batches).unwrap())
    };
    let whole = write("r1", 1, 200_000);
    for (threads, cuts) in [(1, 65_536), (4, 1_000), (2, 99_991)] {
        assert_eq!(write("r2", threads, cuts), whole, "{threads} threads, batches of {cuts}");
    }
}

#[test]
fn every_representation_of_text_is_written_as_plain_text() {
    let (_folder, store) = marts();
    let values = ["a", "a", "b"];
    let columns: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter_values(values)),
        Arc::new(LargeStringArray::from_iter_values(values)),
        Arc::new(StringViewArray::from_iter_values(values)),
        Arc::new(values.into_iter().collect::<DictionaryArray<UInt32Type>>()),
    ];
    let mut spec = spec("kpi");
    spec.columns.clear();
    spec.sort = vec!["account_id".to_owned()];
    let mut files = Vec::new();
    for column in columns {
        let batch = RecordBatch::try_from_iter([("account_id", column)]).unwrap();
        let file =
            store.write_mart("r1", &spec, "x.parquet", &batch.schema(), [batch.clone(), batch.slice(2, 1)]).unwrap();
        let back = read(&store, &file);
        assert_eq!(back.schema().field(0).data_type(), &DataType::Utf8);
        assert_eq!(back.column(0).as_string::<i32>(), &StringArray::from(vec!["a", "a", "b", "b"]));
        files.push(file);
    }
    files.dedup();
    assert_eq!(files.len(), 1, "the representation leaves no trace in the file");
}

#[test]
fn columns_after_a_nested_one_keep_their_place_in_the_declared_order() {
    let (_folder, store) = marts();
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None]));
    let pair = |name: &str| Arc::new(Field::new(name, DataType::Int64, false));
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let nested: ArrayRef = Arc::new(arrow::array::StructArray::from(vec![
        (pair("low"), Arc::clone(&number)),
        (pair("high"), Arc::clone(&number)),
    ]));
    let batch = RecordBatch::try_from_iter([("tags", list), ("range", nested), ("n", number)]).unwrap();
    let mut spec = spec("kpi");
    (spec.columns, spec.bloom, spec.sort) = (vec![], vec![], vec!["n".to_owned()]);
    let file = store.write_mart("r1", &spec, "x.parquet", &batch.schema(), [batch.clone()]).unwrap();
    assert_eq!(read(&store, &file).columns(), batch.columns());
    let sorted = open(&store, &file).metadata().row_group(0).sorting_columns().unwrap()[0].column_idx;
    assert_eq!(sorted, 3, "tags.element, range.low and range.high come before");
}

#[test]
fn a_mart_without_rows_is_a_file_without_rows() {
    let (_folder, store) = marts();
    let schema = rows(0, 0, 0).schema();
    let file = store.write_mart("r1", &spec("kpi"), "x.parquet", &schema, []).unwrap();
    assert_eq!(file.rows, 0);
    let footer = store.footer(&file.staged_key("r1")).unwrap();
    assert_eq!((footer.rows, footer.columns.len()), (0, 5));
    let path = store.local_path(&file.staged_key("r1")).unwrap();
    let options = ArrowReaderOptions::new();
    ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path).unwrap(), options).unwrap();
}

#[test]
fn rows_out_of_order_are_refused_with_their_number() {
    let (_folder, store) = marts();
    let batches = [rows(0, 70_000, 0), rows(69_990, 80_000, 0)];
    let error = store.write_mart("r1", &spec("kpi"), "x.parquet", &batches[0].schema(), batches).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mart `kpi`: row 70000 comes before its predecessor in the order of (account_id, day); \
         rows must be sorted ascending with nulls first"
    );
}

#[test]
fn rows_that_do_not_fit_the_announced_schema_are_refused() {
    let (_folder, store) = marts();
    let announced = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let mut spec = spec("kpi");
    (spec.columns, spec.bloom, spec.sort) = (vec![], vec![], vec![]);
    let refusal = |name: &str, column: ArrayRef| {
        let batch = RecordBatch::try_from_iter([(name, column)]).unwrap();
        store.write_mart("r1", &spec, "x.parquet", &announced, [batch]).unwrap_err().to_string()
    };
    assert_eq!(
        refusal("n", Arc::new(StringArray::from(vec!["1"]))),
        "mart `kpi`: column `n` of type Utf8 comes where `n` of type Int64 was announced"
    );
    assert_eq!(
        refusal("m", Arc::new(Int64Array::from(vec![1]))),
        "mart `kpi`: column `m` of type Int64 comes where `n` of type Int64 was announced"
    );
    assert_eq!(
        refusal("n", Arc::new(Int64Array::from(vec![Some(1), None]))),
        "mart `kpi`: column `n` was announced without nulls and has 1"
    );
}

#[test]
fn a_spec_that_names_unknown_columns_is_refused() {
    let (_folder, store) = marts();
    let schema = rows(0, 0, 0).schema();
    let mut wrong = spec("kpi");
    wrong.sort.push("week".to_owned());
    let error = store.write_mart("r1", &wrong, "x.parquet", &schema, []).unwrap_err();
    assert_eq!(error.to_string(), "mart `kpi`: the sort order names column `week`, which its rows do not have");
    let mut wrong = spec("kpi");
    wrong.bloom.push("owner_id".to_owned());
    assert!(matches!(store.write_mart("r1", &wrong, "x.parquet", &schema, []), Err(StoreError::Mart { .. })));
}

#[test]
fn names_that_would_hide_or_escape_are_refused() {
    let (_folder, store) = marts();
    let schema = rows(0, 0, 0).schema();
    for (run, mart, file) in [
        ("", "kpi", "x.parquet"),
        ("../r1", "kpi", "x.parquet"),
        ("r1", "_kpi", "x.parquet"),
        ("r1", "a/b", "x.parquet"),
        ("r1", "kpi", "x.csv"),
        ("r1", "kpi", "_tmp/x.parquet"),
        ("r1", "kpi", "../x.parquet"),
        ("r1", "kpi", "a//x.parquet"),
    ] {
        let result = store.write_mart(run, &spec(mart), file, &schema, []);
        assert!(matches!(result, Err(StoreError::InvalidKey { .. })), "{run} {mart} {file}");
    }
}

#[test]
fn an_abandoned_writer_leaves_nothing() {
    let (folder, store) = marts();
    let batch = rows(0, 100_000, 0);
    let mut writer = MartWriter::create(&store, "r1", &spec("kpi"), "x.parquet", &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path().join("marts")).unwrap().count(), 0);
}
