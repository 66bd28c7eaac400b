//! Lineage without a run: events of jobs and datasets, as the definitions alone tell them.

use std::collections::BTreeSet;

use abmart_lineage::{Lineage, Target};
use abmart_spec::model::{Mart, Pipeline};
use abmart_spec::{Node, Project};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::dataset::{column_lineage, place_in, source_place};
use super::event::{PRODUCER, facet, job};
use super::settings::Settings;

/// The sources and marts that have to do with some definitions (none: all of them), each as an event of a dataset, and the
/// pipelines that make these marts of these sources, each as an event of a job. Names are those that runs use.
pub fn events(project: &Project, lineage: &Lineage, targets: &[Target]) -> Vec<Value> {
    let settings = Settings::of(project, &crate::project::environment);
    let near = |node: &Node| {
        targets.is_empty()
            || targets.iter().map(Target::definition).any(|target| {
                target == node
                    || lineage.downstream(target, None).contains(node)
                    || lineage.upstream(target, None).contains(node)
            })
    };
    let now = Timestamp::now();
    let wanted: BTreeSet<&Node> = lineage.nodes().filter(|node| near(node)).collect();
    let sources = project.sources.keys().filter(|name| wanted.contains(&Node::Source((*name).clone())));
    let mut events: Vec<Value> =
        sources.filter_map(|name| source(project, name)).map(|dataset| of_dataset(&dataset, now)).collect();
    for (name, pipeline) in &project.pipelines {
        let marts: Vec<&Mart> =
            project.marts_of(name).filter(|mart| wanted.contains(&Node::Mart(mart.name.clone()))).collect();
        let outputs: Vec<Value> = marts.iter().filter_map(|mart| published(project, lineage, mart)).collect();
        if outputs.is_empty() {
            continue;
        }
        events.extend(
            marts
                .iter()
                .filter_map(|mart| mart_itself(project, lineage, mart))
                .map(|dataset| of_dataset(&dataset, now)),
        );
        events.push(json!({
            "eventTime": now,
            "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
            "job": job(project, &settings, name),
            "inputs": inputs(project, lineage, pipeline, &marts),
            "outputs": outputs,
        }));
    }
    events
}

fn of_dataset(dataset: &Value, now: Timestamp) -> Value {
    json!({
        "eventTime": now,
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": dataset,
    })
}

/// What marts are made of: sources, or the marts of the pipeline whose marts are read.
fn inputs(project: &Project, lineage: &Lineage, pipeline: &Pipeline, marts: &[&Mart]) -> Vec<Value> {
    let bare = |(namespace, name): (String, String)| json!({"namespace": namespace, "name": name, "facets": {}});
    if pipeline.from.is_some() {
        let read: BTreeSet<&str> = marts.iter().flat_map(|mart| mart.reads()).map(|name| name.value.as_str()).collect();
        let read = read.into_iter().filter(|name| project.marts.contains_key(*name));
        return read.filter_map(|name| place_in(project, &project.stores.marts, name)).map(bare).collect();
    }
    let mut sources: BTreeSet<&str> = BTreeSet::new();
    for mart in marts {
        let needed = lineage.upstream(&Node::Mart(mart.name.clone()), None);
        sources.extend(
            project
                .sources
                .keys()
                .map(String::as_str)
                .filter(|name| needed.iter().any(|node| matches!(node, Node::Source(needed) if needed == name))),
        );
    }
    sources.into_iter().filter_map(|name| source_place(project, name)).map(bare).collect()
}

fn source(project: &Project, name: &str) -> Option<Value> {
    let source = project.sources.get(name)?;
    let (namespace, path) = source_place(project, name)?;
    let fields: Vec<Value> = source
        .columns
        .values()
        .map(|column| field(&column.name, Some(column.ty.name()), column.description.trim()))
        .collect();
    Some(json!({"namespace": namespace, "name": path, "facets": described(&fields, &source.description)}))
}

/// A mart as a dataset that is there.
fn mart_itself(project: &Project, lineage: &Lineage, mart: &Mart) -> Option<Value> {
    let (namespace, path) = place_in(project, &project.stores.marts, &mart.name)?;
    let definition = lineage.definition(&Node::Mart(mart.name.clone()))?;
    let fields: Vec<Value> =
        definition.columns.iter().map(|(name, column)| field(name, None, &column.description)).collect();
    Some(json!({"namespace": namespace, "name": path, "facets": described(&fields, &mart.description)}))
}

/// A mart as what a job gives.
fn published(project: &Project, lineage: &Lineage, mart: &Mart) -> Option<Value> {
    let (namespace, path) = place_in(project, &project.stores.marts, &mart.name)?;
    let lineage = column_lineage(lineage, project, &mart.name);
    let facets: Map<String, Value> = lineage.map(|facet| ("columnLineage".to_owned(), facet)).into_iter().collect();
    Some(json!({"namespace": namespace, "name": path, "facets": facets}))
}

fn field(name: &str, ty: Option<&str>, description: &str) -> Value {
    let mut field = json!({"name": name});
    if let Some(ty) = ty {
        field["type"] = json!(ty);
    }
    if !description.is_empty() {
        field["description"] = json!(description);
    }
    field
}

fn described(fields: &[Value], description: &str) -> Map<String, Value> {
    let mut facets = Map::new();
    facets.insert("schema".to_owned(), facet("1-2-0/SchemaDatasetFacet", json!({"fields": fields})));
    if !description.trim().is_empty() {
        let content = json!({"description": description.trim()});
        facets.insert("documentation".to_owned(), facet("1-1-0/DocumentationDatasetFacet", content));
    }
    facets
}
