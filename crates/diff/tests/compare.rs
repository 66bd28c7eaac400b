//! Changes of cells and their parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_diff::{Cause, Cells, Comparison, Cut, Figure, Key, Step, compare};
use abmart_spec::model::Grain;
use jiff::civil::{Date, date};
use proptest::prelude::*;

const JUNE: Date = date(2026, 6, 1);
const JULY: Date = date(2026, 7, 1);

fn key(kpi: &str, start: Date, region: &str) -> Key {
    let by = (!region.is_empty()).then(|| ("region".to_owned(), region.to_owned()));
    Key { kpi: kpi.into(), grain: Grain::Month, start, cut: Arc::new(Cut::new(by)) }
}

fn cells(of: &[(&str, Date, &str, f64)]) -> Cells {
    let figure = |value: f64| Figure { value: Some(value), denominator: None };
    of.iter().map(|(kpi, start, region, value)| (key(kpi, *start, region), figure(*value))).collect()
}

fn told(comparison: &Comparison) -> Vec<String> {
    let told = comparison.cells.iter().map(|cell| {
        let parts: Vec<String> = cell.parts.iter().map(|(cause, part)| format!("{cause:?} {part}")).collect();
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
        let (before, after) = (number(cell.before), number(cell.after));
        format!("{} {} {}: {before} -> {after} = {}", cell.key.kpi, cell.key.start, cell.key.cut, parts.join(", "))
    });
    told.collect()
}

#[test]
fn a_change_is_split_by_the_steps_on_the_way() {
    let v0 = cells(&[("deals", JUNE, "", 10.0), ("deals", JUNE, "EMEA", 4.0), ("wins", JUNE, "", 3.0)]);
    let v1 = cells(&[("deals", JUNE, "", 12.0), ("deals", JUNE, "EMEA", 4.0), ("wins", JUNE, "", 3.0)]);
    let v2 = cells(&[("deals", JUNE, "", 17.0), ("deals", JUNE, "EMEA", 5.0), ("wins", JUNE, "", 3.0)]);
    let steps = [Step { cause: Cause::Corrected, cells: &v1 }, Step { cause: Cause::NewData, cells: &v2 }];
    let comparison = compare(&v0, &steps, 0.0);
    let expected =
        ["deals 2026-06-01 all: 10 -> 17 = Corrected 2, NewData 5", "deals 2026-06-01 region=EMEA: 4 -> 5 = NewData 1"];
    assert_eq!(told(&comparison), expected);
    let tally = &comparison.tally;
    assert_eq!((tally.compared, tally.changed, tally.new, tally.gone), (3, 2, 0, 0));
    assert_eq!(tally.by_cause, BTreeMap::from([(Cause::Corrected, 1), (Cause::NewData, 2)]));
    assert_eq!(comparison.kpis.len(), 1, "a KPI without changes is not named");
    let total = comparison.kpis[0].total.map(|total| (total.before, total.after));
    assert_eq!(total, Some((Some(10.0), Some(17.0))));
}

#[test]
fn cells_come_and_go_and_nothing_counts_as_zero() {
    let before = cells(&[("deals", JUNE, "", 3.0), ("deals", JUNE, "APAC", 3.0)]);
    let after = cells(&[("deals", JUNE, "", 3.0), ("deals", JUNE, "EMEA", 3.0), ("deals", JUNE, "LATAM", 0.0)]);
    let comparison = compare(&before, &[Step { cause: Cause::Members, cells: &after }], 0.0);
    let expected = [
        "deals 2026-06-01 region=APAC: 3 -> - = Members -3",
        "deals 2026-06-01 region=EMEA: - -> 3 = Members 3",
        "deals 2026-06-01 region=LATAM: - -> 0 = ",
    ];
    assert_eq!(told(&comparison), expected);
    assert_eq!((comparison.tally.changed, comparison.tally.new, comparison.tally.gone), (0, 2, 1));
}

