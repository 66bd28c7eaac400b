//! An explanation as text for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use abmart_engine::explain::answer::{
    Adds, Aggregated, Contributions, Explanation, FactRows, Figures, Input, Ranked, Side, Step, Written,
};
use abmart_plan::Plan;

use super::figures::{number, percent, plain, table, with_unit};
use crate::text::{bytes, count};

/// What all explanations of a command have in common.
pub struct About<'a> {
    /// What the period is called.
    pub period: String,
    /// The plan.
    pub plan: &'a Plan,
    /// Dimension → value.
    pub cut: &'a BTreeMap<String, String>,
    /// The lake.
    pub lake: &'a str,
}

/// Files of a source that are named one by one.
const FILES: usize = 3;

/// The text of an explanation.
pub fn explanation(told: &Explanation, about: &About<'_>) -> String {
    let mut text = String::new();
    head(&mut text, told, about);
    for list in &told.contributions {
        contributions(&mut text, told, list);
    }
    for list in &told.ranked {
        ranked(&mut text, told, list);
    }
    for rows in &told.rows {
        fact_rows(&mut text, rows);
    }
    steps(&mut text, &told.steps);
    inputs(&mut text, &told.inputs, about.lake);
    text
}

fn head(text: &mut String, told: &Explanation, about: &About<'_>) {
    let _ = writeln!(text, "{} ({}), {}", told.title.en, told.kpi, told.unit);
    let cut: Vec<String> = about.cut.iter().map(|(dimension, value)| format!("{dimension} = {value}")).collect();
    let cut = if cut.is_empty() { "everything together".to_owned() } else { cut.join(", ") };
    let partial = about.plan.periods.first().filter(|period| period.partial);
    let so_far = partial.map(|_| format!(" up to {}", about.plan.as_of)).unwrap_or_default();
    let _ =
        writeln!(text, "{}{so_far}, {cut}; pipeline {} for {}\n", about.period, about.plan.pipeline, about.plan.as_of);
    let figures = told.figures.clone().unwrap_or_default();
    let shown = figures.value.map_or_else(|| "–".to_owned(), |value| with_unit(value, told.unit));
    let _ = writeln!(text, "  {:<12} {}", "value", shown);
    if let Some(why) = &told.no_value {
        let _ = writeln!(text, "  {:<12} {why}", "");
    }
    compared(text, &figures, told.unit, !about.cut.is_empty());
    let _ = writeln!(text, "  {:<12} {}{}", "formula", one_line(&told.formula.text), place(&told.formula));
    for (name, side) in [("numerator", &told.numerator), ("denominator", &told.denominator)] {
        let Some(Side { text: expression, value }) = side else { continue };
        let value = value.map_or_else(|| "–".to_owned(), number);
        let _ = writeln!(text, "  {name:<12} {value} = {expression}");
    }
    for (letter, aggregate) in letters().zip(&told.aggregates).filter(|(_, aggregate)| !is_a_side(told, aggregate)) {
        let Aggregated { text: expression, entity, value, adds_up, .. } = aggregate;
        let note = if *adds_up { "" } else { "; does not add up" };
        let _ =
            writeln!(text, "  {:<12} {} = {expression}  (over {entity}{note})", format!("[{letter}]"), plain(value));
    }
    for read in &told.kpis {
        let value = read.value.map_or_else(|| "–".to_owned(), number);
        let overall = read.overall.map(|value| format!(", {} of everything", number(value))).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<12} {value}{overall} = {}; `abmart explain {}` takes it apart",
            "kpi", read.kpi, read.kpi
        );
    }
}

/// Whether an aggregate is a whole side of the formula, so that what is said of the side is said of it.
fn is_a_side(told: &Explanation, aggregate: &Aggregated) -> bool {
    let sides = || [&told.numerator, &told.denominator].into_iter().flatten();
    let alone = told.numerator.is_none()
        && told.kpis.is_empty()
        && told
            .contributions
            .iter()
            .any(|list| list.members.iter().any(|member| member.adds.numerator == member.adds.values.first().copied()));
    aggregate.adds_up && (sides().any(|side| side.text == aggregate.text) || told.aggregates.len() == 1 && alone)
}

fn compared(text: &mut String, figures: &Figures, unit: &str, cut: bool) {
    let mut parts = Vec::new();
    if let Some(status) = &figures.status {
        let healthy = figures.benchmark.map(|limit| format!(", healthy at {}", with_unit(limit, unit)));
        parts.push(format!("{status}{}", healthy.unwrap_or_default()));
    }
    if let Some(target) = figures.target {
        let attained = figures.attainment.map(|share| format!(", {} of it", percent(share)));
        parts.push(format!("target {}{}", with_unit(target, unit), attained.unwrap_or_default()));
    }
    parts.extend(figures.rank.filter(|_| cut).map(|rank| format!("rank {} in the cut", number(rank))));
    parts.extend(figures.share_of_parent.map(|share| format!("{} of the cut above", percent(share))));
    parts.extend(figures.immature.map(|immature| format!("{} whose window is not over", number(immature))));
    parts.extend(figures.mature_value.map(|value| format!("{} over those whose window is", with_unit(value, unit))));
    if !parts.is_empty() {
        let _ = writeln!(text, "  {:<12} {}", "", parts.join("; "));
    }
}

