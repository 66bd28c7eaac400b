use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit as ParquetUnit, Type as Physical};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};

/// What a Parquet footer says of one top-level column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterColumn {
    /// The column's name.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Whether the file allows nulls in it.
    pub nullable: bool,
    /// How many nulls it holds; `None` when any part of the file does not say.
    pub null_count: Option<u64>,
    /// Its size in the file, in bytes as stored.
    pub compressed_bytes: u64,
    /// The least value of an integer, date (days since 1970) or timestamp (in its unit); `None` for other
    /// types, for a column of nulls only, and when any part of the file does not say.
    pub min: Option<i64>,
    /// The greatest value, likewise.
    pub max: Option<i64>,
}

/// A column's type as far as contracts care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// UTF-8 text.
    String,
    /// A whole number.
    Int {
        /// Its width: 8, 16, 32 or 64.
        bits: u8,
        /// Whether it may be negative.
        signed: bool,
    },
    /// A floating-point number.
    Float {
        /// Its width: 16, 32 or 64.
        bits: u8,
    },
    /// True or false.
    Bool,
    /// A calendar day.
    Date,
    /// A point in time.
    Timestamp {
        /// What its integer counts.
        unit: TimeUnit,
        /// Whether it is an instant in UTC; otherwise a wall-clock time of no stated zone.
        utc: bool,
    },
    /// A decimal number.
    Decimal {
        /// Its digits in all.
        precision: u8,
        /// Its digits after the point.
        scale: i8,
    },
    /// Anything else, named for messages: `binary`, `time`, `list`, …
    Other(String),
}

/// What a timestamp's integer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeUnit {
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
    /// Billionths of a second.
    Nanoseconds,
}

/// The top-level columns in the file's order.
pub(crate) fn columns(metadata: &ParquetMetaData) -> Vec<FooterColumn> {
    let schema = metadata.file_metadata().schema_descr();
    let mut leaves = (0..schema.num_columns()).peekable();
    schema
        .root_schema()
        .get_fields()
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let mut own = Vec::new();
            while let Some(leaf) = leaves.next_if(|&leaf| schema.get_column_root_idx(leaf) == position) {
                own.push(leaf);
            }
            column(field, &own, metadata)
        })
        .collect()
}

fn column(field: &Type, leaves: &[usize], metadata: &ParquetMetaData) -> FooterColumn {
    let kind = kind(field);
    let nullable = field.get_basic_info().repetition() != Repetition::REQUIRED;
    let chunks = || metadata.row_groups().iter().flat_map(|group| leaves.iter().map(|&leaf| group.column(leaf)));
    let null_count = if field.is_group() {
        None // the leaves' nulls are not the column's
    } else if nullable {
        chunks().map(|chunk| chunk.statistics()?.null_count_opt()).sum()
    } else {
        Some(0)
    };
    let (min, max) = range(&kind, chunks()).unzip();
    FooterColumn {
        name: field.name().to_owned(),
        kind,
        nullable,
        null_count,
        compressed_bytes: chunks().map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or(0)).sum(),
        min,
        max,
    }
}

/// The least and greatest value over all row groups; row groups of nulls only have none and are skipped.
fn range<'a>(kind: &ColumnKind, chunks: impl Iterator<Item = &'a ColumnChunkMetaData>) -> Option<(i64, i64)> {
    let unsigned = match kind {
        ColumnKind::Int { signed, .. } => !signed,
        ColumnKind::Date | ColumnKind::Timestamp { .. } => false,
        _ => return None,
    };
    let narrow = |value: i32| {
        if unsigned { i64::from(value.cast_unsigned()) } else { i64::from(value) }
    };
    let wide = |value: i64| (!unsigned || value >= 0).then_some(value);
    let mut range: Option<(i64, i64)> = None;
    for chunk in chunks {
        let statistics = chunk.statistics()?;
        if statistics.null_count_opt() == u64::try_from(chunk.num_values()).ok() {
            continue;
        }
        if unsigned && statistics.is_min_max_deprecated() {
            return None; // old writers compared unsigned values as signed ones
        }
        let (min, max) = match statistics {
            Statistics::Int32(values) => (narrow(*values.min_opt()?), narrow(*values.max_opt()?)),
            Statistics::Int64(values) => (wide(*values.min_opt()?)?, wide(*values.max_opt()?)?),
            _ => return None,
        };
        range = Some(range.map_or((min, max), |(low, high)| (low.min(min), high.max(max))));
    }
    range
}

fn kind(field: &Type) -> ColumnKind {
    let info = field.get_basic_info();
    if field.is_group() {
        let name = match (info.logical_type_ref(), info.converted_type()) {
            (Some(LogicalType::List), _) | (_, ConvertedType::LIST) => "list",
            (Some(LogicalType::Map), _) | (_, ConvertedType::MAP) => "map",
            _ => "struct",
        };
        return ColumnKind::Other(name.to_owned());
    }
    if info.repetition() == Repetition::REPEATED {
        return ColumnKind::Other("list".to_owned());
    }
    match info.logical_type_ref() {
        Some(logical) => annotated(logical, field.get_physical_type()),
        None => converted(field),
    }
}

