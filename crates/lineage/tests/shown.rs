//! Views as text, Mermaid, Graphviz' language, JSON, and `OpenLineage`'s facet.

#![expect(clippy::expect_used, reason = "tests")]

mod support;

use abmart_lineage::{Direction, Focus, Lineage, Target, facet, show};
use abmart_spec::Node;
use insta::assert_snapshot;
use rstest::rstest;
use support::{shipped, small};

fn targets(lineage: &Lineage, names: &[&str]) -> Vec<Target> {
    names.iter().map(|name| lineage.find(name).expect("a definition or column")).collect()
}

fn up(columns: bool, depth: Option<usize>) -> Focus {
    Focus { direction: Direction::Upstream, depth, columns, rows: false }
}

#[test]
fn a_definition_as_a_tree() {
    let lineage = Lineage::of(&small());
    let view = lineage.view(&targets(&lineage, &["coverage"]), &Focus::default());
    assert_snapshot!(show::text(&view), @"
    kpi coverage              jobs/base.yaml:87
      comes from
        entity account        jobs/base.yaml:6
          source accounts     jobs/base.yaml:10
        fact activity         jobs/base.yaml:60
          rollup touch_days   jobs/base.yaml:31
            source touches    jobs/base.yaml:18
        fact listing          jobs/base.yaml:55
      goes into
        kpi wins_by_coverage  jobs/base.yaml:92
        mart kpi_values       jobs/base.yaml:107
        mart wide             jobs/base.yaml:112
    ");
}

#[test]
fn a_column_as_a_tree() {
    let lineage = Lineage::of(&small());
    let view = lineage.view(&targets(&lineage, &["accounts_seen.industry"]), &Focus::default());
    assert_snapshot!(show::text(&view), @"
    mart accounts_seen.industry                jobs/base.yaml:122
      comes from
        fact listing.industry (as it is)       jobs/base.yaml:55
          source accounts.industry (as it is)  jobs/base.yaml:10
      goes into nothing else
    ");
}

#[test]
fn the_columns_of_a_definition() {
    let lineage = Lineage::of(&small());
    let view = lineage.view(&targets(&lineage, &["accounts_seen"]), &up(true, Some(1)));
    assert_snapshot!(show::text(&view), @"
    mart accounts_seen                          jobs/base.yaml:122
      period_start
        is a constant, or made by the engine
      account_id
        comes from
          entity account.account_id (as it is)  jobs/base.yaml:6
      region
        comes from
          entity account.region (as it is)      jobs/base.yaml:6
      industry
        comes from
          fact listing.industry (as it is)      jobs/base.yaml:55
      band
        comes from
          score engagement.band (as it is)      jobs/base.yaml:71
      engaged
        comes from
          fact activity.inbound (computed)      jobs/base.yaml:60
    ");
}

#[test]
fn a_removal() {
    let lineage = Lineage::of(&small());
    let target = lineage.find("accounts.industry").expect("a column");
    assert_snapshot!(show::removal(&lineage, &lineage.if_removed(&target)), @"
    without source accounts.industry  jobs/base.yaml:10

    breaks: no longer computes, for it names what is gone

      marts (1)
        accounts_seen  jobs/base.yaml:122
          gone: industry
          by source accounts.industry → fact listing.industry (as it is)

      facts (1)
        listing  jobs/base.yaml:55
          by source accounts.industry (as it is)

    2 break, 0 change
    ");
}

#[test]
fn json_names_ends_and_ways() {
    let lineage = Lineage::of(&small());
    let view = lineage.view(&targets(&lineage, &["accounts_seen.industry"]), &up(false, Some(1)));
    let text = serde_json::to_string_pretty(&show::json(&view)).expect("JSON");
    assert_snapshot!(text, @r#"
    {
      "targets": [
        {
          "definition": "mart:accounts_seen",
          "column": "industry"
        }
      ],
      "definitions": [
        {
          "id": "fact:listing",
          "kind": "fact",
          "name": "listing",
          "job": "base",
          "file": "jobs/base.yaml",
          "line": 55,
          "columns": [
            "industry"
          ]
        },
        {
          "id": "mart:accounts_seen",
          "kind": "mart",
          "name": "accounts_seen",
          "job": "base",
          "file": "jobs/base.yaml",
          "line": 122,
          "columns": [
            "industry"
          ]
        }
      ],
      "edges": [
        {
          "from": "fact:listing",
          "to": "mart:accounts_seen"
        }
      ],
      "column_edges": [
        {
          "from": {
            "definition": "fact:listing",
            "column": "industry"
          },
          "to": {
            "definition": "mart:accounts_seen",
            "column": "industry"
          },
          "type": "DIRECT",
          "subtype": "IDENTITY"
        }
      ]
    }
    "#);
}

#[test]
fn mermaid_and_dot() {
    let lineage = Lineage::of(&small());
    let focus = up(false, None);
    assert_snapshot!(show::mermaid(&lineage.view(&targets(&lineage, &["closed"]), &focus)), @r#"
    flowchart LR
      n0["source accounts"]
      n1["source deals"]
      n2["source fx_rates"]
      n3["table closings"]
      n4["entity account"]
      n5["entity deal"]
      n6["fact closed"]
      n0 --> n4
      n1 --> n3
      n2 --> n3
      n3 --> n6
      n4 --> n5
      n5 --> n6
      classDef target stroke-width:3px
      class n6 target
    "#);
    let view = lineage.view(&targets(&lineage, &["closed.won"]), &focus);
    assert_snapshot!(show::mermaid(&view), @r#"
    flowchart LR
      subgraph d0["source deals"]
        c0["is_won"]
      end
      subgraph d1["table closings"]
        c1["account_id"]
        c2["closed_on"]
        c3["deal_id"]
        c4["is_won"]
      end
      subgraph d2["entity deal"]
        c5["deal_id"]
      end
      subgraph d3["fact closed"]
        c6["won"]
        c7(["all rows"])
      end
      c0 -->|"as it is"| c4
      c1 -.->|"group by"| c7
      c2 -.->|"filter"| c7
      c3 -.->|"group by"| c7
      c4 -.->|"filter"| c6
      c5 -.->|"join"| c7
      classDef target stroke-width:3px
      class c6 target
    "#);
    assert_snapshot!(show::dot(&view), @r#"
    digraph lineage {
      rankdir=LR;
      node [shape=box];
      subgraph cluster_0 {
        label="source deals";
        "source:deals.is_won" [label="is_won"];
      }
      subgraph cluster_1 {
        label="table closings";
        "table:closings.account_id" [label="account_id"];
        "table:closings.closed_on" [label="closed_on"];
        "table:closings.deal_id" [label="deal_id"];
        "table:closings.is_won" [label="is_won"];
      }
      subgraph cluster_2 {
        label="entity deal";
        "entity:deal.deal_id" [label="deal_id"];
      }
      subgraph cluster_3 {
        label="fact closed";
        "fact:closed.won" [label="won", style=bold];
        "fact:closed rows" [label="all rows", shape=oval];
      }
      "entity:deal.deal_id" -> "fact:closed rows" [label="join", style=dashed];
      "source:deals.is_won" -> "table:closings.is_won" [label="as it is"];
      "table:closings.account_id" -> "fact:closed rows" [label="group by", style=dashed];
      "table:closings.closed_on" -> "fact:closed rows" [label="filter", style=dashed];
      "table:closings.deal_id" -> "fact:closed rows" [label="group by", style=dashed];
      "table:closings.is_won" -> "fact:closed.won" [label="filter", style=dashed];
    }
    "#);
}

/// Every line of a flowchart is one of the forms that Mermaid knows, every id is defined before it is used, and every
/// subgraph ends.
#[rstest]
#[case::definitions(&["kpi:win_rate"], false)]
#[case::columns(&["account_360"], true)]
#[case::one_column(&["touchpoints.channel"], false)]
fn a_flowchart_keeps_to_the_syntax(#[case] names: &[&str], #[case] columns: bool) {
    let lineage = Lineage::of(&shipped());
    let view = lineage.view(&targets(&lineage, names), &Focus { columns, depth: Some(2), ..Focus::default() });
    let text = show::mermaid(&view);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("flowchart LR"));
    let mut known = std::collections::BTreeSet::new();
    let mut open = 0;
    let id = |text: &str| text.chars().all(|character| character.is_ascii_alphanumeric()) && !text.is_empty();
    for line in lines.map(str::trim) {
        if let Some(rest) = line.strip_prefix("subgraph ") {
            let (name, label) = rest.split_once('[').expect("a label");
            assert!(id(name) && label.starts_with('"') && label.ends_with("\"]"), "{line}");
            open += 1;
        } else if line == "end" {
            open -= 1;
            assert!(open >= 0, "{text}");
        } else if line.starts_with("classDef ") || line.starts_with("class ") {
        } else if let Some((from, to)) = line.split_once(" --> ").or_else(|| {
            let (from, rest) = line.split_once(" -->|\"").or_else(|| line.split_once(" -.->|\""))?;
            Some((from, rest.split_once("\"| ")?.1))
        }) {
            assert!(known.contains(from) && known.contains(to), "{line}");
        } else {
            let (name, label) = line.split_once(['[', '(']).expect("a node");
            let inner = label.trim_start_matches('[').trim_end_matches([']', ')']);
            assert!(id(name) && inner.starts_with('"') && inner.ends_with('"'), "{line}");
            assert!(!inner[1..inner.len() - 1].contains('"'), "{line}");
            known.insert(name);
        }
    }
    assert_eq!(open, 0);
    assert!(known.len() > 3, "{text}");
}

/// All of it on one page is as long as there are definitions, and no line stands twice.
#[test]
fn a_tree_shows_every_definition_once() {
    let lineage = Lineage::of(&shipped());
    let target = targets(&lineage, &["source:touchpoints"]);
    let text = show::text(&lineage.view(&target, &Focus { direction: Direction::Downstream, ..Focus::default() }));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.starts_with('…')).collect();
    let unique: std::collections::BTreeSet<&&str> = lines.iter().collect();
    assert_eq!(unique.len(), lines.len(), "{text}");
}

#[test]
fn the_facet_leads_from_sources_to_marts() {
    let lineage = Lineage::of(&small());
    let dataset = |source: &str| (source != "fx_rates").then(|| ("file".to_owned(), format!("/lake/{source}")));
    let of = |mart: &str| facet::column_lineage(&lineage, &Node::Mart(mart.to_owned()), &dataset);
    assert_eq!(of("nothing"), None);
    let content = of("accounts_seen").expect("columns of sources");
    let text = serde_json::to_string_pretty(&content["fields"]["industry"]).expect("JSON");
    assert_snapshot!(text, @r#"
    {
      "inputFields": [
        {
          "namespace": "file",
          "name": "/lake/accounts",
          "field": "industry",
          "transformations": [
            {
              "type": "DIRECT",
              "subtype": "IDENTITY"
            }
          ]
        }
      ]
    }
    "#);
    let engaged = &content["fields"]["engaged"]["inputFields"];
    let fields: Vec<&str> =
        engaged.as_array().expect("inputs").iter().filter_map(|input| input["field"].as_str()).collect();
    assert_eq!(fields, ["direction"], "the count of inbound touches looks at their direction");
    let rows: Vec<&str> =
        content["dataset"].as_array().expect("inputs").iter().filter_map(|input| input["field"].as_str()).collect();
    assert!(rows.contains(&"kind") && rows.contains(&"at"), "{rows:?}");
    assert!(content["fields"].get("period_start").is_none(), "the engine makes periods");
}

#[test]
fn ids_are_found_again() {
    let lineage = Lineage::of(&shipped());
    for node in lineage.nodes() {
        assert_eq!(lineage.find(&node.to_string()), Ok(Target::Definition(node.clone())));
    }
}
