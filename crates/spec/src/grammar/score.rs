//! `scores`.

use super::{Key, Keys, Object, Shape, description};

pub(super) static SCORE: Object = Object {
    name: "score",
    doc: "A weighted sum of components per entity and period that keeps what every component and every signal contributes. It is a fact of the same name with the measures `score`, each component, and `band`; the contributions are the table `<score>_signals`.",
    keys: &[
        Key::new("per", Shape::Word("entity"), "The entity.", "per: account").required(),
        Key::new("from", Shape::Word("table"), "A `for_each: period` table of signals.", "from: signals").required(),
        Key::new("signal", Shape::Word("column"), "The column that names a row's signal.", "signal: kind").required(),
        Key::new("components", Shape::Map(Keys::Names, &Shape::Object(&COMPONENT)), "Component and its weight and measure.", "components:\n  touch: {measure: sum(points), by_signal: true}\n  reach: {weight: 2, measure: count(distinct contact_id)}").required(),
        Key::new("bands", Shape::Object(&BANDS), "Hot, warm and cold by thresholds that may depend on a dimension.", "bands:\n  by: industry\n  default: {hot: 75, warm: 45}").default("none"),
        description("description: How engaged an account is."),
    ],
    rules: &[],
};

static COMPONENT: Object = Object {
    name: "component",
    doc: "One addend of a score.",
    keys: &[
        Key::new("weight", Shape::Number, "Factor of the measure in the score.", "weight: 1.5").default("`1`"),
        Key::new(
            "measure",
            Shape::Expression("aggregate expression"),
            "Aggregates over the signals of an entity.",
            "measure: sum(points)",
        )
        .required(),
        Key::new(
            "by_signal",
            Shape::Boolean,
            "Whether the measure adds up over signals, so that each signal's contribution is kept.",
            "by_signal: true",
        )
        .default("`false`"),
    ],
    rules: &[],
};

static BANDS: Object = Object {
    name: "bands",
    doc: "Bands of a score: hot above `hot`, cold below `warm`, warm between.",
    keys: &[
        Key::new("by", Shape::Word("dimension"), "The dimension whose value chooses the thresholds.", "by: industry")
            .required(),
        Key::new(
            "default",
            Shape::Object(&THRESHOLDS),
            "Thresholds of values that have none of their own.",
            "default: {hot: 75, warm: 45}",
        )
        .required(),
        Key::new(
            "thresholds",
            Shape::Map(Keys::Any("value of the dimension"), &Shape::Object(&THRESHOLDS)),
            "Value of the dimension and its thresholds.",
            "thresholds: {healthtech: {hot: 60, warm: 35}}",
        )
        .default("none"),
        Key::new(
            "adaptive",
            Shape::Object(&ADAPTIVE),
            "Thresholds that follow the data: quantiles of the scores above 0 of the last twelve whole months, for each value of the dimension and for all together as default. The table `score_bands` shows them beside those in use.",
            "adaptive: {hot: 0.9, warm: 0.6}",
        )
        .default("none"),
    ],
    rules: &[],
};

static THRESHOLDS: Object = Object {
    name: "thresholds",
    doc: "Limits between bands.",
    keys: &[
        Key::new("hot", Shape::Number, "Above it: hot.", "hot: 75").required(),
        Key::new("warm", Shape::Number, "Below it: cold.", "warm: 45").required(),
    ],
    rules: &[],
};

static ADAPTIVE: Object = Object {
    name: "adaptive bands",
    doc: "What is estimated in a month holds from the next one, for all periods of its runs.",
    keys: &[
        Key::new("hot", Shape::Number, "Share of the scores below the hot threshold.", "hot: 0.9").required(),
        Key::new("warm", Shape::Number, "Share of the scores below the warm threshold.", "warm: 0.6").required(),
        Key::new(
            "at_least",
            Shape::Whole(1, 1_000_000),
            "Scores of accounts and months below which nothing is estimated for a value.",
            "at_least: 100",
        )
        .default("`30`"),
        Key::new("apply", Shape::Boolean, "Whether runs use what was estimated, or only show it.", "apply: false")
            .default("`true`"),
    ],
    rules: &[],
};
