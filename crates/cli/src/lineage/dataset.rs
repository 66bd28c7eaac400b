//! Sources and marts as `OpenLineage`'s datasets: `file` or `s3://bucket`, and the path in it.

use std::collections::HashMap;

use abmart_lineage::{Lineage, facet as column_facet};
use abmart_plan::layout::Layout;
use abmart_plan::{Plan, SourcePlan};
use abmart_spec::{Node, Project, model};
use abmart_store::{ColumnKind, FooterColumn, Location, ParquetFooter, Published, Store, TimeUnit};
use serde_json::{Map, Value, json};

use super::event::facet;
use crate::results::RunResults;

/// The sources that a run reads, with what their footers say.
pub fn inputs(project: &Project, lake: &Store, plan: &Plan, footers: &HashMap<String, ParquetFooter>) -> Vec<Value> {
    let read = plan.sources.iter().filter(|(_, planned)| !planned.files.is_empty());
    read.filter_map(|(name, planned)| {
        let source = project.sources.get(name)?;
        let newest = planned.files.last().and_then(|file| footers.get(&file.key));
        let mut facets = facets(lake, newest.map(|footer| footer.columns.as_slice()), &source.description);
        facets.insert("abmart_source".to_owned(), own(name));
        let mut input = dataset(lake, Layout::parse(&source.path.value).folder(), &facets);
        input["inputFacets"] =
            json!({"inputStatistics": facet("1-0-0/InputStatisticsInputDatasetFacet", size(planned, footers))});
        Some(input)
    })
    .collect()
}

/// Adds what checks have found.
pub fn judge(inputs: &mut [Value], results: &RunResults) {
    for input in inputs {
        let source = input["facets"]["abmart_source"]["source"].as_str().unwrap_or_default().to_owned();
        let of_source = results.findings.iter().filter(|finding| finding.source == source);
        let assertions: Vec<Value> = of_source
            .map(|finding| {
                let mut assertion = json!({"assertion": finding.check, "success": false});
                if !finding.column.is_empty() {
                    assertion["column"] = json!(finding.column);
                }
                assertion
            })
            .collect();
        if !assertions.is_empty() {
            let found = facet("1-1-0/DataQualityAssertionsDatasetFacet", json!({"assertions": assertions}));
            input["inputFacets"]["dataQualityAssertions"] = found;
        }
    }
}

/// The marts that a run has published. One whose footer cannot be read goes without its columns.
pub fn outputs(project: &Project, marts: &Store, published: &Published) -> Vec<Value> {
    let manifest = &published.manifest;
    let lineage = Lineage::of(project);
    let own_marts = manifest.marts.iter().filter(|(_, mart)| mart.run_id == manifest.run_id);
    own_marts
        .map(|(name, mart)| {
            let footer = mart.files.first().and_then(|file| marts.footer(&file.key).ok());
            let description = project.marts.get(name).map(|mart| mart.description.as_str()).unwrap_or_default();
            let mut facets = facets(marts, footer.as_ref().map(|footer| footer.columns.as_slice()), description);
            facets.insert("columnLineage".to_owned(), column_lineage(&lineage, project, name));
            let mut output = dataset(marts, name, &facets);
            let size: u64 = mart.files.iter().map(|file| file.size).sum();
            let content = json!({"rowCount": mart.rows, "size": size, "fileCount": mart.files.len()});
            output["outputFacets"] =
                json!({"outputStatistics": facet("1-0-2/OutputStatisticsOutputDatasetFacet", content)});
            output
        })
        .collect()
}

fn size(planned: &SourcePlan, footers: &HashMap<String, ParquetFooter>) -> Value {
    let rows: u64 = planned.files.iter().filter_map(|file| footers.get(&file.key)).map(|footer| footer.rows).sum();
    let bytes: u64 = planned.files.iter().map(|file| file.size).sum();
    json!({"rowCount": rows, "size": bytes, "fileCount": planned.files.len()})
}