fn contributions(text: &mut String, told: &Explanation, list: &Contributions) {
    let both = told.numerator.is_some();
    let sum = if both { "numerator" } else { "value" };
    let has = |side: fn(&Adds) -> Option<f64>| {
        list.members
            .iter()
            .map(|member| &member.adds)
            .chain(list.others.iter().map(|others| &others.adds))
            .any(|adds| side(adds).is_some())
    };
    let (top, share) = (has(|adds| adds.numerator), has(|adds| adds.share));
    let bottom = has(|adds| adds.denominator);
    let shown: Vec<usize> = (0..list.aggregates.len())
        .filter(|index| {
            let aggregate = list.aggregates.get(*index).and_then(|place| told.aggregates.get(*place));
            aggregate.is_none_or(|aggregate| !is_a_side(told, aggregate))
        })
        .collect();
    let mut header: Vec<String> = list.key.clone();
    header.push("name".to_owned());
    header.extend(top.then(|| sum.to_owned()));
    header.extend(share.then(|| "share".to_owned()));
    header.extend(bottom.then(|| "denominator".to_owned()));
    let named = shown.iter().filter_map(|index| letters().nth(*list.aggregates.get(*index)?));
    header.extend(named.map(|letter| format!("[{letter}]")));
    let cells = |adds: &Adds| {
        let cell = |value: Option<f64>, text: fn(f64) -> String| value.map_or_else(String::new, text);
        let mut cells = Vec::new();
        cells.extend(top.then(|| cell(adds.numerator, number)));
        cells.extend(share.then(|| cell(adds.share, percent)));
        cells.extend(bottom.then(|| cell(adds.denominator, number)));
        cells.extend(shown.iter().filter_map(|index| adds.values.get(*index)).map(|value| number(*value)));
        cells
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for member in &list.members {
        let mut row = key(&member.key, &list.entity);
        row.push(member.name.clone().unwrap_or_default());
        row.extend(cells(&member.adds));
        rows.push(row);
    }
    if let Some(others) = &list.others {
        let mut row = vec![String::new(); list.key.len()];
        row[0] = format!("the other {}", count(others.count));
        row.push(String::new());
        row.extend(cells(&others.adds));
        rows.push(row);
    }
    let _ = writeln!(text, "\nwhat adds up to it: {} × {}", count(list.contributing), list.entity);
    table(text, &header, &rows, list.key.len() + 1);
}

fn ranked(text: &mut String, told: &Explanation, list: &Ranked) {
    let aggregate = told.aggregates.get(list.aggregate).map(|aggregate| aggregate.text.as_str()).unwrap_or_default();
    let letter = letters().nth(list.aggregate).unwrap_or('?');
    let _ = writeln!(
        text,
        "\nwhat [{letter}] {aggregate} looks at: {} × {}; their values do not add up to it",
        count(list.count),
        list.entity
    );
    let ordered = list.members.iter().any(|member| member.order.is_some());
    let mut header = vec!["rank".to_owned()];
    header.extend(list.key.clone());
    header.extend(["name".to_owned(), "value".to_owned()]);
    header.extend(ordered.then(|| "goes by".to_owned()));
    let rows: Vec<Vec<String>> = list
        .members
        .iter()
        .map(|member| {
            let mut row = vec![member.rank.to_string()];
            row.extend(key(&member.key, &list.entity));
            row.extend([member.name.clone().unwrap_or_default(), plain(&member.value)]);
            row.extend(member.order.as_ref().map(plain));
            row
        })
        .collect();
    table(text, &header, &rows, header.len() - 1 - usize::from(ordered));
}

fn fact_rows(text: &mut String, rows: &FactRows) {
    let shown = rows.rows.len() as u64;
    let number = match rows.left_out {
        0 => count(shown),
        more => format!("the first {} of {}; `--limit` shows more", count(shown), count(shown + more)),
    };
    let _ = writeln!(text, "\nrows of `{}` behind fact `{}`: {number}", rows.from, rows.fact);
    let cells: Vec<Vec<String>> = rows.rows.iter().map(|row| row.iter().map(plain).collect()).collect();
    table(text, &rows.columns, &cells, rows.columns.len());
}

fn steps(text: &mut String, steps: &[Step]) {
    text.push_str("\nrows on the way\n");
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| {
            let counted: Vec<String> =
                step.rows.iter().map(|(what, rows)| format!("{} {}", count(*rows), what.replace('_', " "))).collect();
            let reads = if step.reads.is_empty() { String::new() } else { format!("reads {}", step.reads.join(", ")) };
            let place = Written { text: String::new(), file: step.file.clone(), line: step.line };
            vec![step.kind.to_owned(), step.name.clone(), counted.join(", "), place_of(&place), reads]
        })
        .collect();
    table(text, &[], &rows, 5);
}

fn inputs(text: &mut String, inputs: &[Input], lake: &str) {
    let _ = writeln!(text, "\nfiles read of {lake}");
    for input in inputs {
        let (rows, size) = input.files.iter().fold((0, 0), |(rows, size), file| (rows + file.rows, size + file.bytes));
        let files = input.files.len();
        let _ = writeln!(
            text,
            "  {:<20} {files} files, {} rows, {}: {}",
            input.source,
            count(rows),
            bytes(size),
            input.why
        );
        for file in input.files.iter().rev().take(FILES) {
            let _ = writeln!(text, "    {}  {} rows", file.key, count(file.rows));
        }
        if files > FILES {
            let _ = writeln!(text, "    and {} earlier ones", files - FILES);
        }
    }
}

fn key(key: &[Option<String>], entity: &str) -> Vec<String> {
    if key.iter().all(Option::is_none) {
        let mut none = vec![String::new(); key.len()];
        none[0] = format!("(no {entity})");
        return none;
    }
    key.iter().map(|part| part.clone().unwrap_or_else(|| "–".to_owned())).collect()
}

fn letters() -> impl Iterator<Item = char> {
    'a'..='z'
}

fn place(written: &Written) -> String {
    let place = place_of(written);
    if place.is_empty() { place } else { format!("  ({place})") }
}

fn place_of(written: &Written) -> String {
    match (&written.file, written.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => String::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
