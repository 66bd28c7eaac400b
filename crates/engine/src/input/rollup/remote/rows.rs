//! The rows of an answer, file by file, as frames.

use std::collections::BTreeMap;

use abmart_pushdown::{Form, GREATEST_SUMMAND, Kind, Output};
use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType as ArrowType, Date32Type, Float64Type, Int64Type};
use polars::prelude::*;

use crate::error::EngineError;

/// What an answer holds of each file.
#[derive(Default)]
pub struct Answer {
    parts: BTreeMap<usize, Vec<DataFrame>>,
    /// Files with a summand that is too great for fixed point on the way.
    pub too_great: Vec<usize>,
}

impl Answer {
    /// Takes rows of a query over.
    ///
    /// # Errors
    /// When they are not what the query asked for.
    pub fn take(&mut self, rows: &RecordBatch, outputs: &[Output]) -> Result<(), EngineError> {
        let numbers = cast(rows.column(0), &ArrowType::Int64)?;
        let numbers = numbers.as_primitive::<Int64Type>();
        let mut places: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (number, row) in numbers.iter().zip(0..) {
            let number = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX);
            places.entry(number).or_default().push(row);
        }
        for (file, places) in places {
            let own = take_record_batch(rows, &UInt32Array::from(places))?;
            let frame = self.frame(file, &own, outputs)?;
            self.parts.entry(file).or_default().push(frame);
        }
        Ok(())
    }

    /// Numbers of the files that there are rows of.
    pub fn files(&self) -> impl Iterator<Item = usize> {
        self.parts.keys().copied()
    }

    /// The rows of a file, in these types; none where there are none.
    ///
    /// # Errors
    /// When a value does not fit its type.
    pub fn of(&mut self, file: usize, schema: &Schema) -> Result<Option<DataFrame>, EngineError> {
        let Some(parts) = self.parts.remove(&file) else { return Ok(None) };
        let all = concat(parts.into_iter().map(IntoLazy::lazy).collect::<Vec<_>>(), UnionArgs::default())?;
        let typed: Vec<Expr> =
            schema.iter().map(|(name, dtype)| col(name.clone()).strict_cast(dtype.clone())).collect();
        Ok(Some(all.select(typed).collect()?))
    }

    fn frame(&mut self, file: usize, rows: &RecordBatch, outputs: &[Output]) -> Result<DataFrame, EngineError> {
        let mut columns = Vec::new();
        let mut next = 1;
        for output in outputs {
            let of_output: Vec<&dyn Array> =
                (next..next + output.form.width()).map(|index| rows.column(index).as_ref()).collect();
            next += output.form.width();
            let name: PlSmallStr = output.name.as_str().into();
            columns.push(match output.form {
                Form::Value(kind) => value(name, kind, of_output[0])?,
                Form::FixedSum => {
                    let greatest = cast(of_output[3], &ArrowType::Float64)?;
                    let greatest = greatest.as_primitive::<Float64Type>();
                    if !greatest.iter().all(|value| value.is_some_and(|value| value <= GREATEST_SUMMAND)) {
                        self.too_great.push(file);
                    }
                    fixed_sum(name, &of_output[..3])?
                }
            });
        }
        Ok(DataFrame::new(rows.num_rows(), columns)?)
    }
}

fn value(name: PlSmallStr, kind: Kind, values: &dyn Array) -> Result<Column, EngineError> {
    let whole = |values: &dyn Array| -> Result<Int64Chunked, EngineError> {
        let values = cast(values, &ArrowType::Int64)?;
        Ok(values.as_primitive::<Int64Type>().iter().collect())
    };
    let series = match kind {
        Kind::Text => {
            let values = cast(values, &ArrowType::LargeUtf8)?;
            values.as_string::<i64>().iter().collect::<StringChunked>().into_series()
        }
        Kind::Whole => whole(values)?.into_series(),
        Kind::Moment => whole(values)?.into_series().cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
        Kind::Real => {
            let values = cast(values, &ArrowType::Float64)?;
            values.as_primitive::<Float64Type>().iter().collect::<Float64Chunked>().into_series()
        }
        Kind::Flag => values.as_boolean().iter().collect::<BooleanChunked>().into_series(),
        Kind::Day => {
            let values = cast(values, &ArrowType::Date32)?;
            let days: Int32Chunked = values.as_primitive::<Date32Type>().iter().collect();
            days.into_series().cast(&DataType::Date)?
        }
    };
    Ok(series.with_name(name).into_column())
}

/// Three whole numbers to be multiplied with 1, 2^31 and 2^62, as one of 128 bits.
fn fixed_sum(name: PlSmallStr, parts: &[&dyn Array]) -> Result<Column, EngineError> {
    let mut sums: Vec<i128> = vec![0; parts[0].len()];
    for (part, shift) in parts.iter().zip([0, 31, 62]) {
        let part = cast(*part, &ArrowType::Int64)?;
        for (sum, value) in sums.iter_mut().zip(part.as_primitive::<Int64Type>()) {
            *sum += i128::from(value.unwrap_or(0)) << shift;
        }
    }
    Ok(Series::new(name, sums).into_column())
}