#[test]
fn what_happens_in_a_period_that_is_new_comes_last() {
    let before = cells(&[("deals", JUNE, "", 100.0)]);
    let after = cells(&[("deals", JUNE, "", 101.0), ("deals", JULY, "", 7.0)]);
    let comparison = compare(&before, &[Step { cause: Cause::NewData, cells: &after }], 0.0);
    let order: Vec<Date> = comparison.cells.iter().map(|cell| cell.key.start).collect();
    assert_eq!(order, [JUNE, JULY]);
    assert_eq!(comparison.periods_new.iter().map(|period| period.start).collect::<Vec<_>>(), [JULY]);
    assert_eq!(comparison.periods_gone, []);
}

#[test]
fn a_ratio_weighs_as_much_as_what_it_is_divided_by() {
    let of = |small: f64, large: f64| {
        let cell = |region: &str, value: f64, denominator: f64| {
            (key("rate", JUNE, region), Figure { value: Some(value), denominator: Some(denominator) })
        };
        Cells::from([cell("", 0.5, 100.0), cell("EMEA", large, 99.0), cell("APAC", small, 1.0)])
    };
    let (before, after) = (of(0.0, 0.5), of(1.0, 0.6));
    let comparison = compare(&before, &[Step { cause: Cause::NewData, cells: &after }], 0.0);
    let regions: Vec<String> = comparison.cells.iter().map(|cell| cell.key.cut.to_string()).collect();
    assert_eq!(regions, ["region=EMEA", "region=APAC"], "one account of a hundred weighs little");
}

#[test]
fn small_changes_can_be_left_out() {
    let before = cells(&[("deals", JUNE, "", 10.0), ("deals", JUNE, "EMEA", 10.0)]);
    let after = cells(&[("deals", JUNE, "", 11.0), ("deals", JUNE, "EMEA", 12.0)]);
    let comparison = compare(&before, &[Step { cause: Cause::NewData, cells: &after }], 1.5);
    assert_eq!(told(&comparison), ["deals 2026-06-01 region=EMEA: 10 -> 12 = NewData 2"]);
}

/// Cells of a few keys, with values of the sorts that KPIs have.
fn version() -> impl Strategy<Value = Cells> {
    let value = prop_oneof![(0_u32..50).prop_map(f64::from), 0.0..1.0_f64, -1e9..1e9_f64];
    let keys = prop::sample::subsequence(vec!["", "APAC", "EMEA", "LATAM"], 0..4);
    (keys, prop::collection::vec(value, 4)).prop_map(|(regions, values)| {
        regions.iter().zip(values).flat_map(|(region, value)| cells(&[("kpi", JUNE, region, value)])).collect()
    })
}

proptest! {
    #[test]
    fn parts_add_up_to_the_change_of_every_cell(versions in prop::collection::vec(version(), 6)) {
        let steps: Vec<Step> = Cause::ALL.iter().zip(&versions[1..]).map(|(cause, cells)| Step { cause: *cause, cells }).collect();
        let comparison = compare(&versions[0], &steps, 0.0);
        for cell in &comparison.cells {
            let forwards: f64 = cell.parts.values().sum();
            let backwards: f64 = cell.parts.values().rev().sum();
            prop_assert_eq!((forwards + 0.0).to_bits(), (cell.change + 0.0).to_bits());
            prop_assert_eq!((backwards + 0.0).to_bits(), (cell.change + 0.0).to_bits());
            let (before, after) = (cell.before.unwrap_or_default(), cell.after.unwrap_or_default());
            prop_assert!((cell.change - (after - before)).abs() <= 1e-5, "{:?}", cell);
        }
    }

    #[test]
    fn a_step_that_changes_nothing_has_no_part(before in version(), after in version(), at in 0_usize..5) {
        let steps: Vec<Step> = (Cause::ALL.iter().enumerate())
            .map(|(number, cause)| Step { cause: *cause, cells: if number < at { &before } else { &after } })
            .collect();
        for cell in compare(&before, &steps, 0.0).cells {
            prop_assert!(cell.parts.keys().all(|cause| *cause == Cause::ALL[at]), "{:?}", cell);
        }
    }
}
