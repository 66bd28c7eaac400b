//! The two kinds of file: `pipelines.yaml` and job files.

use super::alert::{ALERT, DELIVERY};
use super::attribution::ATTRIBUTION;
use super::entity::ENTITY;
use super::fact::FACT;
use super::kpi::KPI;
use super::mart::MART;
use super::score::SCORE;
use super::source::{ROLLUP, SOURCE};
use super::store::{LOCATION, STORES};
use super::table::TABLE;
use super::{Key, Keys, Object, Rule, Shape, TITLE};

/// `pipelines.yaml`.
pub(crate) static PIPELINES: Object = Object {
    name: "pipelines.yaml",
    doc: "The file that makes a folder a project: where data lies, what holds for all jobs, which job files there are and what runs together.",
    keys: &[
        Key::new("project", Shape::Name, "The project's name.", "project: abmart").required(),
        Key::new(
            "stores",
            Shape::Object(&STORES),
            "Where the snapshots are read, the marts published and rollup results kept.",
            "stores:\n  lake: {url: 's3://acme/lake', region: eu-west-3}\n  marts: out/marts",
        )
        .default("the defaults of its keys"),
        Key::new(
            "lineage",
            Shape::Object(&LINEAGE),
            "Whom runs tell what they read and write, as OpenLineage events.",
            "lineage: {url: https://lineage.example.com, namespace: abm}",
        )
        .default("nobody, unless the environment names somebody"),
        Key::new(
            "settings",
            Shape::Object(&SETTINGS),
            "Currency, time zone, fiscal calendar, and the tables with a role of their own.",
            "settings: {currency: EUR, time_zone: Europe/Paris, rates: fx_rates}",
        )
        .default("the defaults of its keys"),
        Key::new(
            "variables",
            Shape::Map(Keys::Any("variable"), &Shape::Scalar),
            "Defaults of the variables that values name as `${NAME}`. `--var NAME=VALUE` counts first, then the environment variable of that name, then the default given here.",
            "variables: {RESPONSE_HOURS: 24}",
        )
        .default("none"),
        Key::new(
            "jobs",
            Shape::List(&Shape::Word("path pattern")),
            "Job files, relative to the project. A pattern with `*` may match nothing; a plain path must exist.",
            "jobs: [jobs/*.yaml, jobs/local/*.yaml]",
        )
        .default("`[jobs/*.yaml]`"),
        Key::new(
            "tests",
            Shape::List(&Shape::Word("path pattern")),
            "Files of unit tests, relative to the project; only `abmart test` and `validate` read them.",
            "tests: [jobs/tests/*.yaml]",
        )
        .default("`[jobs/tests/*.yaml]`"),
        Key::new(
            "deliveries",
            Shape::Map(Keys::Labels, &Shape::Object(&DELIVERY)),
            "Where new alerts are sent.",
            "deliveries:\n  sales: {webhook: SLACK_WEBHOOK_URL, at_least: critical}",
        )
        .default("none"),
        Key::new(
            "pipelines",
            Shape::Map(Keys::Labels, &Shape::Object(&PIPELINE)),
            "What runs together, by name. `abmart run` takes the pipeline's name.",
            "pipelines:\n  nightly:\n    title: {en: Nightly, fr: Nuit}\n    periods: {month: {}, week: {last: 13}}",
        )
        .required(),
    ],
    rules: &[],
};

static LINEAGE: Object = Object {
    name: "lineage",
    doc: "Where OpenLineage events go. The environment variables that OpenLineage's clients know (`OPENLINEAGE_URL`, `OPENLINEAGE_ENDPOINT`, `OPENLINEAGE_NAMESPACE`) count first; the service's key is in `OPENLINEAGE_API_KEY` and nowhere else; `OPENLINEAGE_DISABLED=true` sends nothing.",
    keys: &[
        Key::new("namespace", Shape::Word("namespace"), "Namespace of the pipelines as jobs.", "namespace: abm")
            .default("`default`"),
        Key::new(
            "url",
            Shape::Word("URL"),
            "Base URL of the service that takes the events.",
            "url: https://lineage.example.com",
        )
        .default("none"),
        Key::new("endpoint", Shape::Word("path"), "Path below the base URL.", "endpoint: api/v1/lineage")
            .default("`api/v1/lineage`"),
        Key::new(
            "file",
            Shape::Word("path"),
            "File that events are appended to, one a line, relative to the project.",
            "file: out/lineage.jsonl",
        )
        .default("none"),
    ],
    rules: &[],
};

