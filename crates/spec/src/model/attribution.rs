//! Multi-touch attribution.

use indexmap::IndexMap;
use serde::Serialize;

use super::{Spanned, Window};
use crate::diagnostic::Span;

/// Credit of conversions, divided up among the touches that came before them. Its tables are [`Part`]s.
#[derive(Debug, Clone)]
pub struct Attribution {
    /// The attribution's name; its tables begin with it.
    pub name: String,
    /// Whose touches and conversions belong together; default: the entity that KPIs are cut by.
    pub per: Option<Spanned<String>>,
    /// What is credited.
    pub touches: AttributedTouches,
    /// What the credit is for.
    pub conversions: AttributedConversions,
    /// How long before a conversion a touch counts.
    pub window: Window,
    /// Whether a touch counts for the next conversion only.
    pub reset_on_conversion: bool,
    /// Whether models learn from journeys that led to nothing as well.
    pub non_converting: bool,
    /// Group of channels → the channels.
    pub channels: IndexMap<String, Vec<Spanned<String>>>,
    /// Channels that count only where a journey has no others.
    pub leave_out: Vec<Spanned<String>>,
    /// Which touches are steps.
    pub path: PathRule,
    /// The models, by name.
    pub models: IndexMap<String, AttributionModel>,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// The column of an attribution's tables that says when a conversion happened.
pub const CONVERTED_AT: &str = "converted_at";

/// Where an attribution's touches come from.
#[derive(Debug, Clone)]
pub struct AttributedTouches {
    /// A source, rollup or table with the entity's key.
    pub from: Spanned<String>,
    /// When each happened; default: the input's time.
    pub time: Option<Spanned<String>>,
    /// The channel.
    pub channel: Spanned<String>,
    /// The campaign, where credit is divided by it too.
    pub campaign: Option<Spanned<String>>,
    /// How many touches a row stands for; default: one.
    pub count: Option<Spanned<String>>,
    /// Columns that identify a touch: they put touches of one instant in order, and are shown.
    pub key: Vec<Spanned<String>>,
    /// More columns that are shown of each touch.
    pub show: Vec<Spanned<String>>,
}

/// Where an attribution's conversions come from.
#[derive(Debug, Clone)]
pub struct AttributedConversions {
    /// A source, rollup or table with the entity's key.
    pub from: Spanned<String>,
    /// The column that identifies a conversion.
    pub key: Spanned<String>,
    /// When each happened; default: the input's time.
    pub time: Option<Spanned<String>>,
    /// What each is worth.
    pub value: Option<Spanned<String>>,
    /// Whether the touches of a conversion are shown one by one; default: of all.
    pub detail: Option<Spanned<String>>,
    /// Milestone on the way → column that says when it was reached.
    pub milestones: IndexMap<String, Spanned<String>>,
}

/// Which touches of a journey are steps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRule {
    /// Every touch.
    Every,
    /// Of touches of one channel in a row the first.
    Collapse,
    /// Of each channel the first touch.
    FirstOccurrence,
    /// Of each channel and campaign the first touch.
    Unique,
}

/// A model with the place of its name.
#[derive(Debug, Clone)]
pub struct AttributionModel {
    /// How it divides up.
    pub kind: ModelKind,
    /// Place of its name, or of its weights.
    pub span: Span,
}

/// How a model divides up credit.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelKind {
    /// Every step the same.
    Linear,
    /// A step weighs half of one that is so much later.
    TimeDecay {
        /// Half-life in days.
        half_life: u16,
    },
    /// Shares of `first`, `last`, milestones, and `middle` for all other steps together.
    Positions(IndexMap<String, f64>),
    /// Removal effects of a Markov chain, over all journeys of a cell together.
    Markov {
        /// How many channels back a state looks.
        order: usize,
    },
    /// Removal effects of a Markov chain, inside each journey.
    MarkovJourney {
        /// How many channels back a state looks.
        order: usize,
    },
    /// Shapley values of the game of conversions.
    Shapley,
    /// Shapley values of the game of conversion rates.
    ShapleyRate {
        /// Orders that are drawn where there are too many channels to look at all sets.
        samples: u32,
        /// Seed of the drawing.
        seed: u64,
    },
}

impl ModelKind {
    /// Whether it divides up each conversion by itself, so that credit adds up at any cut.
    #[must_use]
    pub fn per_conversion(&self) -> bool {
        !matches!(self, Self::Markov { .. } | Self::ShapleyRate { .. })
    }
}

/// The tables of an attribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A row for each model, conversion, channel and campaign.
    Credits,
    /// A row for each conversion and touch.
    Touches,
    /// A row for each conversion.
    Journeys,
    /// A row for each model and channel.
    Channels,
    /// What the models that learn have learned.
    Models,
}

impl Part {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Credits, Self::Touches, Self::Journeys, Self::Channels, Self::Models];

    /// What the name of the attribution is followed by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Credits => "credits",
            Self::Touches => "touches",
            Self::Journeys => "journeys",
            Self::Channels => "channels",
            Self::Models => "models",
        }
    }

    /// What its rows are.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Credits => "Credit by model, conversion, channel and campaign",
            Self::Touches => "Credit by conversion and touch",
            Self::Journeys => "Conversions with their journeys",
            Self::Channels => "Credit by model and channel, over all conversions",
            Self::Models => "What the models have learned from the journeys",
        }
    }

    /// Whether its rows belong to the time of a conversion.
    #[must_use]
    pub fn has_time(self) -> bool {
        matches!(self, Self::Credits | Self::Touches | Self::Journeys)
    }
}

impl Attribution {
    /// The name of one of its tables.
    #[must_use]
    pub fn table(&self, part: Part) -> String {
        format!("{}_{}", self.name, part.name())
    }

    /// What it reads.
    #[must_use]
    pub fn reads(&self) -> [&Spanned<String>; 2] {
        [&self.touches.from, &self.conversions.from]
    }

    /// Names of columns that it reads.
    pub fn columns(&self) -> impl Iterator<Item = &Spanned<String>> {
        let (touches, conversions) = (&self.touches, &self.conversions);
        let of_touches =
            [Some(&touches.channel), touches.campaign.as_ref(), touches.time.as_ref(), touches.count.as_ref()];
        let of_conversions = [
            Some(&conversions.key),
            conversions.time.as_ref(),
            conversions.value.as_ref(),
            conversions.detail.as_ref(),
        ];
        let lists = touches.key.iter().chain(&touches.show).chain(conversions.milestones.values());
        of_touches.into_iter().chain(of_conversions).flatten().chain(lists)
    }
}
