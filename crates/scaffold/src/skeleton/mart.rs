//! A mart.

use std::fmt::Write as _;

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::{Node, Project, formula};

use super::relation::Relation;
use super::{Skeleton, missing, unknown};

/// A mart over an entity, a source or a table with a declared key; by default a view of the KPIs that is not cut by any
/// dimension.
///
/// # Errors
/// When there is nothing of that name, or it has no key.
pub fn mart(project: &Project, name: &str, from: Option<&str>) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    let (sql, key, reads) = match from {
        None | Some("kpi_values") => kpis(project)?,
        Some(entity) if project.entities.contains_key(entity) => members(project, entity),
        Some(from) => rows(project, from)?,
    };
    let mut text = format!("{name}:\n  description: What it holds, one row each.\n  sql: |\n");
    for line in sql.lines() {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "  key: [{}]   # columns that identify a row; audited before publishing", key.join(", "));
    text.push_str(
        "  # format: delta   # as a Delta table, with a version for every night that changed it\n  columns:\n",
    );
    for column in &key {
        let _ = writeln!(text, "    {column}: {{description: What the column means., not_null: true}}");
    }
    Ok(vec![Skeleton::new("marts", &text, reads)])
}

type Query = (String, Vec<String>, Option<Node>);

fn kpis(project: &Project) -> Result<Query, Box<Diagnostic>> {
    if project.kpis.is_empty() {
        return Err(missing("the mart reads KPIs, and the project has none", "`abmart add kpi NAME` adds one").boxed());
    }
    let sql = "select kpi, period_grain, period_start, value, prior_value, target, status\nfrom kpi_values\nwhere cut = 'all'";
    Ok((sql.to_owned(), ["kpi", "period_grain", "period_start"].map(str::to_owned).to_vec(), None))
}

/// Every member of an entity in every period, with the measures of one of its facts.
fn members(project: &Project, name: &str) -> Query {
    let entity = &project.entities[name];
    let mut key = vec!["period_grain".to_owned(), "period_start".to_owned()];
    key.push(entity.key.clone());
    let mut columns = key.clone();
    columns.extend(entity.dimensions.iter().map(|dimension| dimension.value.clone()));
    let own = |fact: &&String| formula::entity_of(project, fact) == Some(name);
    if let Some(fact) = project.facts.keys().find(own) {
        let measures = formula::measures(project, fact).unwrap_or_default();
        columns.extend(measures.iter().map(|measure| format!("{fact}_{measure}")));
    }
    let sql = format!("select {}\nfrom {name}", columns.join(", "));
    (sql, key, Some(Node::Entity(name.to_owned())))
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
    let sql = format!("select {}\nfrom {from}", relation.projection());
    Ok((sql, relation.key.clone(), Some(relation.node)))
}
