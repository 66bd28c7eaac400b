//! Conversion to the reporting currency at the rate of a row's own day.

use abmart_spec::model::Money;
use polars::prelude::*;

use crate::error::EngineError;
use crate::scope::Scope;

const RATE: &str = "__rate";
const DAY: &str = "__day";
const CURRENCY: &str = "__currency";

/// Multiplies the money columns by the rate of the day; a null amount stays null.
///
/// # Errors
/// [`EngineError::MissingRate`] when a row with an amount has no rate; the reporting currency needs none.
pub fn convert(rows: LazyFrame, money: &Money, table: &str, scope: &Scope<'_>) -> Result<DataFrame, EngineError> {
    let reporting = scope.project.settings.currency.as_str();
    let rates = match &scope.project.settings.rates {
        Some(name) => scope.rows(&name.value, false)?,
        None => DataFrame::empty_with_schema(&Schema::from_iter([
            Field::new("day".into(), DataType::Date),
            Field::new("currency".into(), DataType::String),
            Field::new("rate".into(), DataType::Float64),
        ]))
        .lazy(),
    };
    let rates = rates.select([col("day").alias(DAY), col("currency").alias(CURRENCY), col("rate").alias(RATE)]);
    let currency = col(money.currency.value.as_str());
    let amounts: Vec<&str> = money.columns.iter().map(|column| column.value.as_str()).collect();
    let any_amount = amounts.iter().map(|name| col(*name).is_not_null()).reduce(Expr::or).unwrap_or_else(|| lit(false));
    let joined = rows
        .with_columns([col(money.on.value.as_str()).cast(DataType::Date).alias(DAY), currency.clone().alias(CURRENCY)])
        .join(rates, [col(DAY), col(CURRENCY)], [col(DAY), col(CURRENCY)], JoinArgs::new(JoinType::Left))
        .with_column(when(currency.eq(lit(reporting))).then(lit(1.0)).otherwise(col(RATE)).alias(RATE))
        .collect()?;
    let missing = joined
        .clone()
        .lazy()
        .filter(col(RATE).is_null().and(any_amount))
        .select([col(CURRENCY), col(DAY).cast(DataType::String)])
        .sort([DAY, CURRENCY], SortMultipleOptions::default())
        .collect()?;
    if missing.height() > 0 {
        let first = |name: &str| -> Result<String, PolarsError> {
            Ok(missing.column(name)?.str()?.get(0).unwrap_or("(no currency or day)").to_owned())
        };
        return Err(EngineError::MissingRate {
            currency: first(CURRENCY)?,
            day: first(DAY)?,
            rows: missing.height(),
            table: table.to_owned(),
            reporting: reporting.to_owned(),
        });
    }
    let converted: Vec<Expr> = amounts.iter().map(|name| col(*name).cast(DataType::Float64) * col(RATE)).collect();
    Ok(joined.lazy().with_columns(converted).drop(by_name([RATE, DAY, CURRENCY], true, false)).collect()?)
}
