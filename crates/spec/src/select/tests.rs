#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;

use super::*;
use crate::diagnostic::{SourceMap, render};

/// A chain in one job, a local KPI on top of it in another one.
const CORE: &str = "
job: sales
title: {en: Sales, fr: Ventes}
owner: sales-operations
entities:
  account: {key: account_id, snapshot: accounts, dimensions: [region]}
sources:
  accounts: {kind: snapshot, key: [account_id], columns: {account_id: string, region: string}}
  orders: {kind: events, time: at, columns: {account_id: string, at: timestamp, amount: number}}
rollups:
  order_days: {from: orders, by: {account_id: account_id, day: bucket(at)}, measures: {orders: count(*)}}
tables:
  sold: {time: day, sql: 'select account_id, day, orders from order_days'}
facts:
  sold: {per: account, from: sold, measures: {orders: sum(orders)}}
  listing: {per: account, from: accounts, state: true, measures: {in_emea: region = 'EMEA'}}
kpis:
  order_count:
    title: {en: Orders, fr: Commandes}
    formula: sum(sold.orders)
    unit: count
    better: higher
    level: [executive]
    cadence: weekly
    owner: finance
  order_rate:
    title: {en: Orders per account, fr: Commandes par compte}
    formula: order_count / count(*) filter (where listing.in_emea)
    unit: ratio
    better: higher
    level: [regional]
    cadence: monthly
marts:
  accounts: {sql: 'select account_id, sold_orders from account', key: [account_id]}
";
const LOCAL: &str = "
job: emea
title: {en: EMEA, fr: EMEA}
owner: emea-sales
pack: {prefix: emea, scope: {region: EMEA}}
kpis:
  emea_listed:
    title: {en: Listed, fr: Inscrits}
    formula: count(*) filter (where listing.in_emea)
    unit: count
    better: higher
    level: [regional]
    cadence: monthly
