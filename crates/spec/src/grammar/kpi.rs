//! `kpis`.

use super::{GRAINS, Key, Object, Shape, TITLE, description};

pub(super) static KPI: Object = Object {
    name: "KPI",
    doc: "One definition of one KPI. The formula is evaluated at every cut and period, from sums and never from averages of ratios.",
    keys: &[
        Key::new("title", Shape::Object(&TITLE), "English and French title.", "title: {en: Win rate, fr: Taux de succès}").required(),
        description("description: Deals won among deals closed, by close date."),
        Key::new("formula", Shape::Expression("formula"), "Aggregates over `<fact>.<measure>` and dimensions, and names of other KPIs, combined. See [formulas](#formulas).", "formula: sum(deals.won) / sum(deals.closed)").required(),
        Key::new("unit", Shape::Choice(&["count", "money", "percent", "ratio", "score", "days", "hours", "seconds"]), "Unit of the value. A `percent` is stored as a fraction, `money` in the reporting currency.", "unit: percent").required(),
        Key::new("better", Shape::Choice(&["higher", "lower"]), "The direction that is good.", "better: higher").required(),
        Key::new("level", Shape::List(&Shape::Choice(&["executive", "regional", "operational"])), "Who reads it.", "level: [executive, regional]").required(),
        Key::new("cadence", Shape::Choice(&["weekly", "monthly", "quarterly"]), "How often it is reviewed.", "cadence: monthly").required(),
        Key::new("owner", Shape::Word("team"), "Who answers for the definition.", "owner: sales-operations").default("the job's owner"),
        Key::new("version", Shape::Whole(1, 1_000_000), "Version of the definition; raised when its meaning changes.", "version: 2").default("`1`"),
        Key::new("styles", Shape::List(&Shape::Choice(&["high_touch", "automated", "hybrid"])), "Program styles that it is meant for.", "styles: [high_touch, hybrid]").default("all three"),
        Key::new("benchmark", Shape::Object(&BENCHMARK), "Limits between alarm, low, healthy and strong.", "benchmark: {alarm: 0.1, healthy: 0.2, strong: 0.4}").default("none"),
        Key::new("grains", Shape::List(&Shape::Choice(GRAINS)), "The grains that it exists at.", "grains: [month]").default("all that its facts have"),
        Key::new("compares", Shape::Word("dimension"), "A dimension that the formula itself compares; the value is null where the cut holds it.", "compares: program").default("none"),
        Key::new("cuts", Shape::List(&Shape::Word("dimension")), "The dimensions that it can be cut by; the value is null where the cut holds another one.", "cuts: [region, bu]").default("all"),
        Key::new("immature", Shape::Expression("formula"), "Cohort KPIs: members whose window is not over yet.", "immature: sum(funnel.immature)").default("none"),
        Key::new("mature", Shape::Expression("formula"), "Cohort KPIs: the value over mature members only.", "mature: sum(funnel.mature_converted) / sum(funnel.mature_entered)").default("none"),
        Key::new("published", Shape::Boolean, "`false` for a building block that other formulas name and no mart shows.", "published: false").default("`true`"),
    ],
    rules: &[],
};

static BENCHMARK: Object = Object {
    name: "benchmark",
    doc: "Limits that hold without a scope; they rise where higher is better and fall where lower is. Scoped ones stand in the table that `settings.benchmarks` names.",
    keys: &[
        Key::new("alarm", Shape::Number, "Worse than this: alarm.", "alarm: 0.1").default("none"),
        Key::new("healthy", Shape::Number, "At least this good: healthy.", "healthy: 0.2").default("none"),
        Key::new("strong", Shape::Number, "At least this good: strong.", "strong: 0.4").default("none"),
    ],
    rules: &[],
};