static SETTINGS: Object = Object {
    name: "settings",
    doc: "What holds for every job of the project.",
    keys: &[
        Key::new(
            "currency",
            Shape::Currency,
            "Reporting currency: ISO 4217 code of the currency that `money` converts to.",
            "currency: EUR",
        )
        .default("`EUR`"),
        Key::new(
            "time_zone",
            Shape::TimeZone,
            "Reporting time zone (IANA name): a day is a day of this zone.",
            "time_zone: Europe/Paris",
        )
        .default("`UTC`"),
        Key::new(
            "fiscal_year_start",
            Shape::Whole(1, 12),
            "Month in which the fiscal year begins; without it there are no fiscal periods.",
            "fiscal_year_start: 7",
        )
        .default("none"),
        Key::new(
            "rates",
            Shape::Word("source or table"),
            "Currency rates: columns `day`, `currency` and `rate` (to the reporting currency).",
            "rates: fx_rates",
        )
        .default("none"),
        Key::new(
            "targets",
            Shape::Word("source or table"),
            "Targets of KPIs per period and scope.",
            "targets: targets",
        )
        .default("none"),
        Key::new(
            "benchmarks",
            Shape::Word("source or table"),
            "Benchmarks of KPIs per scope.",
            "benchmarks: benchmarks",
        )
        .default("none"),
        Key::new(
            "quality_history",
            Shape::Window,
            "For how long before its newest day the mart `data_quality` keeps the findings of earlier runs.",
            "quality_history: 12 months",
        )
        .default("`400 days`"),
        Key::new(
            "alert_history",
            Shape::Window,
            "For how long before the day of the run the mart `alerts` keeps alerts that are resolved.",
            "alert_history: 90 days",
        )
        .default("`400 days`"),
        Key::new(
            "kept_runs",
            Shape::Whole(0, 1000),
            "Of how many of its newest runs each pipeline keeps a record beside the marts: figures, definitions and the files that were read. `abmart diff` tells by it what was corrected since.",
            "kept_runs: 14",
        )
        .default("`7`"),
    ],
    rules: &[],
};

static PIPELINE: Object = Object {
    name: "pipeline",
    doc: "What runs together: for which periods and cuts, and which marts come out.",
    keys: &[
        Key::new("title", Shape::Object(&TITLE), "English and French title.", "title: {en: Nightly, fr: Nuit}")
            .required(),
        Key::new(
            "from",
            Shape::Word("pipeline"),
            "A pipeline whose published marts this one reads, in the SQL of its own, instead of computing anew. Its marts read marts of that pipeline by their names, and sources and reference tables not at all.",
            "from: nightly",
        )
        .default("none"),
        Key::new(
            "periods",
            Shape::Map(Keys::Grains, &Shape::Object(&PERIODS)),
            "The grains to compute, each with how far back.",
            "periods: {month: {}, quarter: {}, year: {}, week: {last: 13}}",
        )
        .default("none"),
        Key::new(
            "cube",
            Shape::List(&Shape::Word("dimension")),
            "Dimensions that KPIs are cut by, in the order in which cut names list them.",
            "cube: [region, bu, tier, industry, program]",
        )
        .default("the root entity's dimensions"),
        Key::new(
            "dimensions",
            Shape::Choice(&["as_was", "restated"]),
            "Dimensions as they were at each period's end, or as the newest snapshot has them.",
            "dimensions: restated",
        )
        .default("`as_was`"),
        Key::new(
            "marts",
            Shape::List(&Shape::Word("mart")),
            "The marts to publish.",
            "marts: [kpi_values, kpi_catalog]",
        )
        .default("all; with `from` they are named"),
        Key::new(
            "engine",
            Shape::ScalarOr(&Shape::Choice(&["local"]), &Shape::Object(&ENGINE)),
            "Where rollups are computed: `local`, which is this process, or another engine. `--engine` comes before it. Whichever it is, the figures are the same.",
            "engine: {spark: {remote: 'sc://spark.example.com:15002'}}",
        )
        .default("`local`"),
    ],
    rules: &[
        Rule::OneOf(&["from", "periods"]),
        Rule::AtMostOne("published-and-computed", &["from", "cube"]),
        Rule::AtMostOne("published-and-computed", &["from", "dimensions"]),
        Rule::AtMostOne("published-and-computed", &["from", "engine"]),
        Rule::Needs("from", "marts"),
    ],
};

