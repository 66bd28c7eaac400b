//! `alerts`, and `deliveries` of `pipelines.yaml`.

use super::{GRAINS, Key, Object, Rule, Shape, TITLE, description};

const SEVERITIES: &[&str] = &["info", "warning", "critical"];

pub(super) static ALERT: Object = Object {
    name: "alert",
    doc: "A condition that is looked at in every run. Every row that fulfils it is one alert, which is new in the first run, continuing as long as the condition holds, and resolved from the first run in which it does not. The tables `alerts` and `actions` hold them for marts.",
    keys: &[
        Key::new(
            "title",
            Shape::Object(&TITLE),
            "English and French title.",
            "title: {en: Hot account, fr: Compte chaud}",
        )
        .required(),
        description("description: The account's engagement score is above the threshold of its industry."),
        Key::new(
            "over",
            Shape::Word("entity"),
            "What is looked at: an entity, with the columns that marts read of it, or `kpi_values`. Of an entity, `prior_x` is column `x` in the period before.",
            "over: account",
        )
        .required(),
        Key::new("grain", Shape::Choice(GRAINS), "Grain of the period whose rows are looked at.", "grain: quarter")
            .default("`month`"),
        Key::new(
            "period",
            Shape::Choice(&["current", "complete"]),
            "The period that holds `as_of`, or the newest one that is over.",
            "period: complete",
        )
        .default("`current`"),
        Key::new("where", Shape::Expression("condition"), "The condition.", "where: engagement_band = 'hot'")
            .required(),
        Key::new("value", Shape::Expression("expression"), "The figure that is shown.", "value: engagement_score")
            .default("none; with `kpi_values` its `value`"),
        Key::new("threshold", Shape::Expression("expression"), "What the figure is held against.", "threshold: 0.2")
            .default("none"),
        Key::new(
            "owner",
            Shape::Expression("expression"),
            "Who has to act: a column, or the name of a team as text.",
            "owner: account_profile_owner_id",
        )
        .default("none"),
        Key::new("severity", Shape::Choice(SEVERITIES), "How grave it is.", "severity: critical").default("`warning`"),
        Key::new(
            "action",
            Shape::Object(&TITLE),
            "What is to be done, in both languages. Only alerts with an action are in the table `actions`.",
            "action: {en: Call within 24 hours, fr: Appeler sous 24 heures}",
        )
        .default("none"),
        Key::new(
            "due",
            Shape::Window,
            "How long there is for the action, from the day on which the alert was new.",
            "due: 1 day",
        )
        .default("none"),
    ],
    rules: &[Rule::Needs("due", "action")],
};

pub(super) static DELIVERY: Object = Object {
    name: "delivery",
    doc: "Where new alerts are sent once the marts are published: one message an alert's definition, as JSON that Slack and those compatible with it take. A message that does not arrive fails no run; it is tried again the next night.",
    keys: &[
        Key::new(
            "webhook",
            Shape::Word("environment variable"),
            "The environment variable with the webhook's URL, which is a secret. Where it is not set, nothing is sent.",
            "webhook: SLACK_WEBHOOK_URL",
        )
        .required(),
        Key::new("language", Shape::Choice(&["en", "fr"]), "Language of the messages.", "language: fr").default("`en`"),
        Key::new("at_least", Shape::Choice(SEVERITIES), "The least severity that is sent.", "at_least: critical")
            .default("`info`"),
        Key::new("alerts", Shape::List(&Shape::Word("alert")), "The alerts that are sent.", "alerts: [hot_account]")
            .default("all"),
    ],
    rules: &[],
};
