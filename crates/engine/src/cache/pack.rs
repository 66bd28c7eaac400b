//! Frames as bytes that another run can read: codes of ids differ from run to run, so each coded column goes with the
//! texts that its numbers stand for.
//!
//! ```text
//! length of the head │ head: JSON │ parquet of frame 1 │ texts of its first coded column │ … │ parquet of frame 2 │ …
//! ```

use std::io::Cursor;

use abmart_store::Bytes;
use polars::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::error::EngineError;

#[derive(Serialize, Deserialize)]
struct Head<T> {
    meta: T,
    frames: Vec<FrameHead>,
}

#[derive(Serialize, Deserialize)]
struct FrameHead {
    bytes: usize,
    /// Coded columns: name, name of the categories, bytes of their texts.
    coded: Vec<(String, String, usize)>,
}

/// The frames with what is said of them, as bytes.
///
/// # Errors
/// When a column has a type that Parquet files cannot hold.
pub fn pack<T: Serialize>(meta: &T, frames: &[DataFrame]) -> Result<Vec<u8>, EngineError> {
    let mut heads = Vec::with_capacity(frames.len());
    let mut blobs = Vec::new();
    for frame in frames {
        let mut rows = frame.clone();
        let mut texts = Vec::new();
        for column in frame.columns() {
            let DataType::Categorical(categories, _) = column.dtype() else { continue };
            let (numbers, known) = codes::local(column)?;
            rows.with_column(numbers.into_column())?;
            texts.push((column.name().to_string(), categories.name().to_string(), encoded(known.into_frame())?));
        }
        let rows = encoded(rows)?;
        let coded = texts.iter().map(|(column, categories, bytes)| (column.clone(), categories.clone(), bytes.len()));
        heads.push(FrameHead { bytes: rows.len(), coded: coded.collect() });
        blobs.push(rows);
        blobs.extend(texts.into_iter().map(|(_, _, bytes)| bytes));
    }
    let head = serde_json::to_vec(&Head { meta, frames: heads }).map_err(|error| broken(&error))?;
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(&head);
    for blob in &blobs {
        bytes.extend_from_slice(blob);
    }
    Ok(bytes)
}

/// What [`pack`] put together.
///
/// # Errors
/// When the bytes are none of its making.
pub fn unpack<T: DeserializeOwned>(bytes: &Bytes) -> Result<(T, Vec<DataFrame>), EngineError> {
    let (Head { meta, frames }, mut rest) = head::<T>(bytes)?;
    let mut unpacked = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut rows = decoded(take(&mut rest, frame.bytes)?)?;
        for (column, categories, size) in frame.coded {
            let texts = decoded(take(&mut rest, size)?)?;
            let texts = texts.columns().first().ok_or_else(|| broken(&"a column has no texts"))?;
            let global = codes::global(rows.column(&column)?, texts, &categories)?;
            rows.with_column(global)?;
        }
        unpacked.push(rows);
    }
    Ok((meta, unpacked))
}

/// Only what is said of the frames.
///
/// # Errors
/// As [`unpack`].
pub fn meta<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, EngineError> {
    Ok(head(bytes)?.0.meta)
}

fn head<T: DeserializeOwned>(bytes: &Bytes) -> Result<(Head<T>, Bytes), EngineError> {
    let mut rest = bytes.clone();
    let length = take(&mut rest, 8)?;
    let length = u64::from_le_bytes(length[..].try_into().map_err(|error| broken(&error))?);
    let text = take(&mut rest, usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok((serde_json::from_slice(&text).map_err(|error| broken(&error))?, rest))
}

fn take(rest: &mut Bytes, size: usize) -> Result<Bytes, EngineError> {
    if size > rest.len() {
        return Err(broken(&"it ends too early"));
    }
    Ok(rest.split_to(size))
}

fn encoded(mut rows: DataFrame) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::empty())
        .finish(&mut rows)?;
    Ok(bytes)
}

fn decoded(bytes: Bytes) -> Result<DataFrame, EngineError> {
    Ok(ParquetReader::new(Cursor::new(bytes)).finish()?)
}

fn broken(why: &dyn std::fmt::Display) -> EngineError {
    EngineError::CacheEntry(why.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn rows() -> DataFrame {
        let ids = Series::new("account_id".into(), [Some("b"), None, Some("a"), Some("b")]);
        let ids = ids.cast(&codes::dtype("account_id")).unwrap();
        let mut rows = df!(
            "day" => [1_i32, 2, 3, 4], "touches" => [Some(1_i64), Some(2), None, Some(i64::MAX)],
            "points" => [0.1, f64::MIN_POSITIVE, -0.0, 1e300], "kind" => [Some("visit"), None, Some(""), Some("é")],
            "flag" => [Some(true), None, Some(false), Some(true)],
        )
        .unwrap();
        let days = rows.column("day").unwrap().cast(&DataType::Date).unwrap();
        let fixed: Series = Int128Chunked::from_iter_options(
            "fixed".into(),
            [Some(i128::MAX), None, Some(i128::MIN), Some(-1)].into_iter(),
        )
        .into_series();
        rows.with_column(days).unwrap();
        rows.with_column(fixed.into_column()).unwrap();
        rows.with_column(ids.into_column()).unwrap();
        rows
    }

    #[test]
    fn frames_come_back_as_they_were() {
        let rows = rows();
        let bytes = Bytes::from(pack(&"said", &[rows.clone(), rows.head(Some(0))]).unwrap());
        let (said, back) = unpack::<String>(&bytes).unwrap();
        assert_eq!(said, "said");
        assert_eq!(meta::<String>(&bytes).unwrap(), "said");
        assert_eq!(back.len(), 2);
        assert!(back[0].equals_missing(&rows), "{} {}", back[0], rows);
        assert_eq!(back[0].schema(), rows.schema());
        assert_eq!(back[1].schema(), rows.schema());
        assert_eq!(back[1].height(), 0);
    }

    #[test]
    fn what_is_cut_short_is_an_error() {
        let bytes = Bytes::from(pack(&"said", &[rows()]).unwrap());
        for length in [0, 7, 8, 20, bytes.len() / 2, bytes.len() - 1] {
            assert!(unpack::<String>(&bytes.slice(..length)).is_err(), "{length}");
        }
    }
}
