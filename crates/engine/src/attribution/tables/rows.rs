//! Tables that are written row by row.

use abmart_attribution::ledger::Seen;
use polars::prelude::*;

use crate::error::EngineError;

/// Rows of the table of channels.
#[derive(Default)]
pub struct Channels {
    model: Vec<String>,
    channel: Vec<String>,
    conversions: Vec<f64>,
    value: Vec<f64>,
    share: Vec<Option<f64>>,
    weight: Vec<Option<f64>>,
    touches: Vec<Option<i64>>,
    inside: Vec<Option<i64>>,
    journeys: Vec<Option<i64>>,
}

impl Channels {
    /// Adds a row.
    pub fn push(
        &mut self,
        model: &str,
        channel: &str,
        (conversions, value): (f64, f64),
        weight: Option<f64>,
        attributed: f64,
        seen: Option<Seen>,
    ) {
        self.model.push(model.to_owned());
        self.channel.push(channel.to_owned());
        self.conversions.push(conversions);
        self.value.push(value);
        self.share.push(seen.filter(|_| attributed > 0.0).map(|_| conversions / attributed));
        self.weight.push(weight);
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.touches.push(seen.map(|seen| count(seen.touches)));
        self.inside.push(seen.map(|seen| count(seen.inside)));
        self.journeys.push(seen.map(|seen| count(seen.journeys)));
    }

    /// All rows.
    ///
    /// # Errors
    /// Polars' own.
    pub fn frame(self, valued: bool) -> Result<DataFrame, EngineError> {
        let rows = self.model.len();
        let mut columns = vec![
            Series::new("model".into(), self.model).into_column(),
            Series::new("channel".into(), self.channel).into_column(),
            Series::new("conversions".into(), self.conversions).into_column(),
        ];
        if valued {
            columns.push(Series::new("value".into(), self.value).into_column());
        }
        columns.extend([
            Series::new("share".into(), self.share).into_column(),
            Series::new("weight".into(), self.weight).into_column(),
            Series::new("touches".into(), self.touches).into_column(),
            Series::new("touches_in_window".into(), self.inside).into_column(),
            Series::new("journeys".into(), self.journeys).into_column(),
        ]);
        Ok(DataFrame::new(rows, columns)?)
    }
}

/// Rows of the table of what models have learned.
#[derive(Default)]
pub struct Figures {
    model: Vec<String>,
    measure: Vec<&'static str>,
    state: Vec<Option<String>>,
    next: Vec<Option<String>>,
    value: Vec<f64>,
    count: Vec<Option<i64>>,
    error: Vec<Option<f64>>,
}

impl Figures {
    /// Adds a row.
    pub fn push(
        &mut self,
        model: &str,
        measure: &'static str,
        state: Option<String>,
        next: Option<String>,
        value: f64,
    ) {
        self.model.push(model.to_owned());
        self.measure.push(measure);
        self.state.push(state);
        self.next.push(next);
        self.value.push(value);
        self.count.push(None);
        self.error.push(None);
    }

    /// How often the last one was seen.
    pub fn count(&mut self, count: u64) {
        if let Some(last) = self.count.last_mut() {
            *last = i64::try_from(count).ok();
        }
    }

    /// The standard error of the last one.
    pub fn error(&mut self, error: Option<f64>) {
        if let Some(last) = self.error.last_mut() {
            *last = error;
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// Polars' own.
    pub fn frame(self) -> Result<DataFrame, EngineError> {
        Ok(DataFrame::new(
            self.model.len(),
            vec![
                Series::new("model".into(), self.model).into_column(),
                Series::new("measure".into(), self.measure).into_column(),
                Series::new("state".into(), self.state).into_column(),
                Series::new("next_state".into(), self.next).into_column(),
                Series::new("value".into(), self.value).into_column(),
                Series::new("n".into(), self.count).into_column(),
                Series::new("standard_error".into(), self.error).into_column(),
            ],
        )?)
    }
}
