//! The report for people.

use std::fmt::Write as _;

use abmart_diff::definitions::Change;
use abmart_diff::{Cause, Cell, PeriodKey, Tally};
use abmart_plan::calendar::Period;
use abmart_plan::period_text;
use abmart_spec::Project;
use abmart_spec::model::Unit;

use super::{Data, FileChanges, Report, Without};
use crate::text::count;

/// The page; of KPIs and cells the first `top`.
pub fn rendered(report: &Report, top: usize) -> String {
    let mut text = String::new();
    if let Some(data) = &report.data {
        let _ = writeln!(text, "{}: {} → {}", report.pipeline, data.before.label(), data.after.label());
        figures(&mut text, data, top);
    }
    definitions(&mut text, &report.definitions, report.data.is_none());
    text
}

fn figures(text: &mut String, data: &Data, top: usize) {
    let comparison = &data.comparison;
    let tally = &comparison.tally;
    let _ = writeln!(text, "  compared   {} cells: {}", count(tally.compared as u64), data.words);
    let _ = writeln!(text, "  changed    {}", changed(tally));
    for (word, periods) in [("new", &comparison.periods_new), ("no longer", &comparison.periods_gone)] {
        if !periods.is_empty() {
            let named: Vec<String> = periods.iter().map(|key| period(*key, &data.project)).collect();
            let _ = writeln!(text, "  {word:<9}  periods {}", named.join(", "));
        }
    }
    for note in &data.notes {
        let _ = writeln!(text, "  note       {note}");
    }
    if tally.all() == 0 && data.without.values().all(|without| matches!(without, Without::Nothing(_))) {
        return;
    }
    let _ = writeln!(text, "\n{:<44} {:>9}", "why", "cells");
    for cause in Cause::ALL {
        why(text, cause, data);
    }
    kpis(text, data, top);
    cells(text, data, top);
}

fn why(text: &mut String, cause: Cause, data: &Data) {
    let name = name(cause, &data.project);
    let _ = match data.without.get(&cause) {
        // Nobody asks for what is seldom there.
        Some(Without::Nothing(_)) if cause == Cause::Since => return,
        Some(Without::Nothing(why)) => writeln!(text, "  {name:<42} {:>9}  {why}", "-"),
        Some(Without::Unknown(why)) => writeln!(text, "  {name:<42} {:>9}  {why}", "unknown"),
        None => {
            let cells = data.comparison.tally.by_cause.get(&cause).copied().unwrap_or_default();
            let files = if cause == Cause::Corrected { files(data) } else { String::new() };
            let line = format!("  {name:<42} {:>9}  {files}", count(cells as u64));
            writeln!(text, "{}", line.trim_end())
        }
    };
}

fn kpis(text: &mut String, data: &Data, top: usize) {
    let kpis = &data.comparison.kpis;
    if kpis.is_empty() || top == 0 {
        return;
    }
    let _ = writeln!(text, "\n{:<44} {:>9}  grand total", "KPIs that changed most", "cells");
    for kpi in kpis.iter().take(top) {
        let cells = count(kpi.cells.all() as u64);
        let unit = unit(&kpi.kpi, data);
        let total = kpi.total.map(|total| {
            let (period, before, after) = (period(total.period, &data.project), total.before, total.after);
            format!("{period}  {}", way(before, after, unit))
        });
        let line = format!("  {:<42} {cells:>9}  {}", kpi.kpi, total.unwrap_or_default());
        let _ = writeln!(text, "{}", line.trim_end());
    }
    more(text, kpis.len(), top);
}

fn cells(text: &mut String, data: &Data, top: usize) {
    let cells = &data.comparison.cells;
    if cells.is_empty() || top == 0 {
        return;
    }
    let _ = writeln!(text, "\ncells that changed most");
    for cell in cells.iter().take(top) {
        one(text, cell, data);
    }
    more(text, cells.len(), top);
}

fn one(text: &mut String, cell: &Cell, data: &Data) {
    let key = &cell.key;
    let unit = unit(&key.kpi, data);
    let period = period(PeriodKey { grain: key.grain, start: key.start }, &data.project);
    let _ = writeln!(
        text,
        "  {}  {period}  {}  {}  {}",
        key.kpi,
        key.cut,
        way(cell.before, cell.after, unit),
        signed(cell.change, unit)
    );
    let parts: Vec<String> = cell
        .parts
        .iter()
        .map(|(cause, part)| format!("{} {}", short(*cause, &data.project), signed(*part, unit)))
        .collect();
    if !parts.is_empty() {
        let _ = writeln!(text, "      {}", parts.join(", "));
    }
}