static ENGINE: Object = Object {
    name: "engine",
    doc: "An engine that reduces the files of the lake for rollups. Everything after them is small and stays in this process.",
    keys: &[Key::new(
        "spark",
        Shape::Object(&SPARK),
        "An engine that speaks Spark Connect.",
        "spark: {remote: 'sc://spark.example.com:15002', token: SPARK_TOKEN}",
    )
    .required()],
    rules: &[],
};

static SPARK: Object = Object {
    name: "spark",
    doc: "An engine that speaks Spark Connect: Apache Spark, a managed Spark service, or Sail. It reads the files of the lake itself, so it needs access of its own. The program must be built with the feature `spark`.",
    keys: &[
        Key::new(
            "remote",
            Shape::Word("URL"),
            "Address of the server: `sc://host:port`, with `/;use_ssl=true` where it speaks TLS. The environment variable `ABMART_SPARK_REMOTE` comes before it.",
            "remote: 'sc://spark.example.com:15002/;use_ssl=true'",
        )
        .required(),
        Key::new("token", Shape::Word("environment variable"), "The environment variable that holds the server's token.", "token: SPARK_TOKEN")
            .default("none"),
        Key::new(
            "lake_url",
            Shape::Word("URL"),
            "How the engine names the lake, where it names it otherwise than `stores` does.",
            "lake_url: s3a://acme/lake",
        )
        .default("the lake's own; `s3a://` for `s3://`, `file://` for a path"),
        Key::new(
            "staging",
            LOCATION,
            "Where the engine writes results that are too large to be sent; a folder per run, which the run removes.",
            "staging: s3://acme/abmart-staging",
        )
        .default("none: all results are sent"),
        Key::new(
            "staging_url",
            Shape::Word("URL"),
            "How the engine names that place, where it names it otherwise.",
            "staging_url: s3a://acme/abmart-staging",
        )
        .default("as for the lake"),
        Key::new(
            "sent_rows",
            Shape::Whole(0, 1_000_000_000),
            "With `staging`: rows of input up to which a result is sent over the connection all the same.",
            "sent_rows: 200000",
        )
        .default("`1000000`"),
        Key::new("timeout_minutes", Shape::Whole(1, 10_000), "For how many minutes a query may take.", "timeout_minutes: 30")
            .default("`120`"),
        Key::new(
            "retry_seconds",
            Shape::Whole(0, 3_600),
            "For how many seconds a connection that is lost is tried again before the run fails.",
            "retry_seconds: 60",
        )
        .default("`30`"),
    ],
    rules: &[Rule::Needs("staging_url", "staging"), Rule::Needs("sent_rows", "staging")],
};

static PERIODS: Object = Object {
    name: "periods of a grain",
    doc: "How far back the periods of one grain go.",
    keys: &[Key::new("last", Shape::Whole(1, 100_000), "Only so many of the newest periods.", "last: 13")
        .default("every period that the lake's events cover")],
    rules: &[],
};

static PACK: Object = Object {
    name: "pack",
    doc: "What makes a job a region's or business unit's own. Its KPIs are `local` in `kpi_catalog` and hold in the scope: at cuts that name the scope's values they have a value, at all others null. Core definitions cannot be redefined; the prefix keeps packs apart.",
    keys: &[
        Key::new(
            "prefix",
            Shape::Word("prefix"),
            "What the name of everything that the job defines begins with, followed by `_`.",
            "prefix: apac",
        )
        .required(),
        Key::new(
            "scope",
            Shape::Map(Keys::Any("dimension"), &Shape::Word("value")),
            "Where its KPIs hold: dimension and value.",
            "scope: {region: APAC}",
        )
        .required(),
    ],
    rules: &[],
};

