//! The report for machines: everything, in the order of the text.

use abmart_diff::{Cause, Cell, PeriodKey};
use abmart_plan::calendar::grain_name;
use serde_json::{Map, Value, json};

use super::{Data, Report, Without};
use crate::exit::{Failure, config};

/// The report as JSON.
///
/// # Errors
/// None that can happen: the report is plain data.
pub fn rendered(report: &Report) -> Result<String, Failure> {
    let mut all = Map::new();
    all.insert("pipeline".to_owned(), json!(report.pipeline));
    if let Some(data) = &report.data {
        all.extend(figures(data));
    }
    let breaking = report.definitions.iter().filter(|change| change.breaking).count();
    all.insert("breaking".to_owned(), json!(breaking));
    all.insert("definitions".to_owned(), json!(report.definitions));
    let text = serde_json::to_string_pretty(&Value::Object(all)).map_err(config)?;
    Ok(format!("{text}\n"))
}

fn figures(data: &Data) -> Map<String, Value> {
    let comparison = &data.comparison;
    let causes: Map<String, Value> = Cause::ALL.into_iter().map(|cause| (word(cause), of_cause(cause, data))).collect();
    let kpis: Vec<Value> = comparison
        .kpis
        .iter()
        .map(|kpi| {
            let total = kpi.total.map(|total| {
                let mut told = period(total.period);
                told.extend([("before".to_owned(), json!(total.before)), ("after".to_owned(), json!(total.after))]);
                told
            });
            json!({ "kpi": kpi.kpi, "cells": kpi.cells, "grand_total": total })
        })
        .collect();
    let cells: Vec<Value> = comparison.cells.iter().map(|cell| of_cell(cell, data)).collect();
    let periods = |periods: &[PeriodKey]| periods.iter().map(|key| Value::Object(period(*key))).collect::<Vec<_>>();
    let told = json!({
        "before": data.before.told(data.published[0]),
        "after": data.after.told(data.published[1]),
        "cells_compared": comparison.tally.compared,
        "cells_changed": comparison.tally.changed,
        "cells_new": comparison.tally.new,
        "cells_gone": comparison.tally.gone,
        "periods_new": periods(&comparison.periods_new),
        "periods_gone": periods(&comparison.periods_gone),
        "causes": causes,
        "lake": data.lake,
        "notes": data.notes,
        "computed": data.computed,
        "kpis": kpis,
        "cells": cells,
    });
    match told {
        Value::Object(told) => told,
        _ => Map::new(),
    }
}

/// What is known of a cause: `split` with the number of cells, `nothing` or `unknown` with the reason.
fn of_cause(cause: Cause, data: &Data) -> Value {
    match data.without.get(&cause) {
        None => {
            let cells = data.comparison.tally.by_cause.get(&cause).copied().unwrap_or_default();
            json!({ "state": "split", "cells": cells })
        }
        Some(Without::Nothing(why)) => json!({ "state": "nothing", "why": why }),
        Some(Without::Unknown(why)) => json!({ "state": "unknown", "why": why }),
    }
}

/// A cell; its parts add up to `change`, and one that is not known is null.
fn of_cell(cell: &Cell, data: &Data) -> Value {
    let part = |cause: Cause| match data.without.get(&cause) {
        Some(Without::Unknown(_)) => Value::Null,
        _ => json!(cell.parts.get(&cause).copied().unwrap_or_default()),
    };
    let parts: Map<String, Value> = Cause::ALL.into_iter().map(|cause| (word(cause), part(cause))).collect();
    let mut told = Map::new();
    told.insert("kpi".to_owned(), json!(&*cell.key.kpi));
    told.extend(period(PeriodKey { grain: cell.key.grain, start: cell.key.start }));
    told.insert("cut".to_owned(), json!(&*cell.key.cut));
    told.insert("before".to_owned(), json!(cell.before));
    told.insert("after".to_owned(), json!(cell.after));
    told.insert("change".to_owned(), json!(cell.change));
    told.insert("parts".to_owned(), Value::Object(parts));
    told.insert("weight".to_owned(), json!(cell.weight));
    Value::Object(told)
}

fn period(key: PeriodKey) -> Map<String, Value> {
    let PeriodKey { grain, start } = key;
    [("period_grain".to_owned(), json!(grain_name(grain))), ("period_start".to_owned(), json!(start))]
        .into_iter()
        .collect()
}

/// The cause in JSON.
fn word(cause: Cause) -> String {
    match cause {
        Cause::Corrected => "corrected",
        Cause::NewData => "new_data",
        Cause::Members => "members",
        Cause::Definitions => "definitions",
        Cause::Since => "corrected_since",
    }
    .to_owned()
}
