//! The table `cuts`: the grouping sets of the cube, for marts that roll up something of their own.

use polars::prelude::*;

use crate::error::EngineError;

/// One row a set of dimensions: the cut's name, and for every dimension whether it is cut by.
///
/// # Errors
/// When Polars cannot build the frame.
pub fn table(dimensions: &[String]) -> Result<DataFrame, EngineError> {
    let sets = 0..(1_usize << dimensions.len());
    let holds = |set: usize, bit: usize| set & (1 << bit) != 0;
    let name = |set: usize| {
        let cut: Vec<&str> =
            (0..dimensions.len()).filter(|bit| holds(set, *bit)).map(|bit| dimensions[bit].as_str()).collect();
        if cut.is_empty() { "all".to_owned() } else { cut.join("+") }
    };
    let mut columns = vec![Series::new("cut".into(), sets.clone().map(name).collect::<Vec<_>>()).into_column()];
    for (bit, dimension) in dimensions.iter().enumerate() {
        let cut_by: Vec<bool> = sets.clone().map(|set| holds(set, bit)).collect();
        columns.push(Series::new(dimension.as_str().into(), cut_by).into_column());
    }
    Ok(DataFrame::new(sets.len(), columns)?)
}