/// A job file.
pub(crate) static JOB: Object = Object {
    name: "job file",
    doc: "The definitions of one family of KPIs. Definitions see each other across files; a name is defined once in the whole project.",
    keys: &[
        Key::new("job", Shape::Name, "The job's name, unique in the project.", "job: engagement").required(),
        Key::new("title", Shape::Object(&TITLE), "English and French title.", "title: {en: Account engagement, fr: Engagement des comptes}").required(),
        super::description("description: How much target accounts do of their own accord."),
        Key::new("owner", Shape::Word("team"), "Who answers for the family, and for each of its KPIs that names no other owner.", "owner: marketing-operations").default("empty"),
        Key::new("pack", Shape::Object(&PACK), "What makes the job a region's own.", "pack: {prefix: apac, scope: {region: APAC}}").default("none: core"),
        Key::new("entities", Shape::Map(Keys::Names, &Shape::Object(&ENTITY)), "What facts are `per`.", "entities:\n  account: {key: account_id, snapshot: accounts, dimensions: [region, bu]}").default("none"),
        Key::new("sources", Shape::Map(Keys::Names, &Shape::Object(&SOURCE)), "Parquet datasets of the lake with their contracts.", "sources:\n  fx_rates:\n    kind: snapshot\n    columns: {day: date, currency: string, rate: number}").default("none"),
        Key::new("rollups", Shape::Map(Keys::Names, &Shape::Object(&ROLLUP)), "Mergeable reductions of events sources.", "rollups:\n  account_touches:\n    from: touchpoints\n    by: {account_id: account_id, day: bucket(occurred_at)}\n    measures: {touches: count(*)}").default("none"),
        Key::new("tables", Shape::Map(Keys::Names, &Shape::Object(&TABLE)), "SQL tables and reference tables.", "tables:\n  won_deals:\n    time: closed_at\n    sql: select * from opportunities where is_won").default("none"),
        Key::new("facts", Shape::Map(Keys::Names, &Shape::Object(&FACT)), "Measures per entity and period.", "facts:\n  deals:\n    per: opportunity\n    from: won_deals\n    measures: {won: count(*)}").default("none"),
        Key::new("scores", Shape::Map(Keys::Names, &Shape::Object(&SCORE)), "Explained scores per entity and period.", "scores:\n  engagement:\n    per: account\n    from: signals\n    signal: kind\n    components:\n      touch: {measure: sum(points), by_signal: true}").default("none"),
        Key::new("attributions", Shape::Map(Keys::Names, &Shape::Object(&ATTRIBUTION)), "Multi-touch attributions.", "attributions:\n  won:\n    touches: {from: touchpoints, channel: channel}\n    conversions: {from: won_deals, key: opportunity_id, value: amount}\n    models: {first_touch: {}, linear: {}}").default("none"),
        Key::new("kpis", Shape::Map(Keys::Names, &Shape::Object(&KPI)), "KPI definitions.", "kpis:\n  won_deals:\n    title: {en: Won deals, fr: Affaires gagnées}\n    formula: sum(deals.won)\n    unit: count\n    better: higher\n    level: [executive]\n    cadence: monthly").default("none"),
        Key::new("alerts", Shape::Map(Keys::Labels, &Shape::Object(&ALERT)), "Conditions that are looked at in every run.", "alerts:\n  hot_account:\n    title: {en: Hot account, fr: Compte chaud}\n    over: account\n    where: engagement_band = 'hot'").default("none"),
        Key::new("marts", Shape::Map(Keys::Labels, &Shape::Object(&MART)), "What is published.", "marts:\n  kpi_catalog: {from: kpi_catalog, key: [kpi, version]}").default("none"),
    ],
    rules: &[],
};
