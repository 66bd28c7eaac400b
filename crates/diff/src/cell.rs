//! Cells: one KPI in one period at one cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_spec::model::Grain;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// Which cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The KPI.
    pub kpi: Arc<str>,
    /// Grain of the period.
    pub grain: Grain,
    /// First day of the period.
    pub start: Date,
    /// Dimensions and values.
    pub cut: Arc<Cut>,
}

/// Dimension and value of everything that a cell is cut by, in the order of the dimensions' names, so that cells are the
/// same in two projects that list dimensions in another order. Empty: the grand total.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut(Vec<(String, String)>);

/// What a cell shows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figure {
    /// The value; none where the KPI has none.
    pub value: Option<f64>,
    /// What it is divided by, where it is a ratio.
    pub denominator: Option<f64>,
}

/// Cells with what they show.
pub type Cells = BTreeMap<Key, Figure>;

impl Cut {
    /// The cut by these dimensions and values, in any order.
    pub fn new(by: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut by: Vec<_> = by.into_iter().collect();
        by.sort();
        Self(by)
    }

    /// Dimensions and values.
    #[must_use]
    pub fn by(&self) -> &[(String, String)] {
        &self.0
    }

    /// Whether it is the grand total.
    #[must_use]
    pub fn is_total(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_total() {
            return f.write_str("all");
        }
        for (number, (dimension, value)) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{dimension}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for Cut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(dimension, value)| (dimension, value)))
    }
}
