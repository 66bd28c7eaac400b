//! What a Delta log says of the values in a file, so that readers can pass it over.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value, json};

/// The statistics of a file as JSON: its number of rows, and column by column the nulls and the limits of its values.
///
/// Limits are given for whole numbers, dates, instants and texts. Of floating-point numbers Parquet leaves out those
/// that are none, which some readers of Delta count as the greatest; a truth value has no limits worth knowing.
pub(super) fn of(metadata: &ParquetMetaData) -> String {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    let schema = metadata.file_metadata().schema_descr();
    for leaf in 0..schema.num_columns() {
        let path = schema.column(leaf).path().parts().to_vec();
        // Columns of marts are not nested.
        let [name] = path.as_slice() else { continue };
        let chunks: Vec<&ColumnChunkMetaData> = metadata.row_groups().iter().map(|group| group.column(leaf)).collect();
        let counts = chunks.iter().map(|chunk| chunk.statistics()?.null_count_opt());
        if let Some(count) = counts.sum::<Option<u64>>() {
            nulls.insert(name.clone(), count.into());
        }
        if let Some((low, high)) = limits(&chunks) {
            least.insert(name.clone(), low);
            greatest.insert(name.clone(), high);
        }
    }
    let rows = metadata.file_metadata().num_rows();
    json!({"numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}).to_string()
}

/// The least and the greatest value in all row groups; those without any value are skipped.
fn limits(chunks: &[&ColumnChunkMetaData]) -> Option<(Value, Value)> {
    let mut numbers: Option<(i64, i64)> = None;
    let mut texts: Option<(String, String)> = None;
    for chunk in chunks {
        let statistics = chunk.statistics()?;
        if statistics.null_count_opt() == u64::try_from(chunk.num_values()).ok() {
            continue;
        }
        match statistics {
            Statistics::Int32(values) => {
                let (low, high) = (i64::from(*values.min_opt()?), i64::from(*values.max_opt()?));
                numbers = Some(numbers.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
            }
            Statistics::Int64(values) => {
                let (low, high) = (*values.min_opt()?, *values.max_opt()?);
                numbers = Some(numbers.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
            }
            Statistics::ByteArray(values) => {
                let (low, high) = (text(values.min_opt()?)?, text(values.max_opt()?)?);
                texts = Some(match texts {
                    None => (low, high),
                    Some((l, h)) => (l.min(low), h.max(high)),
                });
            }
            _ => return None,
        }
    }
    let kind = chunks.first()?.column_descr().logical_type_ref();
    let number = |value: i64| -> Option<Value> {
        Some(match kind {
            None => value.into(),
            Some(LogicalType::Integer(integer)) if integer.is_signed => value.into(),
            Some(LogicalType::Date) => Date::constant(1970, 1, 1).checked_add(value.days()).ok()?.to_string().into(),
            Some(LogicalType::Timestamp(stamp)) if matches!(stamp.unit, TimeUnit::MICROS) => {
                Timestamp::from_microsecond(value).ok()?.strftime("%FT%T%.6fZ").to_string().into()
            }
            _ => return None,
        })
    };
    match (numbers, texts) {
        (Some((low, high)), None) => Some((number(low)?, number(high)?)),
        (None, Some((low, high))) if matches!(kind, Some(LogicalType::String)) => Some((low.into(), high.into())),
        _ => None,
    }
}

/// A limit that Parquet shortened still is one: it cuts the least value and counts the greatest up.
fn text(bytes: &ByteArray) -> Option<String> {
    bytes.as_utf8().ok().map(str::to_owned)
}
