//! `attributions`.

use super::{Key, Keys, Object, Rule, Shape, description};

pub(super) static ATTRIBUTION: Object = Object {
    name: "attribution",
    doc: "Which touches made a conversion, by several models side by side. The journey of a conversion is made of the touches of its entity inside a window before it, in the order of time. It gives five tables that other definitions read: `<name>_credits` (a row for each model, conversion, channel and campaign), `<name>_touches` (for each conversion and touch), `<name>_journeys` (for each conversion), `<name>_channels` (for each model and channel, over all conversions) and `<name>_models` (what the models that learn have learned). See [attribution](attribution.md).",
    keys: &[
        Key::new("per", Shape::Word("entity"), "Whose touches and conversions belong together.", "per: account").default("the entity that KPIs are cut by"),
        Key::new("touches", Shape::Object(&TOUCHES), "What is credited.", "touches: {from: touchpoints, channel: channel, campaign: campaign_id, key: [touch_id]}").required(),
        Key::new("conversions", Shape::Object(&CONVERSIONS), "What the credit is for.", "conversions: {from: won_deals, key: opportunity_id, value: amount}").required(),
        Key::new("window", Shape::Window, "How long before a conversion a touch counts.", "window: 24 months").default("`24 months`"),
        Key::new("reset_on_conversion", Shape::Boolean, "Whether the window of a conversion begins with the entity's conversion before it, so that a touch counts for the next one only.", "reset_on_conversion: true").default("`false`"),
        Key::new("non_converting", Shape::Boolean, "Whether `markov`, `markov_journey` and `shapley_rate` learn from journeys that led to nothing as well: the touches of an entity after its last conversion, inside the window up to the day of the run.", "non_converting: false").default("`true`"),
        Key::new("channels", Shape::Map(Keys::Any("group of channels"), &Shape::List(&Shape::Word("channel"))), "Channels that are taken together: the group's name and its channels. Others keep their names; touches without one have the channel `(unknown)`.", "channels: {digital: [web, email, ads]}").default("each by itself"),
        Key::new("leave_out", Shape::List(&Shape::Word("channel or group")), "Channels whose touches are left out of journeys that have others.", "leave_out: [support]").default("none"),
        Key::new("path", Shape::Choice(&["every", "collapse", "first_occurrence", "unique"]), "Which touches are steps of a journey: every one; of touches of one channel in a row the first; of each channel the first; of each channel and campaign the first.", "path: collapse").default("`every`"),
        Key::new("models", Shape::Map(Keys::Names, &Shape::Object(&MODEL)), "The models, by name. The name says which one it is, unless `kind` does.", "models:\n  first_touch: {}\n  time_decay: {half_life: 14 days}\n  markov: {order: 2}").required(),
        description("description: Who made the deals that were won."),
    ],
    rules: &[],
};

static TOUCHES: Object = Object {
    name: "touches of an attribution",
    doc: "Rows with the entity's key, a time and a channel. Touches of one instant are in the order of channel, campaign, `key` and `show`.",
    keys: &[
        Key::new("from", Shape::Word("source, rollup or table"), "Where they come from.", "from: touchpoints")
            .required(),
        Key::new("time", Shape::Word("column"), "When each happened.", "time: occurred_at")
            .default("the input's `time`"),
        Key::new("channel", Shape::Word("column"), "The channel.", "channel: channel").required(),
        Key::new(
            "campaign",
            Shape::Word("column"),
            "The campaign, where credit is divided by it too.",
            "campaign: campaign_id",
        )
        .default("none"),
        Key::new(
            "count",
            Shape::Word("column"),
            "How many touches a row stands for, such as those of one instant that a rollup has counted.",
            "count: touches",
        )
        .default("one"),
        Key::new(
            "key",
            Shape::List(&Shape::Word("column")),
            "Columns that identify a touch; `<name>_touches` shows them.",
            "key: [touch_id]",
        )
        .default("none"),
        Key::new(
            "show",
            Shape::List(&Shape::Word("column")),
            "More columns that `<name>_touches` shows.",
            "show: [contact_id, kind]",
        )
        .default("none"),
    ],
    rules: &[],
};

static CONVERSIONS: Object = Object {
    name: "conversions of an attribution",
    doc: "Rows with the entity's key and a time. One without an entity, without a time or without a touch before it is `unattributed`.",
    keys: &[
        Key::new("from", Shape::Word("source, rollup or table"), "Where they come from.", "from: won_deals").required(),
        Key::new("key", Shape::Word("column"), "The column that identifies a conversion.", "key: opportunity_id").required(),
        Key::new("time", Shape::Word("column"), "When each happened. Touches count that lie before it; of a date, before the day.", "time: closed_at").default("the input's `time`"),
        Key::new("value", Shape::Word("column"), "What each is worth. A null is worth nothing and reported.", "value: amount").default("none: credit is in conversions only"),
        Key::new("detail", Shape::Word("column"), "Whether `<name>_touches` shows the touches of a conversion: a boolean column.", "detail: large").default("all conversions"),
        Key::new("milestones", Shape::Map(Keys::Names, &Shape::Word("column")), "Milestones on the way and the columns that say when they were reached. The touch of a milestone is the last one at or before it.", "milestones: {lead: mqa_at, opportunity: created_at}").default("none"),
    ],
    rules: &[],
};

static MODEL: Object = Object {
    name: "attribution model",
    doc: "How credit is divided up. [Attribution](attribution.md#models) describes the kinds.",
    keys: &[
        Key::new("kind", Shape::Choice(KINDS), "Which one it is.", "kind: time_decay").default("the name"),
        Key::new("weights", Shape::Map(Keys::Any("position"), &Shape::Number), "Shares of a `custom` model, which add up to 1: of `first`, `last` and milestones, and of all other steps together as `middle`. A step that holds several positions gets the sum; what no step holds goes to the others in proportion.", "weights: {first: 0.2, middle: 0.5, last: 0.3}").default("none"),
        Key::new("half_life", Shape::Window, "Half-life of `time_decay`, in days.", "half_life: 14 days").default("`7 days`"),
        Key::new("order", Shape::Whole(1, 4), "How many channels back the states of `markov` and `markov_journey` look.", "order: 2").default("`1`"),
        Key::new("samples", Shape::Whole(100, 1_000_000), "Orders of channels that `shapley_rate` draws where there are more than 15 channels.", "samples: 5000").default("`2000`"),
        Key::new("seed", Shape::Whole(0, i64::MAX), "Seed of what is drawn.", "seed: 7").default("`1`"),
    ],
    rules: &[Rule::AtMostOne("conflicting-keys", &["weights", "half_life"])],
};

/// The kinds of model.
pub(crate) const KINDS: &[&str] = &[
    "first_touch",
    "last_touch",
    "linear",
    "time_decay",
    "u_shaped_50_50",
    "position_40_20_40",
    "position_20_50_30",
    "w_shaped",
    "full_path",
    "custom",
    "markov",
    "markov_journey",
    "shapley",
    "shapley_rate",
];