fn facets(store: &Store, columns: Option<&[FooterColumn]>, description: &str) -> Map<String, Value> {
    let (namespace, root) = place(store, "");
    let uri = if namespace == "file" { format!("file://{root}") } else { format!("{namespace}/{root}") };
    let mut facets = Map::new();
    let source = json!({"name": namespace, "uri": uri.trim_end_matches('/')});
    facets.insert("dataSource".to_owned(), facet("1-0-1/DatasourceDatasetFacet", source));
    if let Some(columns) = columns {
        let fields: Vec<Value> =
            columns.iter().map(|column| json!({"name": column.name, "type": type_name(&column.kind)})).collect();
        facets.insert("schema".to_owned(), facet("1-2-0/SchemaDatasetFacet", json!({"fields": fields})));
    }
    if !description.is_empty() {
        let content = json!({"description": description});
        facets.insert("documentation".to_owned(), facet("1-1-0/DocumentationDatasetFacet", content));
    }
    facets
}

fn own(source: &str) -> Value {
    json!({
        "_producer": super::event::PRODUCER,
        "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetFacet",
        "source": source,
    })
}

fn dataset(store: &Store, folder: &str, facets: &Map<String, Value>) -> Value {
    let (namespace, name) = place(store, folder);
    json!({"namespace": namespace, "name": name, "facets": facets})
}

/// Which columns of the lake the columns of a mart come from.
pub fn column_lineage(lineage: &Lineage, project: &Project, mart: &str) -> Value {
    let source = |name: &str| source_place(project, name);
    let content = column_facet::column_lineage(lineage, &Node::Mart(mart.to_owned()), &source);
    facet(column_facet::SCHEMA, content)
}

/// Namespace and name of a source, whether the lake is there or not.
pub fn source_place(project: &Project, name: &str) -> Option<(String, String)> {
    let source = project.sources.get(name)?;
    place_in(project, &project.stores.lake, Layout::parse(&source.path.value).folder())
}

/// Namespace and name of a folder of a store of the project, whether it is there or not; none where the store's location
/// is none.
pub fn place_in(project: &Project, store: &model::Store, folder: &str) -> Option<(String, String)> {
    let location = Location::parse(&store.url.value, &project.root).ok()?;
    let Some(root) = location.folder() else { return Some(remote_place(&location.to_string(), folder)) };
    let root = root.canonicalize().or_else(|_| std::path::absolute(root)).ok()?;
    Some(local_place(&root.join(folder)))
}

/// Namespace and name of a folder of a store, by `OpenLineage`'s rules for names.
fn place(store: &Store, folder: &str) -> (String, String) {
    match store.local_path(folder) {
        Some(path) => local_place(&path),
        None => remote_place(store.label(), folder),
    }
}

fn local_place(path: &std::path::Path) -> (String, String) {
    ("file".to_owned(), path.display().to_string().trim_end_matches('/').to_owned())
}

fn remote_place(label: &str, folder: &str) -> (String, String) {
    let (scheme, rest) = label.split_once("://").unwrap_or(("file", label));
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let name = format!("{}/{folder}", prefix.trim_end_matches('/'));
    (format!("{scheme}://{bucket}"), name.trim_matches('/').to_owned())
}

fn type_name(kind: &ColumnKind) -> String {
    match kind {
        ColumnKind::String => "string".to_owned(),
        ColumnKind::Int { bits, signed } => format!("{}int{bits}", if *signed { "" } else { "u" }),
        ColumnKind::Float { bits } => format!("float{bits}"),
        ColumnKind::Bool => "boolean".to_owned(),
        ColumnKind::Date => "date".to_owned(),
        ColumnKind::Timestamp { unit, utc } => {
            let unit = match unit {
                TimeUnit::Milliseconds => "ms",
                TimeUnit::Microseconds => "us",
                TimeUnit::Nanoseconds => "ns",
            };
            if *utc { format!("timestamp[{unit}, UTC]") } else { format!("timestamp[{unit}]") }
        }
        ColumnKind::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
        ColumnKind::Other(name) => name.clone(),
    }
}
