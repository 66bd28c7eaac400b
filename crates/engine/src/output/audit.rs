//! Audits of a mart before it may be published.

use abmart_spec::model::Mart;
use polars::prelude::*;

use crate::cube::cells::{Cells, value_column};
use crate::cube::compile::{CompiledKpi, Cube};
use crate::cube::finest::PERIOD;
use crate::cube::sets::SET;
use crate::error::EngineError;
use crate::grouping::Groups;

/// How far a total may be from the sum of its leaves, relative to it: rounding of floats, nothing else.
const TOLERANCE: f64 = 1e-9;

/// Promised columns not null, numbers finite.
///
/// # Errors
/// [`EngineError::Audit`] with the rows concerned.
pub fn rows(mart: &Mart, frame: &DataFrame) -> Result<(), EngineError> {
    let failed = |problem: String| EngineError::Audit { mart: mart.name.clone(), problem };
    for (name, _) in mart.columns.iter().filter(|(_, column)| column.not_null) {
        let nulls = frame.column(name)?.null_count();
        if nulls > 0 {
            return Err(failed(format!("column `{name}` is null in {nulls} of {} rows", frame.height())));
        }
    }
    for column in frame.columns().iter().filter(|column| column.dtype().is_float()) {
        let broken = not_finite(column)?;
        if broken > 0 {
            return Err(failed(format!("column `{}` is not a finite number in {broken} rows", column.name())));
        }
    }
    Ok(())
}

/// No key stands in two rows; `repeated` is how often one does, where it is known already.
///
/// # Errors
/// [`EngineError::Audit`] with the number of rows that repeat a key.
pub fn keys(mart: &Mart, frame: &DataFrame, repeated: Option<usize>) -> Result<(), EngineError> {
    if mart.key.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = mart.key.iter().map(|name| name.value.as_str()).collect();
    let repeated = if let Some(repeated) = repeated {
        repeated
    } else {
        let columns = names.iter().map(|name| frame.column(name)).collect::<Result<Vec<_>, _>>()?;
        let distinct = if let Some(groups) = Groups::new(&columns)? {
            groups.count_groups()
        } else {
            let keys = frame.select(names.iter().copied())?;
            keys.unique::<String, String>(None, UniqueKeepStrategy::Any, None)?.height()
        };
        frame.height() - distinct
    };
    if repeated > 0 {
        let problem = format!("{repeated} rows repeat the key ({})", names.join(", "));
        return Err(EngineError::Audit { mart: mart.name.clone(), problem });
    }
    Ok(())
}

/// Values of a KPI finite; leaves of every period add up to its total, where the KPI adds up.
///
/// # Errors
/// [`EngineError::Audit`] with the period and both numbers.
pub fn kpi(cube: &Cube<'_>, kpi: &CompiledKpi<'_>, cells: &Cells, mart: &str) -> Result<(), EngineError> {
    let failed = |problem: String| EngineError::Audit { mart: mart.to_owned(), problem };
    let name = value_column(&kpi.kpi.name);
    let broken = not_finite(cells.frame.column(&name)?)?;
    if broken > 0 {
        return Err(failed(format!("kpi `{}` is not a finite number in {broken} cells", kpi.kpi.name)));
    }
    if !kpi.additive {
        return Ok(());
    }
    let full = i32::try_from(cube.full()).unwrap_or(i32::MAX);
    let value = || col(name.as_str()).cast(DataType::Float64);
    let sums = cells
        .frame
        .clone()
        .lazy()
        .group_by([col(PERIOD)])
        .agg([
            col("period_start").first().cast(DataType::String),
            value().filter(col(SET).eq(lit(full))).sum().alias("leaves"),
            value().filter(col(SET).eq(lit(0))).sum().alias("total"),
            value().filter(col(SET).eq(lit(full))).abs().sum().alias("size"),
        ])
        .filter((col("leaves") - col("total")).abs().gt(lit(TOLERANCE) * (col("size") + lit(1.0))))
        .collect()?;
    if sums.height() == 0 {
        return Ok(());
    }
    let number =
        |column: &str| -> Result<f64, PolarsError> { Ok(sums.column(column)?.f64()?.get(0).unwrap_or(f64::NAN)) };
    Err(failed(format!(
        "kpi `{}`: in the period from {} the leaves add up to {}, the total is {}",
        kpi.kpi.name,
        sums.column("period_start")?.str()?.get(0).unwrap_or_default(),
        number("leaves")?,
        number("total")?,
    )))
}

fn not_finite(column: &Column) -> Result<usize, PolarsError> {
    let values = column.cast(&DataType::Float64)?;
    Ok(values.f64()?.iter().flatten().filter(|value| !value.is_finite()).count())
}
