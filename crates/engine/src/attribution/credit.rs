//! The table of credit: wide while it lies on the shelf, with a row for each model to those who read it.
//!
//! Of hundreds of thousands of conversions credit is many times what the touches are. It is put aside part by part as it is
//! made, in memory while there is room, else in the scratch folder, and what models have in common is there once.

use abmart_spec::model::Project;
use polars::prelude::*;

use crate::codes;
use crate::error::EngineError;
use crate::input::rollup::Piece;

/// Credit by conversion, channel and campaign, of models that divide up each conversion.
#[derive(Debug, Default)]
pub struct Credit {
    /// Columns that models have in common, and [`share_of`] and [`value_of`] each.
    pub pieces: Vec<Piece>,
    /// The models, in the order of their numbers.
    pub models: Vec<String>,
    /// Columns that models have in common.
    pub common: Vec<PlSmallStr>,
    /// Whether conversions have a value.
    pub valued: bool,
}

/// The column with the shares of a model.
pub fn share_of(model: usize) -> PlSmallStr {
    format!("share {model}").into()
}

/// The column with what a model gives of the value.
pub fn value_of(model: usize) -> PlSmallStr {
    format!("value {model}").into()
}

impl Credit {
    /// A row for each model, in parts that may be reduced one after the other.
    ///
    /// # Errors
    /// When a scratch file is gone.
    pub fn parts(&self, project: &Project) -> Result<Vec<LazyFrame>, EngineError> {
        let mut parts = Vec::new();
        for (number, model) in self.models.iter().enumerate() {
            let mut columns = vec![lit(model.as_str()).alias("model")];
            columns.extend(self.common.iter().map(|name| col(name.clone())));
            columns.push(col(share_of(number)).alias("conversions"));
            columns.extend(self.valued.then(|| col(value_of(number)).alias("value")));
            for piece in &self.pieces {
                for rows in piece.parts()? {
                    parts.push(codes::served(project, rows.select(&columns))?);
                }
            }
        }
        Ok(parts)
    }

    /// All rows in one piece.
    ///
    /// # Errors
    /// As [`Credit::parts`].
    pub fn whole(&self, project: &Project) -> Result<DataFrame, EngineError> {
        Ok(concat(self.parts(project)?, UnionArgs::default())?.collect()?)
    }
}
