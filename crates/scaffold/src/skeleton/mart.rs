//! A mart.

use std::fmt::Write as _;

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::{Node, Project, formula};

use super::relation::Relation;
use super::{Skeleton, missing, unknown};
use crate::yaml::{in_braces, scalar};

/// A mart over an entity, a source or a table with a declared key; by default a view of the KPIs that is not cut by any
/// dimension.
///
/// # Errors
/// When there is nothing of that name, or it has no key.
pub fn mart(project: &Project, name: &str, from: Option<&str>) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    let query = match from {
        None | Some("kpi_values") => kpis(project)?,
        Some(entity) if project.entities.contains_key(entity) => members(project, entity),
        Some(from) => rows(project, from)?,
    };
    let mut text = format!("{name}:\n  description: What it holds, one row each.\n  sql: |\n");
    for line in query.sql.lines() {
        let _ = writeln!(text, "    {line}");
    }
    let key = query.key.join(", ");
    let _ = writeln!(text, "  key: [{key}]   # columns that identify a row; audited before publishing");
    text.push_str(
        "  # format: delta   # as a Delta table, with a version for every night that changed it\n  columns:\n",
    );
    for (column, description) in &query.columns {
        let description = if description.is_empty() { "What the column means." } else { description };
        let not_null = if query.key.contains(column) { ", not_null: true" } else { "" };
        let _ = writeln!(text, "    {}: {{description: {}{not_null}}}", scalar(column), in_braces(description));
    }
    Ok(vec![Skeleton::new("marts", &text, query.reads)])
}

/// What a mart publishes.
struct Query {
    sql: String,
    key: Vec<String>,
    /// Columns with their meaning, as far as it is known; those of the key at least.
    columns: Vec<(String, String)>,
    reads: Option<Node>,
}

fn kpis(project: &Project) -> Result<Query, Box<Diagnostic>> {
    if project.kpis.is_empty() {
        return Err(missing("the mart reads KPIs, and the project has none", "`abmart add kpi NAME` adds one").boxed());
    }
    let columns = [
        ("kpi", "Identifier of the KPI."),
        ("period_grain", "Length of the period, such as month."),
        ("period_start", "First day of the period."),
        ("value", "Value of the KPI; a percentage is stored as a fraction."),
        ("prior_value", "Value of the period before."),
        ("target", "Target that holds for the row."),
        ("status", "Where the value stands against the benchmark, such as healthy."),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    Ok(Query {
        sql: format!("select {}\nfrom kpi_values\nwhere cut = 'all'", names.join(", ")),
        key: names[..3].iter().map(|name| (*name).to_owned()).collect(),
        columns: columns.map(|(name, meaning)| (name.to_owned(), meaning.to_owned())).to_vec(),
        reads: None,
    })
}

/// Every member of an entity in every period, with the measures of one of its facts.
fn members(project: &Project, name: &str) -> Query {
    let entity = &project.entities[name];
    let key = vec!["period_grain".to_owned(), "period_start".to_owned(), entity.key.clone()];
    let mut names = key.clone();
    names.extend(entity.dimensions.iter().map(|dimension| dimension.value.clone()));
    let own = |fact: &&String| formula::entity_of(project, fact) == Some(name);
    if let Some(fact) = project.facts.keys().find(own) {
        let measures = formula::measures(project, fact).unwrap_or_default();
        names.extend(measures.iter().map(|measure| format!("{fact}_{measure}")));
    }
    Query {
        sql: format!("select {}\nfrom {name}", names.join(", ")),
        key,
        columns: names.into_iter().map(|name| (name, String::new())).collect(),
        reads: Some(Node::Entity(name.to_owned())),
    }
}

fn rows(project: &Project, from: &str) -> Result<Query, Box<Diagnostic>> {
    let Ok(relation) = Relation::named(project, from) else {
        let known = project.sources.keys().chain(project.tables.keys()).chain(project.entities.keys());
        return Err(unknown("a source, table or entity", from, known.map(String::as_str)).boxed());
    };
    if relation.key.is_empty() {
        return Err(missing(
            &format!("`{from}` does not declare the columns that identify a row, which a mart needs"),
            &format!("`key` of `{from}` declares them"),
        )
        .boxed());
    }
    let columns = match &relation.columns {
        Some(fields) => fields.iter().map(|field| (field.name.clone(), field.description.clone())).collect(),
        None => relation.key.iter().map(|column| (column.clone(), String::new())).collect(),
    };
    Ok(Query {
        sql: format!("select {}\nfrom {from}", relation.projection()),
        key: relation.key.clone(),
        columns,
        reads: Some(relation.node),
    })
}
