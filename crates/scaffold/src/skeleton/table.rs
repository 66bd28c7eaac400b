//! A SQL table.

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::{Node, Project};

use super::relation::Relation;
use super::{Skeleton, missing};

/// A table over a source, rollup or other table; by default the first source.
///
/// # Errors
/// When there is nothing of that name, or nothing at all.
pub fn table(project: &Project, name: &str, from: Option<&str>) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    let relation = if let Some(from) = from {
        Relation::named(project, from)?
    } else {
        let sources = Relation::all(project).into_iter().filter(|relation| matches!(relation.node, Node::Source(_)));
        sources.min_by_key(|source| source.time.is_some()).ok_or_else(|| {
            missing("a table reads sources, and the project has none", "`abmart add source NAME --from FILE` adds one")
        })?
    };
    let time = match &relation.time {
        Some(time) if !matches!(relation.node, Node::Rollup(_)) => {
            format!("  time: {time}   # the column that facts go by\n")
        }
        _ => "  # time: day   # the column that facts go by\n".to_owned(),
    };
    let text = format!(
        "\
{name}:
  description: What it holds, one row each.
{time}  # key: [{key}]   # columns that identify a row; checked in every run
  # for_each: month   # once a month or period, with snapshots as they were then
  sql: |
    select {projection}
    from {from}
",
        key = if relation.key.is_empty() { "id".to_owned() } else { relation.key.join(", ") },
        projection = relation.projection(),
        from = relation.name(),
    );
    Ok(vec![Skeleton::new("tables", &text, Some(relation.node))])
}
