//! Conversions, those of an entity side by side in the order of time.

use std::ops::Range;

use crate::touches::starts;

/// A conversion before it is sorted in.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// The entity, a number below the number of entities.
    pub entity: u32,
    /// The first instant of the window, in microseconds.
    pub from: i64,
    /// When it happened; touches count before it.
    pub at: i64,
    /// What it is worth.
    pub value: f64,
    /// When each milestone of the model's list was reached, where it was.
    pub milestones: Vec<Option<i64>>,
    /// Whether the credit of each touch is of interest.
    pub detail: bool,
    /// The row that it was given in.
    pub row: u32,
}

/// Conversions by entity and time.
#[derive(Debug, Default)]
pub struct Conversions {
    starts: Vec<u32>,
    all: Vec<Conversion>,
}

impl Conversions {
    /// Sorts conversions of so many entities. Those of one entity and time keep their order.
    ///
    /// With `reset` the window of a conversion begins after the entity's conversion before it.
    #[must_use]
    pub fn new(mut all: Vec<Conversion>, entities: usize, reset: bool) -> Self {
        all.sort_by_key(|conversion| (conversion.entity, conversion.at));
        if reset {
            let mut before: Option<(u32, i64)> = None;
            for conversion in &mut all {
                if let Some((entity, at)) = before
                    && entity == conversion.entity
                {
                    conversion.from = conversion.from.max(at);
                }
                before = Some((conversion.entity, conversion.at));
            }
        }
        let starts = starts(entities, all.iter().map(|conversion| conversion.entity));
        Self { starts, all }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Conversion] {
        &self.all
    }

    /// Where those of an entity lie.
    #[must_use]
    pub fn of(&self, entity: usize) -> Range<usize> {
        self.starts[entity] as usize..self.starts[entity + 1] as usize
    }

    /// When an entity converted last.
    #[must_use]
    pub fn last(&self, entity: usize) -> Option<i64> {
        self.all[self.of(entity)].last().map(|conversion| conversion.at)
    }
}
