//! Laws that the lineage of the shipped project keeps.

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use abmart_lineage::{ColumnRef, Lineage, name};
use abmart_spec::model::{MartBody, TableBody};
use abmart_spec::{Node, Project};

static PROJECT: LazyLock<Project> = LazyLock::new(support::shipped);
static LINEAGE: LazyLock<Lineage> = LazyLock::new(|| Lineage::of(&PROJECT));

/// A source, or a table whose rows the project holds.
fn is_origin(node: &Node) -> bool {
    let rows =
        |name: &String| PROJECT.tables.get(name).is_some_and(|table| matches!(table.body, TableBody::Rows { .. }));
    matches!(node, Node::Source(_)) || matches!(node, Node::Table(name) if rows(name))
}

/// Columns of marts whose values the engine makes, or constants. All others are made of data.
const MADE: &[&str] = &["as_of", "period_grain", "period_start", "period_end", "partial", "cut"];

/// Marts about the project itself, or about what checks have found.
const ABOUT_DEFINITIONS: &[&str] = &["kpi_catalog", "kpi_changes", "data_quality"];

#[test]
fn every_column_of_a_mart_comes_from_data_or_is_made() {
    let mut made: BTreeSet<String> = BTreeSet::new();
    for mart in PROJECT.marts.keys().filter(|mart| !ABOUT_DEFINITIONS.contains(&mart.as_str())) {
        let node = Node::Mart(mart.clone());
        for column in LINEAGE.columns(&node).filter(|column| !MADE.contains(column)) {
            let origins = LINEAGE.origins(&ColumnRef::new(node.clone(), column));
            if !origins.iter().any(|origin| is_origin(&origin.of)) {
                made.insert(format!("{mart}.{column}"));
            }
        }
    }
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    assert_eq!(made, Vec::<&str>::new());
}

#[test]
fn a_mart_has_the_columns_that_it_documents() {
    for mart in PROJECT.marts.values() {
        let node = Node::Mart(mart.name.clone());
        let known: BTreeSet<&str> = LINEAGE.columns(&node).collect();
        let documented: BTreeSet<&str> = mart.columns.keys().map(String::as_str).collect();
        let missing: Vec<_> = documented.difference(&known).collect();
        assert!(missing.is_empty(), "mart {} lacks {missing:?}", mart.name);
        let of_kpis = |name: &&&str| !PROJECT.kpis.contains_key(**name);
        let invented: Vec<_> = known.difference(&documented).filter(of_kpis).collect();
        assert!(invented.is_empty(), "mart {} has {invented:?}", mart.name);
    }
}

#[test]
fn every_edge_has_two_ends() {
    for definition in LINEAGE.definitions() {
        let of_columns = definition.columns.values().flat_map(|column| &column.inputs);
        for input in of_columns.chain(&definition.rows) {
            assert!(LINEAGE.has(&input.column), "{} of {}", input.column, name::id(&definition.node));
        }
    }
}

/// What a definition reads beside what the graph says that it needs: what all that reads the cube, or a child entity, needs
/// through it.
fn through(node: &Node) -> BTreeSet<Node> {
    LINEAGE
        .needs(node)
        .iter()
        .flat_map(|need| LINEAGE.upstream(need, None))
        .filter(|far| matches!(far, Node::Entity(_)))
        .collect()
}

#[test]
fn columns_come_from_definitions_that_the_graph_knows_to_be_needed() {
    for definition in LINEAGE.definitions() {
        let needed: BTreeSet<&Node> = LINEAGE.needs(&definition.node).iter().collect();
        let entities = through(&definition.node);
        let of_columns = definition.columns.values().flat_map(|column| &column.inputs);
        for input in of_columns.chain(&definition.rows) {
            let from = &input.column.of;
            assert!(
                needed.contains(from) || entities.contains(from),
                "{} reads {}, which the graph does not know",
                name::id(&definition.node),
                input.column
            );
        }
    }
}

#[test]
fn what_is_needed_gives_columns() {
    let mut without: BTreeSet<String> = BTreeSet::new();
    for definition in LINEAGE.definitions() {
        let of_columns = definition.columns.values().flat_map(|column| &column.inputs);
        let read: BTreeSet<&Node> = of_columns.chain(&definition.rows).map(|input| &input.column.of).collect();
        for need in LINEAGE.needs(&definition.node).iter().filter(|need| !read.contains(need)) {
            without.insert(format!("{} {}", name::id(&definition.node), name::id(need)));
        }
    }
    let without: Vec<&str> = without.iter().map(String::as_str).collect();
    assert_eq!(without, Vec::<&str>::new());
}

#[test]
fn every_definition_has_a_place_and_a_job() {
    for definition in LINEAGE.definitions() {
        assert!(definition.place.is_some(), "{}", name::id(&definition.node));
        assert!(PROJECT.jobs.contains_key(&definition.job), "{}", name::id(&definition.node));
    }
}

#[test]
fn up_is_the_way_down_back() {
    for node in LINEAGE.nodes() {
        for near in LINEAGE.upstream(node, None) {
            assert!(LINEAGE.downstream(&near, None).contains(node), "{} {}", name::id(node), name::id(&near));
        }
        for column in LINEAGE.columns(node) {
            let column = ColumnRef::new(node.clone(), column);
            for input in LINEAGE.inputs(&column) {
                let back = LINEAGE.outputs(&input.column).iter();
                let mut back = back.filter(|output| output.of == *node);
                assert!(
                    back.any(|output| output.column.as_ref().is_none_or(|name| *name == column.column)),
                    "{} {column}",
                    input.column
                );
            }
        }
    }
}

#[test]
fn every_query_is_read() {
    let empty = |node: &Node| LINEAGE.columns(node).next().is_none();
    for table in PROJECT.tables.keys() {
        assert!(!empty(&Node::Table(table.clone())), "table {table} has no columns");
    }
    for mart in PROJECT.marts.values() {
        assert!(!empty(&Node::Mart(mart.name.clone())), "mart {} has no columns", mart.name);
        if let MartBody::Sql(sql) = &mart.body {
            assert!(!sql.reads.is_empty());
        }
    }
}
