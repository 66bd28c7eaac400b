//! The user's SQL on its way to Polars: rewritten, aggregates taken apart, run over lazy frames.

pub mod aggregate;
pub mod formula;
mod lookup;
pub mod names;
pub mod prepared;
pub mod query;
pub mod rewrite;
pub mod select;
mod shape;

use polars::prelude::{LazyFrame, OptFlags, PolarsResult};
use polars::sql::SQLContext;

/// A query by Polars' front end, without Polars' sharing of expressions that stand twice in it: one over constants alone,
/// such as `as_of_end()`, is shared as a column of one row beside columns of many, which builds with assertions refuse.
fn execute(context: &mut SQLContext, text: &str) -> PolarsResult<LazyFrame> {
    let rows = context.execute(text)?;
    let all = rows.get_current_optimizations();
    Ok(rows.with_optimizations(all - OptFlags::COMM_SUBEXPR_ELIM))
}
