//! Numbers of other kinds as the contract's, only where no digit is lost.

use polars::prelude::*;

/// 2^53: whole numbers up to it are floats.
const WHOLE: i128 = 1 << 53;

/// Decimal digits that every float keeps: a decimal of so many is the one float that is written like it.
const DIGITS: i128 = 1_000_000_000_000_000;

/// Whether values of a type may have more digits than a float keeps.
pub fn may_lose(found: &DataType) -> bool {
    matches!(found, DataType::Int64 | DataType::UInt64 | DataType::Int128 | DataType::Decimal(..))
}

/// Whole numbers or decimals as floats; an error names a value that no float holds.
pub fn float(name: &str) -> Expr {
    col(name).map(
        |column| {
            let scale = scale(column.dtype());
            let values = units(&column)?;
            let floats =
                values.iter().map(|value| value.map(|value| to_float(value, scale, column.name())).transpose());
            let floats = floats.collect::<PolarsResult<Vec<Option<f64>>>>()?;
            Ok(Series::new(column.name().clone(), floats).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Float64)),
    )
}

/// Decimals without places as 64-bit integers; an error names a value beyond them.
pub fn integer(name: &str) -> Expr {
    col(name).map(
        |column| {
            let values = units(&column)?;
            let whole = values.iter().map(|value| {
                let narrow = |value: i128| {
                    i64::try_from(value).map_err(|_| lost(column.name(), &value.to_string(), "a 64-bit integer"))
                };
                value.map(narrow).transpose()
            });
            Ok(Series::new(column.name().clone(), whole.collect::<PolarsResult<Vec<Option<i64>>>>()?).into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Int64)),
    )
}

/// The value that is `units` of ten to the power of minus `scale`.
#[expect(clippy::cast_precision_loss, reason = "what would lose digits is refused before")]
fn to_float(units: i128, scale: u32, column: &str) -> PolarsResult<f64> {
    let (mut units, mut places) = (units, scale);
    while places > 0 && units % 10 == 0 {
        (units, places) = (units / 10, places - 1);
    }
    let limit = if places == 0 { WHOLE } else { DIGITS };
    let power = 10_i128.checked_pow(places).filter(|power| *power <= DIGITS * 10_000_000);
    match power {
        // Both are floats as they are, so the quotient is the float nearest to the decimal.
        Some(power) if units.abs() <= limit => Ok(units as f64 / power as f64),
        _ => {
            let written = if places == 0 { units.to_string() } else { format!("{units}e-{places}") };
            Err(lost(column, &written, "a float"))
        }
    }
}

fn scale(dtype: &DataType) -> u32 {
    match dtype {
        DataType::Decimal(_, scale) => u32::try_from(*scale).unwrap_or(0),
        _ => 0,
    }
}

/// The unscaled values.
fn units(column: &Column) -> PolarsResult<Int128Chunked> {
    let physical = column.as_materialized_series().to_physical_repr().cast(&DataType::Int128)?;
    Ok(physical.i128()?.clone())
}

fn lost(column: &str, value: &str, kind: &str) -> PolarsError {
    PolarsError::ComputeError(
        format!("column `{column}` holds {value}, which {kind} cannot hold without losing digits").into(),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::cents(123_456, 2, 1_234.56)]
    #[case::zeros_at_the_end(1_234_560_000_000_000_000_000, 18, 1_234.56)]
    #[case::negative(-5, 1, -0.5)]
    #[case::whole(1 << 53, 0, 9_007_199_254_740_992.0)]
    #[case::whole_with_places((1_i128 << 53) * 100, 2, 9_007_199_254_740_992.0)]
    #[case::nothing(0, 38, 0.0)]
    fn a_decimal_is_the_float_that_is_written_like_it(#[case] units: i128, #[case] scale: u32, #[case] expected: f64) {
        assert_eq!(to_float(units, scale, "amount").unwrap(), expected);
    }

    #[rstest]
    #[case::too_large((1 << 53) + 1, 0, "holds 9007199254740993")]
    #[case::too_many_digits(12_345_678_901_234_567, 2, "holds 12345678901234567e-2")]
    #[case::too_many_places(1, 30, "holds 1e-30")]
    fn a_digit_is_never_lost(#[case] units: i128, #[case] scale: u32, #[case] words: &str) {
        assert!(to_float(units, scale, "amount").unwrap_err().to_string().contains(words));
    }
}
