//! Touches in columns, those of an entity side by side in the order of time.

use std::cmp::Ordering;
use std::ops::Range;

/// Touches as they come: a row each, in any order.
pub struct Touches<'a> {
    /// The entity of each, a number below the number of entities.
    pub entities: &'a [u32],
    /// When each happened, in microseconds.
    pub times: &'a [i64],
    /// The tactic of each: a pair of channel and campaign, numbered in the order of their names.
    pub tactics: &'a [u32],
    /// Tells apart touches of one entity, time and tactic, by their rows.
    pub tie: &'a (dyn Fn(u32, u32) -> Ordering + Sync),
}

/// Rows of touches by entity.
pub struct ByEntity {
    /// Where the rows of each entity begin; the last is where all end.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Touches<'_> {
    /// Rows by entity, for so many entities.
    ///
    /// # Panics
    /// Where an entity is not below their number.
    #[must_use]
    pub fn by_entity(&self, entities: usize) -> ByEntity {
        let starts = starts(entities, self.entities.iter().copied());
        let mut next = starts.clone();
        let mut rows = vec![0; self.entities.len()];
        for (row, entity) in (0..).zip(self.entities) {
            let place = &mut next[*entity as usize];
            rows[*place as usize] = row;
            *place += 1;
        }
        ByEntity { starts, rows }
    }

    /// The touches of some entities in the order of time; equal times in the order of tactics, then as [`Touches::tie`] says.
    #[must_use]
    pub fn part(&self, by_entity: &ByEntity, entities: Range<usize>) -> Part {
        let (begin, end) = (by_entity.starts[entities.start] as usize, by_entity.starts[entities.end] as usize);
        let offset = by_entity.starts[entities.start];
        let starts = by_entity.starts[entities.start..=entities.end].iter().map(|start| start - offset).collect();
        let mut times = Vec::with_capacity(end - begin);
        let mut tactics = Vec::with_capacity(end - begin);
        let mut rows = Vec::with_capacity(end - begin);
        let mut sorted: Vec<(i64, u32, u32)> = Vec::new();
        for entity in entities.clone() {
            let own = by_entity.starts[entity] as usize..by_entity.starts[entity + 1] as usize;
            sorted.clear();
            sorted.extend(by_entity.rows[own].iter().map(|row| {
                let place = *row as usize;
                (self.times[place], self.tactics[place], *row)
            }));
            sorted.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| (self.tie)(a.2, b.2)));
            for (time, tactic, row) in &sorted {
                times.push(*time);
                tactics.push(*tactic);
                rows.push(*row);
            }
        }
        Part { first: entities.start, starts, times, tactics, rows }
    }
}

/// Where the rows of each of so many entities begin, once they lie in their order; the last is where all end.
pub(crate) fn starts(entities: usize, of_rows: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut starts = vec![0_u32; entities + 1];
    for entity in of_rows {
        starts[entity as usize + 1] += 1;
    }
    for index in 0..entities {
        starts[index + 1] += starts[index];
    }
    starts
}

impl ByEntity {
    /// Entities in stretches of at least so many touches.
    #[must_use]
    pub fn stretches(&self, touches: usize) -> Vec<Range<usize>> {
        let entities = self.starts.len() - 1;
        let mut stretches = Vec::new();
        let mut begin = 0;
        for end in 1..=entities {
            if (self.starts[end] - self.starts[begin]) as usize >= touches || end == entities {
                stretches.push(begin..end);
                begin = end;
            }
        }
        stretches
    }
}

/// The touches of a stretch of entities, in the order of entities and time.
#[derive(Debug, Default)]
pub struct Part {
    first: usize,
    starts: Vec<u32>,
    /// When each touch happened, in microseconds.
    pub times: Vec<i64>,
    /// The tactic of each.
    pub tactics: Vec<u32>,
    /// The row that each was given in.
    pub rows: Vec<u32>,
}

impl Part {
    /// The entities.
    #[must_use]
    pub fn entities(&self) -> Range<usize> {
        self.first..self.first + self.starts.len().saturating_sub(1)
    }

    /// Where an entity's touches lie.
    #[must_use]
    pub fn of(&self, entity: usize) -> Range<usize> {
        let index = entity - self.first;
        self.starts[index] as usize..self.starts[index + 1] as usize
    }

    /// Of an entity's touches those with `from <= time < to`.
    #[must_use]
    pub fn between(&self, entity: usize, from: i64, to: i64) -> Range<usize> {
        let own = self.of(entity);
        let times = &self.times[own.clone()];
        let begin = own.start + times.partition_point(|time| *time < from);
        let end = own.start + times.partition_point(|time| *time < to);
        begin..end.max(begin)
    }
}

#[cfg(test)]
impl Part {
    /// The touches of one entity: times in order, with tactics.
    pub(crate) fn of_one(touches: impl Iterator<Item = (i64, u32)>) -> Self {
        let (times, tactics): (Vec<_>, Vec<_>) = touches.unzip();
        let rows: Vec<u32> = (0..).take(times.len()).collect();
        let starts = vec![0, rows.last().map_or(0, |last| last + 1)];
        Self { first: 0, starts, times, tactics, rows }
    }
}
