//! The table `cuts`: the grouping sets of the cube, for marts that roll up something of their own.

use abmart_spec::model::Entity;
use polars::prelude::*;

use crate::cube::sets::cut_name;
use crate::error::EngineError;

/// One row a set of dimensions of the root entity: the cut's name, and for every dimension whether it is cut by.
///
/// # Errors
/// When Polars cannot build the frame.
pub fn table(root: &Entity) -> Result<DataFrame, EngineError> {
    let dimensions: Vec<String> = root.dimensions.iter().map(|name| name.value.clone()).collect();
    let sets = 0..(1_usize << dimensions.len());
    let names: Vec<String> = sets.clone().map(|set| cut_name(&dimensions, set)).collect();
    let mut columns = vec![Series::new("cut".into(), names).into_column()];
    for (bit, dimension) in dimensions.iter().enumerate() {
        let cut_by: Vec<bool> = sets.clone().map(|set| set & (1 << bit) != 0).collect();
        columns.push(Series::new(dimension.as_str().into(), cut_by).into_column());
    }
    Ok(DataFrame::new(sets.len(), columns)?)
}
