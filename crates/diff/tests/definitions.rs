//! What readers of the marts meet when a project changes, one change at a time.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use abmart_diff::definitions::{Change, Columns, Version, changes};
use abmart_spec::Project;
use rstest::rstest;

const PIPELINES: &str = "project: orders
pipelines:
  nightly:
    title: {en: Nightly, fr: Nuit}
    periods: {month: {}, week: {}}
";

const JOB: &str = "job: orders
title: {en: Orders, fr: Commandes}
entities:
  account: {key: account_id, snapshot: accounts, dimensions: [region]}
sources:
  accounts:
    kind: snapshot
    key: [account_id]
    columns: {account_id: string, region: string, revenue: number}
facts:
  worth:
    per: account
    from: accounts
    state: true
    measures: {revenue: revenue}
kpis:
  accounts:
    title: {en: Accounts, fr: Comptes}
    description: How many accounts there are.
    formula: count(*)
    unit: count
    better: higher
    level: [executive]
    cadence: monthly
  rich:
    title: {en: Rich, fr: Riches}
    description: How many bring anything.
    formula: count(*) filter (where worth.revenue > 0)
    unit: count
    better: higher
    level: [executive]
    cadence: monthly
marts:
  regions:
    sql: select region, count(*) as accounts, sum(revenue) as revenue from accounts group by region
    key: [region]
    sort: [region]
    columns:
      region: {description: Region.}
      accounts: {description: How many there are., unit: count}
      revenue: {description: What they bring.}
  kpi_values: {from: kpi_values, key: [kpi]}
  emea: {from: kpi_values, key: [kpi], where: region = 'EMEA'}
";

/// The project of these texts, and what the engine would say of its marts' columns.
fn version(pipelines: &str, job: &str) -> (Project, Columns) {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("jobs")).unwrap();
    std::fs::write(folder.path().join("pipelines.yaml"), pipelines).unwrap();
    std::fs::write(folder.path().join("jobs/orders.yaml"), job).unwrap();
    let (project, _) = abmart_spec::load(folder.path(), &BTreeMap::new(), &|_| None).unwrap();
    let column = |name: &str| (name.to_owned(), if name == "region" { "string" } else { "number" });
    let columns = project.marts.values().map(|mart| {
        let names = mart.columns.keys().map(|name| column(name));
        (mart.name.clone(), names.collect())
    });
    let columns = columns.collect();
    (project, columns)
}

fn told(changes: &[Change]) -> Vec<String> {
    let place = |place: &Option<abmart_diff::definitions::Place>| {
        place.as_ref().map_or_else(|| "-".to_owned(), |place| place.line.to_string())
    };
    let one = |change: &Change| {
        let mark = if change.breaking { "!" } else { " " };
        format!("{mark} {}: {} ({} → {})", change.code, change.message, place(&change.before), place(&change.after))
    };
    changes.iter().map(one).collect()
}

/// Changes from the shipped texts to those with one text replaced.
fn after(from: &str, to: &str) -> Vec<String> {
    assert!(PIPELINES.contains(from) || JOB.contains(from), "`{from}` is there");
    let old = version(PIPELINES, JOB);
    let new = version(&PIPELINES.replacen(from, to, 1), &JOB.replacen(from, to, 1));
    told(&changes(&Version { project: &old.0, columns: &old.1 }, &Version { project: &new.0, columns: &new.1 }))
}

