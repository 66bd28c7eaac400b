//! Footers: what they say of good files, and what is said of bad ones.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;

use abmart_store::{ColumnKind, Store, StoreError, TimeUnit};
use arrow::array::{ArrayRef, Int32Array, ListArray, UInt32Array};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

fn lake() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("lake", folder.path(), true).unwrap();
    (folder, store)
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Bytes {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file.into()
}

fn two_row_groups() -> Bytes {
    parquet(&support::rows(0, 20, 0), WriterProperties::builder().set_max_row_group_row_count(Some(12)).build())
}

/// Why the bytes are not Parquet.
fn refusal(bytes: impl Into<Bytes>) -> String {
    let (_folder, store) = lake();
    store.put("accounts/x.parquet", bytes.into()).unwrap();
    let error = store.footer("accounts/x.parquet").unwrap_err();
    assert!(!error.is_environment());
    assert!(matches!(error, StoreError::NotParquet { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_footer_gives_rows_types_nulls_and_ranges_over_all_row_groups() {
    let (_folder, store) = lake();
    store.put("x.parquet", two_row_groups()).unwrap();
    let footer = store.footer("x.parquet").unwrap();
    assert_eq!(footer.rows, 20);
    assert!(footer.created_by.unwrap().starts_with("parquet-rs"));
    let found: Vec<_> = footer
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.kind.clone(), c.nullable, c.null_count, c.min, c.max))
        .collect();
    let instant = ColumnKind::Timestamp { unit: TimeUnit::Microseconds, utc: true };
    let seen = 1_700_000_000_000_000;
    let int = ColumnKind::Int { bits: 64, signed: true };
    assert_eq!(
        found,
        [
            ("account_id", ColumnKind::String, false, Some(0), None, None),
            ("day", ColumnKind::Date, false, Some(0), Some(20_000), Some(20_009)),
            ("seen_at", instant, true, Some(0), Some(seen), Some(seen + 19)),
            ("touches", int, true, Some(0), Some(-3), Some(3)),
            ("revenue", ColumnKind::Float { bits: 64 }, true, Some(7), None, None),
        ]
    );
    assert!(footer.columns.iter().all(|column| column.compressed_bytes > 0));
}

#[test]
fn what_statistics_do_not_say_is_unknown_and_not_zero() {
    let (_folder, store) = lake();
    let column: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let without = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    store.put("x.parquet", parquet(&batch, without)).unwrap();
    let footer = store.footer("x.parquet").unwrap();
    let column = &footer.columns[0];
    assert_eq!((column.null_count, column.min, column.max), (None, None, None));
}

#[test]
fn row_groups_of_nulls_only_do_not_hide_the_range() {
    let (_folder, store) = lake();
    let column: ArrayRef = Arc::new(UInt32Array::from(vec![None, None, Some(7), Some(u32::MAX)]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let halves = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    store.put("x.parquet", parquet(&batch, halves)).unwrap();
    let column = &store.footer("x.parquet").unwrap().columns[0];
    assert_eq!((column.null_count, column.min, column.max), (Some(2), Some(7), Some(i64::from(u32::MAX))));
}

#[test]
fn nested_columns_are_one_column() {
    let (_folder, store) = lake();
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]));
    let after: ArrayRef = Arc::new(Int32Array::from(vec![5]));
    let batch = RecordBatch::try_from_iter([("tags", list), ("n", after)]).unwrap();
    store.put("x.parquet", parquet(&batch, WriterProperties::default())).unwrap();
    let columns = store.footer("x.parquet").unwrap().columns;
    assert_eq!(columns[0].kind, ColumnKind::Other("list".to_owned()));
    assert_eq!((columns[1].name.as_str(), columns[1].min), ("n", Some(5)));
}

#[test]
fn a_footer_larger_than_the_first_read_is_read_in_full() {
    let (_folder, store) = lake();
    let names: Vec<String> = (0..2_000).map(|n| format!("a_rather_long_column_name_{n}")).collect();
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter(names.iter().map(|name| (name, Arc::clone(&column)))).unwrap();
    store.put("x.parquet", parquet(&batch, WriterProperties::default())).unwrap();
    assert_eq!(store.footer("x.parquet").unwrap().columns.len(), 2_000);
}

#[test]
fn an_empty_file_is_called_empty() {
    assert_eq!(refusal(""), "`accounts/x.parquet` (0 bytes) is not a readable Parquet file: the file is empty");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = two_row_groups();
    let message = refusal(whole.slice(..whole.len() / 2));
    assert!(message.contains("its end with the footer is missing; it is truncated"), "{message}");
    for end in [1, 3, 4, 7, 8, 12, whole.len() - 8, whole.len() - 1] {
        refusal(whole.slice(..end));
    }
}

#[test]
fn a_file_that_lost_its_beginning_is_refused() {
    let whole = two_row_groups();
    let message = refusal(whole.slice(200..));
    assert!(message.contains("its beginning is missing or damaged"), "{message}");
    let message = refusal(whole.slice(whole.len() - 20..));
    assert!(message.contains("more than the file holds"), "{message}");
}

#[test]
fn a_long_file_that_lost_its_beginning_is_refused() {
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    let whole = parquet(&support::rows(0, 20_000, 0), plain);
    let message = refusal(whole.slice(100_000..));
    assert!(message.contains("places column"), "{message}");
}

#[test]
fn other_formats_are_guessed() {
    for (bytes, guess) in [
        (&b"account_id,name\na1,Acme\n"[..], "text, such as CSV"),
        (b"{\"account_id\": 1}", "JSON"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", "gzip"),
        (b"ARROW1\0\0\0\0\0\0\0\0\0\0", "Arrow IPC"),
    ] {
        let message = refusal(bytes);
        assert!(message.contains("neither begins nor ends with the bytes PAR1"), "{message}");
        assert!(message.contains(guess), "{message}");
    }
    let message = refusal(&b"PARE________________PARE"[..]);
    assert!(message.contains("encrypted"), "{message}");
}

#[test]
fn a_damaged_footer_is_refused() {
    let whole = two_row_groups();
    let mut bytes = whole.to_vec();
    let end = bytes.len() - 8;
    bytes[end - 300..end].fill(0xff);
    let message = refusal(bytes);
    assert!(message.contains("its footer is damaged"), "{message}");
}

#[test]
fn many_footers_come_in_order_and_every_bad_file_is_reported() {
    let (_folder, store) = lake();
    for n in 0..20 {
        let bytes = if n % 5 == 0 { Bytes::new() } else { two_row_groups() };
        store.put(&format!("t/{n:02}.parquet"), bytes).unwrap();
    }
    let footers = store.footers(&store.list("t").unwrap(), 4);
    let bad: Vec<usize> = (0..20).filter(|&n| footers[n].is_err()).collect();
    assert_eq!(bad, [0, 5, 10, 15]);
}

#[test]
fn a_file_replaced_after_the_listing_is_noticed() {
    let (_folder, store) = lake();
    store.put("x.parquet", two_row_groups()).unwrap();
    let listed = store.list("").unwrap();
    store.put("x.parquet", parquet(&support::rows(0, 5, 0), WriterProperties::default())).unwrap();
    let footers = store.footers(&listed, 1);
    assert!(matches!(footers[0], Err(StoreError::Changed { .. })), "{footers:?}");
    assert!(footers[0].as_ref().unwrap_err().is_environment());
}

#[test]
fn a_missing_file_is_not_called_broken() {
    let (_folder, store) = lake();
    assert!(matches!(store.footer("x.parquet"), Err(StoreError::NotFound { .. })));
}