";
const PIPELINES: &str = "
project: small
settings: {currency: EUR, time_zone: UTC}
jobs: [jobs/*.yaml, jobs/local/*.yaml]
pipelines: {nightly: {title: {en: N, fr: N}, periods: {month: {}}, cube: [region]}}
";

fn project() -> Project {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::create_dir_all(folder.path().join("jobs/local")).unwrap();
    for (path, text) in [("pipelines.yaml", PIPELINES), ("jobs/sales.yaml", CORE), ("jobs/local/emea.yaml", LOCAL)] {
        std::fs::write(folder.path().join(path), text).unwrap();
    }
    let loaded = crate::load(folder.path(), &BTreeMap::new(), &|_| None);
    loaded.map_err(|error| error.render(false)).unwrap().0
}

/// What a selector selects, as words.
fn selected(project: &Project, selector: &str) -> Result<BTreeSet<Node>, String> {
    let failed = |findings: Vec<Diagnostic>| render(&findings, &SourceMap::default(), false);
    let selector = Selector::parse(selector).map_err(|finding| failed(vec![*finding]))?;
    select(project, &[selector], &[]).map_err(failed)
}

#[rstest]
#[case::a_name("order_count", "kpi:order_count")]
#[case::a_name_of_several_kinds("sold", "table:sold fact:sold")]
#[case::a_kind("fact:sold", "fact:sold")]
#[case::all_of_a_kind("fact:*", "fact:listing fact:sold")]
#[case::like("order_*", "rollup:order_days kpi:order_count kpi:order_rate")]
#[case::one_letter("kpi:order_rat?", "kpi:order_rate")]
#[case::a_job("job:emea", "kpi:emea_listed")]
#[case::core("kpi:*,tag:core", "kpi:order_count kpi:order_rate")]
#[case::local("tag:local", "kpi:emea_listed")]
#[case::a_level("tag:executive", "kpi:order_count")]
#[case::a_cadence("tag:monthly", "kpi:emea_listed kpi:order_rate")]
#[case::a_unit("tag:ratio", "kpi:order_rate")]
#[case::a_file("path:jobs/local/emea.yaml", "kpi:emea_listed")]
#[case::a_folder("path:./jobs/local/", "kpi:emea_listed")]
#[case::a_path_without_method("jobs/local", "kpi:emea_listed")]
#[case::a_wildcard_stays_in_its_folder("kpi:*,path:jobs/*.yaml", "kpi:order_count kpi:order_rate")]
#[case::an_owner("owner:finance", "kpi:order_count")]
#[case::an_owner_of_a_job("owner:emea-*", "kpi:emea_listed")]
#[case::what_it_needs(
    "+kpi:order_count",
    "source:accounts source:orders rollup:order_days table:sold entity:account fact:sold kpi:order_count"
)]
#[case::one_step_down("1+order_count", "entity:account fact:sold kpi:order_count")]
#[case::no_step("0+order_count+0", "kpi:order_count")]
#[case::what_needs_it(
    "rollup:order_days+",
    "rollup:order_days table:sold fact:sold kpi:order_count kpi:order_rate mart:accounts"
)]
#[case::one_step_up("fact:sold+1", "fact:sold kpi:order_count mart:accounts")]
#[case::both_ways("1+table:sold+1", "rollup:order_days table:sold fact:sold")]
#[case::with_all_that_dependents_need(
    "@kpi:order_count",
    "source:accounts source:orders rollup:order_days table:sold entity:account fact:listing fact:sold kpi:order_count kpi:order_rate"
)]
#[case::union("emea_listed order_rate", "kpi:emea_listed kpi:order_rate")]
#[case::intersection("+order_count,+mart:accounts,source:*", "source:accounts source:orders")]
#[case::union_of_intersections("fact:*,sold kpi:*,tag:local", "fact:sold kpi:emea_listed")]
#[case::nothing_in_common("job:emea,fact:*", "")]
fn selects(#[case] selector: &str, #[case] expected: &str) {
    let found = selected(&project(), selector).unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.join(" "), expected);
}

#[rstest]
#[case("order_cuont", "`order_cuont` is not a definition of the project", "did you mean `order_count`?")]
#[case("kpi:sold", "`sold` is not a KPI of the project", "`table:sold` is one")]
#[case("emea", "`emea` is not a definition of the project", "`emea` is a job: `job:emea`")]
#[case("executive", "`executive` is not a definition of the project", "`executive` is a tag: `tag:executive`")]
#[case("tag:montly", "`montly` is not a tag of the project", "did you mean `tag:monthly`?")]
#[case("owner:finanec", "`finanec` is not an owner of the project", "did you mean `owner:finance`?")]
#[case("jobs/sale.yaml", "`jobs/sale.yaml` is not a file of definitions", "did you mean `path:jobs/sales.yaml`?")]
#[case("alert:*", "no alert is like `*`", "")]
#[case("kpis:order_count", "`kpis:` is no method of selectors", "did you mean `kpi:order_count`?")]
#[case("model:x", "`model:` is no method of selectors", "known are `source:`, `rollup:`")]
#[case("kpi:", "`kpi:` names nothing", "`*` stands for every name")]
#[case("a,,b", "`` names nothing", "`*` stands for every name")]
#[case(" ", "a selector is empty", "`job:engagement`")]
#[case("@x+", "`@x+` has both `@` and `+`", "adds nothing")]
#[case("99999999999999999999+x", "goes too far", "goes all the way")]
#[case("kpi:[", "`[` is no pattern", "`?` for one")]
fn says_what_is_wrong(#[case] selector: &str, #[case] message: &str, #[case] help: &str) {
    let said = selected(&project(), selector).unwrap_err();
    assert!(said.contains(message) && said.contains(help), "{said}");
}

#[test]
fn no_selector_selects_everything_and_exclude_takes_away() {
    let project = project();
    let exclude = [Selector::parse("order_rate source:*").unwrap(), Selector::parse("path:jobs/local").unwrap()];
    let everything = select(&project, &[], &[]).unwrap();
    let left = select(&project, &[], &exclude).unwrap();
    assert_eq!(everything, project.order().into_iter().collect());
    let gone: Vec<String> = everything.difference(&left).map(ToString::to_string).collect();
    assert_eq!(gone.join(" "), "source:accounts source:orders kpi:emea_listed kpi:order_rate");
}

#[test]
fn every_mistyped_word_is_named_at_once() {
    let selectors = [Selector::parse("ordr_count,solt").unwrap(), Selector::parse("job:sale").unwrap()];
    let exclude = [Selector::parse("tag:cor").unwrap()];
    let findings = select(&project(), &selectors, &exclude).unwrap_err();
    let help: Vec<&str> = findings.iter().filter_map(|finding| finding.help.as_deref()).collect();
    assert_eq!(
        help,
        [
            "did you mean `order_count`?",
            "did you mean `sold`?",
            "did you mean `job:sales`?",
            "did you mean `tag:core`?"
        ]
    );
}

#[test]
fn laws_hold_for_every_definition() {
    let project = project();
    let graph = project.graph();
    let of = |selector: String| selected(&project, &selector).unwrap();
    for node in graph.order() {
        let alone = of(node.to_string());
        assert_eq!(alone, BTreeSet::from([node.clone()]), "{node} as it is written selects itself");
        let below = of(format!("+{node}"));
        let above = of(format!("{node}+"));
        assert_eq!(below, graph.closure([node.clone()]).into_iter().collect(), "+{node}");
        assert_eq!(above, graph.dependents(node).into_iter().chain([node.clone()]).collect(), "{node}+");
        let again: BTreeSet<Node> = below.iter().flat_map(|need| of(format!("+{need}"))).collect();
        assert_eq!(again, below, "what is needed is closed");
        assert_eq!(&of(format!("+{node}+")), &(&below | &above));
        let closed: BTreeSet<Node> = above.iter().flat_map(|one| of(format!("+{one}"))).collect();
        assert_eq!(of(format!("@{node}")), closed, "@{node}");
        let mut last = alone;
        for steps in 1..=graph.order().len() {
            let further = of(format!("{steps}+{node}"));
            assert!(further.is_superset(&last) && below.is_superset(&further), "{steps}+{node}");
            last = further;
        }
        assert_eq!(last, below, "as many steps as there are definitions go all the way");
        for other in graph.order() {
            let needs = below.contains(other);
            assert_eq!(needs, of(format!("{other}+")).contains(node), "{node} needs {other}, or {other} has it above");
            let both = of(format!("+{node},+{other}"));
            assert_eq!(both, of(format!("+{other},+{node}")), "a comma has no order");
            assert_eq!(both, &below & &of(format!("+{other}")));
            assert_eq!(of(format!("{node} {other}")), BTreeSet::from([node.clone(), other.clone()]));
        }
    }
}
