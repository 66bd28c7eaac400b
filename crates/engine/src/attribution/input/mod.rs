//! Touches and conversions as numbers.

mod columns;
mod conversions;
mod touches;

use abmart_spec::model::{Attribution, Check, Severity, Window};
use jiff::ToSpan as _;

use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::load::{DAY, date, midnight};
use crate::scope::Scope;

pub use columns::{ENTITY, TIME};
pub use conversions::{ConversionInput, KEY, VALUE};
pub use touches::TouchInput;

/// What an attribution reads.
pub struct Input {
    /// The column with the entity.
    pub entity: String,
    pub touches: TouchInput,
    pub conversions: ConversionInput,
}

impl Input {
    /// Reads both; columns of touches that are only shown where they are.
    ///
    /// # Errors
    /// When a column is missing or of the wrong type.
    pub fn read(attribution: &Attribution, shown: bool, scope: &Scope<'_>) -> Result<Self, EngineError> {
        let Some(entity) = scope.project.attributed_entity(attribution) else {
            return Err(EngineError::Attribution("there is no entity".to_owned()));
        };
        let conversions = ConversionInput::read(attribution, &entity.key, scope)?;
        let touches = TouchInput::read(attribution, &entity.key, shown, scope)?;
        Ok(Self { entity: entity.key.clone(), touches, conversions })
    }

    /// Entities are numbers below it.
    pub fn entities(&self) -> usize {
        let of_conversions = self.conversions.known.iter().map(|conversion| conversion.entity);
        self.touches.entities.iter().copied().chain(of_conversions).max().map_or(0, |greatest| greatest as usize + 1)
    }

    /// What is to be said about the rows.
    pub fn findings(&self, attribution: &Attribution) -> Vec<Finding> {
        let (touches, conversions) = (&self.touches, &self.conversions);
        let (from, to) = (&attribution.touches, &attribution.conversions);
        let all = conversions.rows.height();
        let finding = |check: Check, column: &str, rows_in: usize, rows_failed: usize, detail: &str| Finding {
            breached: rows_failed > 0,
            rows_in: rows_in as u64,
            rows_failed: rows_failed as u64,
            detail: if rows_failed > 0 { detail.to_owned() } else { String::new() },
            ..Finding::named(&attribution.name, check.name(), column, Severity::Warn)
        };
        let mut findings = vec![
            finding(
                Check::NotNull,
                &from.channel.value,
                touches.rows,
                touches.without_channel,
                "touches without a channel count as (unknown)",
            ),
            finding(
                Check::NotNull,
                "touches",
                touches.rows,
                touches.incomplete,
                "touches without an entity or a time are in no journey",
            ),
            finding(
                Check::NotNull,
                "conversions",
                all,
                conversions.incomplete.len(),
                "conversions without an entity or a time are unattributed",
            ),
        ];
        if let Some(value) = &to.value {
            findings.push(finding(
                Check::NotNull,
                &value.value,
                all,
                conversions.without_value,
                "conversions without a value are worth nothing",
            ));
            findings.push(finding(
                Check::Range,
                &value.value,
                all,
                conversions.below_zero,
                "values below 0 take credit away",
            ));
        }
        for (milestone, reached) in &conversions.milestones {
            let missed = if *reached == 0 { all } else { 0 };
            findings.push(finding(
                Check::NotNull,
                milestone,
                all,
                missed,
                "no conversion has the milestone; its share goes to the other positions",
            ));
        }
        findings
    }
}

/// The first instant of a window that ends at another, in microseconds.
pub fn window_start(window: Window, end: i64) -> i64 {
    match window {
        Window::Days(days) => end.saturating_sub(i64::from(days) * DAY),
        Window::Months(months) => {
            let (day, rest) = (end.div_euclid(DAY), end.rem_euclid(DAY));
            let start = date(i32::try_from(day).unwrap_or(i32::MAX)).saturating_sub(i64::from(months).months());
            midnight(start) + rest
        }
    }
}
