//! `pipelines.yaml`, and the head of a job file.

use std::path::Path;

use indexmap::IndexMap;

use crate::diagnostic::Span;
use crate::grammar::window;
use crate::model::{
    DimensionMode, Job, Lineage, Pack, Pipeline, Project, Settings, Spanned, Spark, Store, Stores, Title, Window,
};
use crate::syntax::{Entry, Node};

use super::fields::grain;
use super::{Decoder, Fields, Kind};

/// The project as `pipelines.yaml` says it, without jobs yet.
pub(crate) fn pipelines(node: &Node, root: &Path, decoder: &mut Decoder) -> Project {
    let fields = Fields(node);
    let mut pipelines = IndexMap::new();
    for entry in fields.entries("pipelines") {
        if decoder.names.register(Kind::Pipeline, &entry.key, decoder.diagnostics)
            && let Some(pipeline) = pipeline(entry)
        {
            pipelines.insert(pipeline.name.clone(), pipeline);
        }
    }
    let mut deliveries = IndexMap::new();
    for entry in fields.entries("deliveries") {
        if decoder.names.register(Kind::Delivery, &entry.key, decoder.diagnostics)
            && let Some(delivery) = super::alert::delivery(entry)
        {
            deliveries.insert(delivery.name.clone(), delivery);
        }
    }
    Project {
        name: fields.words("project"),
        root: root.to_owned(),
        files: crate::diagnostic::SourceMap::default(),
        variables: std::collections::BTreeMap::new(),
        stores: stores(fields.fields("stores")),
        lineage: lineage(fields.fields("lineage")),
        settings: settings(fields.fields("settings")),
        jobs: IndexMap::new(),
        entities: IndexMap::new(),
        sources: IndexMap::new(),
        rollups: IndexMap::new(),
        tables: IndexMap::new(),
        facts: IndexMap::new(),
        scores: IndexMap::new(),
        attributions: IndexMap::new(),
        kpis: IndexMap::new(),
        alerts: IndexMap::new(),
        marts: IndexMap::new(),
        deliveries,
        pipelines,
        tests: match fields.get("tests") {
            Some(_) => fields.texts("tests"),
            None => vec![Spanned { value: TESTS.to_owned(), span: Span::none() }],
        },
    }
}

/// Where unit tests are unless `pipelines.yaml` says otherwise.
const TESTS: &str = "jobs/tests/*.yaml";

fn stores(fields: Option<Fields>) -> Stores {
    let of = |key: &str, default: &str| {
        let node = fields.and_then(|fields| fields.get(key));
        let given = node.and_then(store);
        given.unwrap_or_else(|| Store::at(Spanned { value: default.to_owned(), span: Span::none() }))
    };
    Stores { lake: of("lake", "data/lake"), marts: of("marts", "out/marts"), cache: of("cache", "out/cache") }
}

/// A store in its short form, a location, or in its long one.
fn store(node: &Node) -> Option<Store> {
    if let Some(url) = super::fields::text(node) {
        return Some(Store::at(url));
    }
    let fields = Fields(node);
    let words = |key: &str| fields.text(key).map(|text| text.value);
    let flag = |key: &str| fields.boolean(key).unwrap_or_default();
    Some(Store {
        endpoint: words("endpoint"),
        region: words("region"),
        profile: words("profile"),
        account: words("account"),
        allow_http: flag("allow_http"),
        anonymous: flag("anonymous"),
        virtual_hosted_style: flag("virtual_hosted_style"),
        retry_seconds: fields.whole("retry_seconds"),
        unsafe_no_lease: flag("unsafe_no_lease"),
        ..Store::at(fields.text("url")?)
    })
}

/// A year and some weeks, so that a year can be compared with the one before.
const HISTORY: Window = Window::Days(400);

/// A week of nights.
const KEPT_RUNS: u32 = 7;

fn lineage(fields: Option<Fields>) -> Lineage {
    let text = |key: &str| fields.and_then(|fields| fields.text(key));
    Lineage { namespace: text("namespace"), url: text("url"), endpoint: text("endpoint"), file: text("file") }
}

fn settings(fields: Option<Fields>) -> Settings {
    let text = |key: &str| fields.and_then(|fields| fields.text(key));
    let history = |key: &str| text(key).and_then(|text| window(&text.value)).unwrap_or(HISTORY);
    let or = |key: &str, default: &str| text(key).map_or_else(|| default.to_owned(), |text| text.value);
    Settings {
        currency: or("currency", "EUR"),
        time_zone: or("time_zone", "UTC"),
        fiscal_year_start: fields.and_then(|fields| fields.whole("fiscal_year_start")),
        rates: text("rates"),
        targets: text("targets"),
        benchmarks: text("benchmarks"),
        quality_history: history("quality_history"),
        alert_history: history("alert_history"),
        kept_runs: fields.and_then(|fields| fields.whole("kept_runs")).unwrap_or(KEPT_RUNS),
    }
}

fn pipeline(entry: &Entry) -> Option<Pipeline> {
    let fields = Fields(&entry.node);
    let periods = fields
        .entries("periods")
        .iter()
        .filter_map(|entry| Some((grain(&entry.key.value)?, Fields(&entry.node).whole("last"))))
        .collect();
    Some(Pipeline {
        name: entry.key.value.clone(),
        title: title(fields)?,
        from: fields.text("from"),
        periods,
        cube: fields.texts("cube"),
        dimensions: match fields.words("dimensions").as_str() {
            "restated" => DimensionMode::Restated,
            _ => DimensionMode::AsWas,
        },
        marts: fields.texts("marts"),
        engine: fields.fields("engine").and_then(|engine| spark(engine.fields("spark")?)),
        span: entry.key.span,
    })
}

fn spark(fields: Fields) -> Option<Spark> {
    let defaults = Spark::at(fields.text("remote")?);
    Some(Spark {
        token: fields.text("token"),
        lake_url: fields.text("lake_url"),
        staging: fields.get("staging").and_then(store),
        staging_url: fields.text("staging_url"),
        sent_rows: fields.whole("sent_rows").unwrap_or(defaults.sent_rows),
        timeout_minutes: fields.whole("timeout_minutes").unwrap_or(defaults.timeout_minutes),
        retry_seconds: fields.whole("retry_seconds").unwrap_or(defaults.retry_seconds),
        ..defaults
    })
}

/// The head of a job file; a file without a name goes by that of the file, so that its definitions are still read.
pub(super) fn job(node: &Node, stem: &str, decoder: &mut Decoder) -> Option<Job> {
    let fields = Fields(node);
    let name = fields.text("job").unwrap_or_else(|| Spanned { value: stem.to_owned(), span: node.span });
    decoder.names.register(Kind::Job, &name, decoder.diagnostics);
    (!node.entries().is_empty()).then(|| Job {
        name: name.value,
        title: title(fields).unwrap_or_default(),
        description: fields.words("description"),
        owner: fields.words("owner"),
        pack: fields.fields("pack").and_then(pack),
        span: name.span,
    })
}

fn pack(fields: Fields) -> Option<Pack> {
    let scope = fields.entries("scope").iter();
    let scope = scope.filter_map(|entry| Some((entry.key.value.clone(), super::fields::text(&entry.node)?)));
    Some(Pack { prefix: fields.text("prefix")?, scope: scope.collect() })
}

/// English and French title.
pub(super) fn title(fields: Fields) -> Option<Title> {
    title_of(fields.fields("title")?)
}

/// A text in both languages.
pub(super) fn title_of(title: Fields) -> Option<Title> {
    Some(Title { en: title.text("en")?.value, fr: title.text("fr")?.value })
}