fn annotated(logical: &LogicalType, physical: Physical) -> ColumnKind {
    match logical {
        LogicalType::String | LogicalType::Json => ColumnKind::String,
        LogicalType::Date => ColumnKind::Date,
        LogicalType::Integer(int) => ColumnKind::Int { bits: int.bit_width.cast_unsigned(), signed: int.is_signed },
        LogicalType::Float16 => ColumnKind::Float { bits: 16 },
        LogicalType::Decimal(decimal) => self::decimal(decimal.precision, decimal.scale),
        LogicalType::Timestamp(timestamp) => ColumnKind::Timestamp {
            unit: match timestamp.unit {
                ParquetUnit::MILLIS => TimeUnit::Milliseconds,
                ParquetUnit::MICROS => TimeUnit::Microseconds,
                ParquetUnit::NANOS => TimeUnit::Nanoseconds,
            },
            utc: timestamp.is_adjusted_to_u_t_c,
        },
        LogicalType::Unknown => ColumnKind::Other("null".to_owned()),
        LogicalType::Time(_) => ColumnKind::Other("time".to_owned()),
        LogicalType::Uuid => ColumnKind::Other("uuid".to_owned()),
        LogicalType::Enum => ColumnKind::Other("enum".to_owned()),
        _ => plain(physical),
    }
}

/// Older writers annotate with converted types only.
fn converted(field: &Type) -> ColumnKind {
    let int = |bits, signed| ColumnKind::Int { bits, signed };
    match field.get_basic_info().converted_type() {
        ConvertedType::UTF8 | ConvertedType::JSON => ColumnKind::String,
        ConvertedType::DATE => ColumnKind::Date,
        ConvertedType::TIMESTAMP_MILLIS => ColumnKind::Timestamp { unit: TimeUnit::Milliseconds, utc: true },
        ConvertedType::TIMESTAMP_MICROS => ColumnKind::Timestamp { unit: TimeUnit::Microseconds, utc: true },
        ConvertedType::INT_8 => int(8, true),
        ConvertedType::INT_16 => int(16, true),
        ConvertedType::INT_32 => int(32, true),
        ConvertedType::INT_64 => int(64, true),
        ConvertedType::UINT_8 => int(8, false),
        ConvertedType::UINT_16 => int(16, false),
        ConvertedType::UINT_32 => int(32, false),
        ConvertedType::UINT_64 => int(64, false),
        ConvertedType::DECIMAL => decimal(field.get_precision(), field.get_scale()),
        ConvertedType::ENUM => ColumnKind::Other("enum".to_owned()),
        ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => ColumnKind::Other("time".to_owned()),
        ConvertedType::INTERVAL => ColumnKind::Other("interval".to_owned()),
        _ => plain(field.get_physical_type()),
    }
}

fn plain(physical: Physical) -> ColumnKind {
    match physical {
        Physical::BOOLEAN => ColumnKind::Bool,
        Physical::INT32 => ColumnKind::Int { bits: 32, signed: true },
        Physical::INT64 => ColumnKind::Int { bits: 64, signed: true },
        // The timestamps of older Spark and Impala: nanoseconds, no zone.
        Physical::INT96 => ColumnKind::Timestamp { unit: TimeUnit::Nanoseconds, utc: false },
        Physical::FLOAT => ColumnKind::Float { bits: 32 },
        Physical::DOUBLE => ColumnKind::Float { bits: 64 },
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => ColumnKind::Other("binary".to_owned()),
    }
}

fn decimal(precision: i32, scale: i32) -> ColumnKind {
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision), Ok(scale)) => ColumnKind::Decimal { precision, scale },
        _ => ColumnKind::Other("decimal".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn every_annotation_has_its_kind() {
        let int = |bits, signed| ColumnKind::Int { bits, signed };
        let time = |unit, utc| ColumnKind::Timestamp { unit, utc };
        let other = |name: &str| ColumnKind::Other(name.to_owned());
        for (field, expected) in [
            ("required byte_array a (STRING)", ColumnKind::String),
            ("required byte_array a (UTF8)", ColumnKind::String),
            ("required byte_array a", other("binary")),
            ("required boolean a", ColumnKind::Bool),
            ("required int32 a", int(32, true)),
            ("required int32 a (INTEGER(8, true))", int(8, true)),
            ("required int32 a (UINT_16)", int(16, false)),
            ("required int64 a (INTEGER(64, false))", int(64, false)),
            ("required float a", ColumnKind::Float { bits: 32 }),
            ("required double a", ColumnKind::Float { bits: 64 }),
            ("required fixed_len_byte_array(2) a (FLOAT16)", ColumnKind::Float { bits: 16 }),
            ("required int32 a (DATE)", ColumnKind::Date),
            ("required int64 a (TIMESTAMP(MICROS, true))", time(TimeUnit::Microseconds, true)),
            ("required int64 a (TIMESTAMP(NANOS, false))", time(TimeUnit::Nanoseconds, false)),
            ("required int64 a (TIMESTAMP_MILLIS)", time(TimeUnit::Milliseconds, true)),
            ("required int96 a", time(TimeUnit::Nanoseconds, false)),
            ("required int64 a (DECIMAL(12, 2))", ColumnKind::Decimal { precision: 12, scale: 2 }),
            ("required int64 a (TIME(MICROS, true))", other("time")),
            ("repeated int64 a", other("list")),
        ] {
            let schema = parse_message_type(&format!("message schema {{ {field}; }}")).unwrap();
            assert_eq!(kind(&schema.get_fields()[0]), expected, "{field}");
        }
    }

    #[test]
    fn nested_columns_are_named_by_their_shape() {
        for (field, expected) in [
            ("optional group a (LIST) { repeated group list { optional int32 element; } }", "list"),
            ("optional group a { optional int32 b; optional int32 c; }", "struct"),
        ] {
            let schema = parse_message_type(&format!("message schema {{ {field} }}")).unwrap();
            assert_eq!(kind(&schema.get_fields()[0]), ColumnKind::Other(expected.to_owned()));
        }
    }
}
