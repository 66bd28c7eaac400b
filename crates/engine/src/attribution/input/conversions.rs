//! Conversions as they are read.

use abmart_attribution::conversions::Conversion;
use abmart_spec::model::Attribution;
use polars::prelude::*;

use super::columns::{Columns, ENTITY, TIME, time_column};
use super::window_start;
use crate::codes;
use crate::error::EngineError;
use crate::scope::Scope;

/// The column that identifies a conversion.
pub const KEY: &str = "conversion";
/// What a conversion is worth.
pub const VALUE: &str = "value of it";
const DETAIL: &str = "detail of it";

/// Conversions.
pub struct ConversionInput {
    /// Entity, key, time and value of each.
    pub rows: DataFrame,
    values: Vec<Option<f64>>,
    /// Those with an entity and a time.
    pub known: Vec<Conversion>,
    /// Rows of the others.
    pub incomplete: Vec<u32>,
    pub(super) without_value: usize,
    pub(super) below_zero: usize,
    /// Milestone → conversions that have it.
    pub(super) milestones: Vec<(String, usize)>,
}

impl ConversionInput {
    /// What the conversion of a row is worth.
    pub fn value_of(&self, row: u32) -> f64 {
        self.values.get(row as usize).copied().flatten().unwrap_or(0.0)
    }

    pub(super) fn read(attribution: &Attribution, key: &str, scope: &Scope<'_>) -> Result<Self, EngineError> {
        let conversions = &attribution.conversions;
        let rows = scope.rows(&conversions.from.value, false)?;
        let time = time_column(&conversions.from, conversions.time.as_ref(), scope);
        let columns = Columns::of(attribution, rows)?;
        let mut wanted = vec![columns.id(key, &conversions.from)?, columns.time(time, &conversions.from)?];
        wanted.push(columns.text(&conversions.key)?.alias(KEY));
        wanted.push(match &conversions.value {
            Some(value) => columns.number(value)?.alias(VALUE),
            None => lit(0.0).alias(VALUE),
        });
        wanted.push(match &conversions.detail {
            Some(detail) => columns.any(detail)?.alias(DETAIL),
            None => lit(true).alias(DETAIL),
        });
        let milestone = |index: usize| format!("milestone {index}");
        for (index, column) in conversions.milestones.values().enumerate() {
            wanted.push(columns.time(Some(&column.value), column)?.alias(milestone(index)));
        }
        let rows = columns.rows.select(wanted).collect()?;
        let entities = codes::numbers(rows.column(ENTITY)?)?.unwrap_or_default();
        let times: Vec<Option<i64>> = rows.column(TIME)?.i64()?.iter().collect();
        let values: Vec<Option<f64>> = rows.column(VALUE)?.f64()?.iter().collect();
        let details: Vec<Option<bool>> = rows.column(DETAIL)?.bool()?.iter().collect();
        let milestones: Vec<Vec<Option<i64>>> = (0..conversions.milestones.len())
            .map(|index| Ok(rows.column(&milestone(index))?.i64()?.iter().collect()))
            .collect::<PolarsResult<_>>()?;
        let (mut known, mut incomplete) = (Vec::new(), Vec::new());
        for ((row, entity), (at, value)) in (0..).zip(entities.iter()).zip(times.iter().zip(&values)) {
            match (entity, at) {
                (Some(entity), Some(at)) => known.push(Conversion {
                    entity,
                    from: window_start(attribution.window, *at),
                    at: *at,
                    value: value.unwrap_or(0.0),
                    milestones: milestones.iter().map(|reached| reached[row as usize]).collect(),
                    detail: details[row as usize].unwrap_or(false),
                    row,
                }),
                _ => incomplete.push(row),
            }
        }
        // Conversions of one entity and time in the order of their keys.
        let keys = rows.column(KEY)?.cast(&DataType::String)?;
        let keys = keys.str()?.rechunk();
        known.sort_by(|a, b| keys.get(a.row as usize).cmp(&keys.get(b.row as usize)));
        let reached = milestones.iter().map(|reached| reached.iter().flatten().count());
        Ok(Self {
            known,
            incomplete,
            without_value: values.iter().filter(|value| value.is_none()).count(),
            below_zero: values.iter().flatten().filter(|value| **value < 0.0).count(),
            milestones: conversions.milestones.keys().cloned().zip(reached).collect(),
            values,
            rows: rows.select([ENTITY, KEY, TIME, VALUE])?,
        })
    }
}
