//! A fact.

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::model::Entity;
use abmart_spec::{Node, Project};

use super::relation::Relation;
use super::{Skeleton, missing, unknown};

/// A fact that counts the rows of a source, rollup or table for each member of an entity: by default of the first that
/// has a time, for the entity that KPIs are cut by.
///
/// # Errors
/// When there is nothing of these names, or nothing that can be counted.
pub fn fact(
    project: &Project,
    name: &str,
    from: Option<&str>,
    per: Option<&str>,
) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    let entities: Vec<&Entity> = match per {
        Some(per) => vec![
            project
                .entities
                .get(per)
                .ok_or_else(|| unknown("an entity", per, project.entities.keys().map(String::as_str)))?,
        ],
        None => project.cube_root().into_iter().chain(project.entities.values()).collect(),
    };
    if entities.is_empty() {
        return Err(missing(
            "a fact measures members of an entity, and the project has none",
            "`entities` of a job defines one",
        )
        .boxed());
    }
    let relations = match from {
        Some(from) => vec![Relation::named(project, from)?],
        None => Relation::all(project),
    };
    // What the engine alone knows the columns of is taken where it is asked for.
    let fits = |relation: &Relation, entity: &Entity| relation.has(&entity.key).unwrap_or(from.is_some());
    let pairs = entities.iter().flat_map(|entity| relations.iter().map(move |relation| (*entity, relation)));
    let found: Vec<Skeleton> = pairs
        .filter(|(entity, relation)| fits(relation, entity))
        .map(|(entity, relation)| skeleton(name, relation, entity))
        .collect();
    if found.is_empty() {
        let keys: Vec<String> = entities.iter().map(|entity| format!("`{}`", entity.key)).collect();
        let of = from.map_or("no source, rollup or table".to_owned(), |from| format!("`{from}` does not"));
        let verb = if from.is_some() { "have" } else { "has" };
        return Err(missing(
            &format!("{of} {verb} the key of an entity, by which its rows are counted"),
            &format!("the column would be one of {}", keys.join(", ")),
        )
        .boxed());
    }
    Ok(found)
}

fn skeleton(name: &str, relation: &Relation, entity: &Entity) -> Skeleton {
    let from = relation.name();
    let is_state = entity.snapshot.as_ref().is_some_and(|snapshot| snapshot.value == from);
    let body = if is_state {
        format!(
            "  state: true   # a row for each member of the snapshot, as it was at the period's end
  measures:
    known: {} is not null   # expressions over the columns of `{from}`
",
            entity.key
        )
    } else {
        let time = match (&relation.node, relation.time.as_deref(), relation.likely_time()) {
            (Node::Rollup(_), Some(time), _) | (_, None, Some(time)) => {
                format!("  time: {time}   # rows count in the period that it lies in\n")
            }
            _ => String::new(),
        };
        let aggregate = |field: &&super::relation::Field| matches!(field.aggregate.as_deref(), Some("count"));
        let counted = relation.columns.iter().flatten().find(aggregate);
        let measure = counted.map_or("count(*)".to_owned(), |field| format!("sum({})", field.name));
        format!(
            "{time}  # window: 90 days   # rows so far back from the period's end, instead of those in it
  # where: kind = 'new'   # rows that count
  measures:
    records: {measure}   # aggregates over the rows of `{from}`
"
        )
    };
    let text = format!(
        "\
{name}:
  description: What it measures of each {entity_name}.
  per: {entity_name}
  from: {from}
{body}",
        entity_name = entity.name,
    );
    Skeleton::new("facts", &text, Some(relation.node.clone()))
}