#[rstest]
#[case::nothing("job: orders", "job: orders", &[])]
#[case::a_comment("      region: {description: Region.}", "      region: {description: The region.}", &[])]
#[case::a_mart_is_called_otherwise("  regions:\n", "  areas:\n", &[
    "! mart-renamed: mart `regions` is called `areas` now (34 → 34)",
])]
#[case::a_mart_is_gone("  emea: {from: kpi_values, key: [kpi], where: region = 'EMEA'}\n", "", &[
    "! mart-removed: mart `emea` is gone (43 → -)",
])]
#[case::a_mart_is_new("  kpi_values: {from: kpi_values, key: [kpi]}\n", "  kpi_values: {from: kpi_values, key: [kpi]}\n  kpi_catalog: {from: kpi_catalog, key: [kpi]}\n", &[
    "  mart-added: mart `kpi_catalog` is new (- → 43)",
])]
#[case::the_sort_order("sort: [region]", "sort: [revenue]", &[
    "! sort-changed: the sort order of mart `regions` is (revenue), not (region) (37 → 37)",
])]
#[case::the_key("key: [region]\n    sort", "key: [region, accounts]\n    sort", &[
    "! key-changed: the key of mart `regions` is (region, accounts), not (region) (36 → 36)",
])]
#[case::the_format("  kpi_values: {from: kpi_values, key: [kpi]}", "  kpi_values: {from: kpi_values, key: [kpi], format: delta}", &[
    "! format-changed: mart `kpi_values` is published as `delta`, not `parquet` (42 → 42)",
])]
#[case::the_rows("where: region = 'EMEA'", "where: region = 'APAC'", &[
    "! rows-changed: mart `emea` shows other rows: its `where` has changed (43 → 43)",
])]
#[case::another_unit("      revenue: {description: What they bring.}", "      revenue: {description: What they bring., unit: money}", &[
    "! unit-changed: column `revenue` of mart `regions` is in `money`, not no unit (41 → 41)",
])]
#[case::a_kpi_is_called_otherwise("  rich:\n", "  wealthy:\n", &["! kpi-renamed: KPI `rich` is called `wealthy` now (25 → 25)"])]
#[case::a_kpi_is_published_no_longer("    formula: count(*) filter (where worth.revenue > 0)\n", "    published: false\n    formula: count(*) filter (where worth.revenue > 0)\n", &[
    "! kpi-removed: KPI `rich` is published no longer (25 → 25)",
])]
#[case::another_meaning("worth.revenue > 0", "worth.revenue > 9", &[
    "! meaning-changed-silently: KPI `rich` means something else under the same version 1: `count(*) filter (where worth.revenue > 9)` instead of `count(*) filter (where worth.revenue > 0)` (28 → 28)",
])]
#[case::another_meaning_and_version("worth.revenue > 0)\n", "worth.revenue > 9)\n    version: 2\n", &[
    "  meaning-changed: KPI `rich` means something else since version 2: `count(*) filter (where worth.revenue > 9)` instead of `count(*) filter (where worth.revenue > 0)` (28 → 28)",
])]
#[case::another_meaning_upstream("{revenue: revenue}", "{revenue: revenue * 2}", &[
    "! meaning-changed-silently: KPI `rich` means something else under the same version 1: what its formula is made of has changed (28 → 28)",
])]
#[case::another_direction("    better: higher\n    level: [executive]\n    cadence: monthly\n  rich", "    better: lower\n    level: [executive]\n    cadence: monthly\n  rich", &[
    "! direction-changed: of KPI `accounts` `lower` is better, not `higher` (17 → 17)",
])]
#[case::a_grain("{month: {}, week: {}}", "{month: {}}", &[
    "! grain-removed: pipeline `nightly` computes no periods of the grain `week` any more (3 → 3)",
])]
fn one_change(#[case] from: &str, #[case] to: &str, #[case] expected: &[&str]) {
    assert_eq!(after(from, to), expected);
}

#[test]
fn columns_are_gone_new_renamed_and_retyped() {
    let (old, mut before) = version(PIPELINES, JOB);
    let sql = JOB.replace("count(*) as accounts, sum(revenue) as revenue", "count(*) as members, avg(revenue) as mean");
    let sql = sql
        .replace("      accounts: {", "      members: {")
        .replace("      revenue: {description: What they bring.}", "      mean: {description: Average.}");
    let (new, after) = version(PIPELINES, &sql);
    before.get_mut("regions").unwrap()[0].1 = "integer";
    let old = Version { project: &old, columns: &before };
    let expected = [
        "! column-removed: column `revenue` of mart `regions` is gone (41 → 34)",
        "! type-changed: column `region` of mart `regions` is a `string`, not a `integer` (39 → 39)",
        "! column-renamed: column `accounts` of mart `regions` is called `members` now (40 → 40)",
        "  mart-redefined: the rows of mart `regions` are computed otherwise (35 → 35)",
        "  column-added: column `mean` of mart `regions` is new (34 → 41)",
    ];
    assert_eq!(told(&changes(&old, &Version { project: &new, columns: &after })), expected);
}