fn definitions(text: &mut String, changes: &[Change], alone: bool) {
    if changes.is_empty() {
        if alone {
            text.push_str("the definitions are the same for readers of the marts\n");
        }
        return;
    }
    let (breaking, others): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| change.breaking);
    for (title, changes) in [("definitions: breaking changes", breaking), ("definitions: other changes", others)] {
        if changes.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{title}");
        for change in changes {
            let _ = writeln!(text, "  {}: {}", change.code, change.message);
            let places: Vec<String> = [("before", &change.before), ("after", &change.after)]
                .into_iter()
                .filter_map(|(side, place)| Some(format!("{side} {}", place.as_ref()?)))
                .collect();
            if !places.is_empty() {
                let _ = writeln!(text, "      {}", places.join(", "));
            }
            if let Some(help) = &change.help {
                let _ = writeln!(text, "      help: {help}");
            }
        }
    }
}

fn changed(tally: &Tally) -> String {
    if tally.all() == 0 {
        return "nothing".to_owned();
    }
    let (changed, new, gone) = (tally.changed as u64, tally.new as u64, tally.gone as u64);
    format!("{} cells; {} new, {} gone", count(changed), count(new), count(gone))
}

fn more(text: &mut String, all: usize, shown: usize) {
    if all > shown {
        let _ = writeln!(text, "  … and {} more", count((all - shown) as u64));
    }
}

fn name(cause: Cause, project: &Project) -> String {
    match cause {
        Cause::Corrected => "corrected or late data".to_owned(),
        Cause::NewData => "new data".to_owned(),
        Cause::Members => format!("{} that moved, joined or left", members(project)),
        Cause::Definitions => "changed definitions".to_owned(),
        Cause::Since => "corrected since AFTER was published".to_owned(),
    }
}

fn short(cause: Cause, project: &Project) -> String {
    match cause {
        Cause::Corrected => "corrected".to_owned(),
        Cause::Members => members(project),
        Cause::Since => "corrected since".to_owned(),
        Cause::NewData | Cause::Definitions => name(cause, project).replace("changed ", ""),
    }
}

/// What the members of the cube are called.
fn members(project: &Project) -> String {
    let root = project.cube_root();
    let source = root.and_then(|root| root.snapshot.as_ref()).map(|name| name.value.clone());
    source.unwrap_or_else(|| "members".to_owned())
}

fn files(data: &Data) -> String {
    let of = |(source, changes): (&String, &FileChanges)| {
        let counted = [("changed", changes.changed), ("came", changes.came), ("gone", changes.gone)];
        let words: Vec<String> = counted
            .into_iter()
            .filter(|(_, files)| *files > 0)
            .map(|(word, files)| format!("{files} {word}"))
            .collect();
        format!("{source} {}", words.join(" "))
    };
    let named: Vec<String> = data.lake.iter().map(of).collect();
    if named.is_empty() { String::new() } else { format!("files: {}", named.join(", ")) }
}

fn period(key: PeriodKey, project: &Project) -> String {
    let first = project.settings.fiscal_year_start;
    period_text(&Period::holding(key.grain, key.start, key.start, first.unwrap_or(1)), first)
}

fn unit(kpi: &str, data: &Data) -> Unit {
    data.units.get(kpi).copied().unwrap_or(Unit::Ratio)
}

fn way(before: Option<f64>, after: Option<f64>, unit: Unit) -> String {
    let told = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| number(value, unit));
    format!("{} → {}", told(before), told(after))
}

fn signed(value: f64, unit: Unit) -> String {
    let sign = if value < 0.0 { "" } else { "+" };
    format!("{sign}{}", number(value, unit))
}

/// A number with separators and at most so many decimals that five digits are significant; percents as such.
fn number(value: f64, unit: Unit) -> String {
    let (value, sign) = if unit == Unit::Percent { (value * 100.0, " %") } else { (value, "") };
    let size = value.abs();
    let decimals = match size {
        _ if size >= 1000.0 => 2,
        _ if size >= 10.0 => 3,
        _ if size >= 0.1 || size == 0.0 => 4,
        _ => 6,
    };
    let text = format!("{size:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), count);
    let fraction = fraction.trim_end_matches('0');
    let minus = if value < 0.0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{minus}{whole}{point}{fraction}{sign}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1_234_567.0, Unit::Count, "1,234,567")]
    #[case(-1_234.5, Unit::Money, "-1,234.5")]
    #[case(0.541_23, Unit::Percent, "54.123 %")]
    #[case(0.0, Unit::Ratio, "0")]
    #[case(2.5, Unit::Days, "2.5")]
    #[case(0.000_123, Unit::Ratio, "0.000123")]
    fn numbers_are_short_and_exact_enough(#[case] value: f64, #[case] unit: Unit, #[case] text: &str) {
        assert_eq!(number(value, unit), text);
    }
}
