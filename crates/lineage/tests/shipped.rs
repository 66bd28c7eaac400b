//! Laws that the lineage of the shipped project keeps.

#![expect(clippy::expect_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use abmart_lineage::{ColumnRef, Input, Lineage};
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
    assert_eq!(
        made,
        [
            // The parts of a score and their weights, names and thresholds: the project says them.
            "account_scores.component",
            "account_scores.weight",
            "kpi_values.definition",
            "kpi_values.kpi",
            "score_bands.dimension",
            "score_bands.hot",
            "score_bands.score",
            "score_bands.warm",
        ]
    );
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
            assert!(LINEAGE.has(&input.column), "{} of {}", input.column, definition.node);
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
                definition.node,
                input.column
            );
        }
    }
}

/// What is needed without a column of it being read: journeys are put together by an attribution as a whole, and members of
/// an entity are counted, or belong to those of another one.
fn as_a_whole(node: &Node, need: &Node) -> bool {
    let attribution = |node: &Node| matches!(node, Node::Attribution(_));
    let members = matches!((node, need), (Node::Kpi(_) | Node::Entity(_), Node::Entity(_)));
    attribution(node) || attribution(need) || members
}

#[test]
fn what_is_needed_gives_columns() {
    for definition in LINEAGE.definitions() {
        let of_columns = definition.columns.values().flat_map(|column| &column.inputs);
        let read: BTreeSet<&Node> = of_columns.chain(&definition.rows).map(|input| &input.column.of).collect();
        for need in LINEAGE.needs(&definition.node) {
            let (reader, needed) = (definition.node.to_string(), need.to_string());
            assert!(read.contains(need) || as_a_whole(&definition.node, need), "{reader} reads nothing of {needed}");
        }
    }
}

/// A mart or an alert needs no KPI that it leaves out by a condition; all else is needed as the graph says.
#[test]
fn only_conditions_on_kpis_make_less_needed_than_the_graph_says() {
    let graph = PROJECT.graph();
    let settings = [&PROJECT.settings.targets, &PROJECT.settings.benchmarks];
    let of_cube = |need: &Node| {
        matches!(need, Node::Kpi(_))
            || settings.iter().filter_map(|role| role.as_ref()).any(|role| role.value == need.name())
    };
    for node in LINEAGE.nodes() {
        for need in graph.needs(node).iter().filter(|need| !LINEAGE.needs(node).contains(need)) {
            assert!(matches!(node, Node::Mart(_) | Node::Alert(_)) && of_cube(need), "{node} {need}");
        }
    }
    let alert = Node::Alert("slow_pipeline".to_owned());
    let kpis: Vec<&Node> = LINEAGE.needs(&alert).iter().filter(|need| matches!(need, Node::Kpi(_))).collect();
    assert_eq!(kpis, [&Node::Kpi("pipeline_velocity".to_owned())]);
}

#[test]
fn every_definition_has_a_place_and_a_job() {
    for definition in LINEAGE.definitions() {
        assert!(definition.place.is_some(), "{}", definition.node.to_string());
        assert!(PROJECT.jobs.contains_key(&definition.job), "{}", definition.node.to_string());
    }
}

#[test]
fn up_is_the_way_down_back() {
    for node in LINEAGE.nodes() {
        let near = |nodes: &[Node], other: &Node| nodes.contains(other);
        assert!(LINEAGE.needs(node).iter().all(|need| near(LINEAGE.needed_by(need), node)), "{}", node.to_string());
        assert!(LINEAGE.needed_by(node).iter().all(|reader| near(LINEAGE.needs(reader), node)), "{}", node.to_string());
    }
    let (mut up, mut down) = (0, 0);
    for definition in LINEAGE.definitions() {
        up += definition.columns.values().map(|column| column.inputs.len()).sum::<usize>() + definition.rows.len();
        for column in LINEAGE.columns(&definition.node) {
            let column = ColumnRef::new(definition.node.clone(), column);
            for output in LINEAGE.outputs(&column) {
                let reader = LINEAGE.definition(&output.of).expect("a definition");
                let inputs = output.column.as_ref().map_or(&reader.rows, |name| &reader.columns[name].inputs);
                let back = Input { column: column.clone(), how: output.how };
                assert!(inputs.binary_search(&back).is_ok(), "{column} in {}", output.of);
                down += 1;
            }
        }
    }
    assert_eq!(up, down);
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
