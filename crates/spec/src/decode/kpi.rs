//! `kpis`.

use crate::diagnostic::Diagnostic;
use crate::model::{Benchmark, Better, Job, Kpi, Unit};
use crate::syntax::Entry;

use super::project::title;
use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Kpi> {
    let fields = Fields(&entry.node);
    let formula = decoder.expression(fields, "formula");
    let immature = decoder.expression(fields, "immature");
    let mature = decoder.expression(fields, "mature");
    let better = match fields.words("better").as_str() {
        "higher" => Better::Higher,
        "lower" => Better::Lower,
        _ => return None,
    };
    Some(Kpi {
        name: entry.key.value.clone(),
        title: title(fields)?,
        description: fields.words("description"),
        formula: formula?,
        unit: unit(&fields.words("unit"))?,
        better,
        level: words(fields, "level"),
        cadence: fields.words("cadence"),
        owner: fields.text("owner").map_or_else(|| job.owner.clone(), |owner| owner.value),
        version: fields.whole("version").unwrap_or(1),
        scope: job
            .pack
            .iter()
            .flat_map(|pack| &pack.scope)
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect(),
        core: job.pack.is_none(),
        styles: match fields.get("styles") {
            Some(_) => words(fields, "styles"),
            None => ["high_touch", "automated", "hybrid"].map(str::to_owned).to_vec(),
        },
        benchmark: fields.fields("benchmark").map(|limits| {
            if fields.words("unit") == "percent" {
                fractions(limits, decoder);
            }
            benchmark(limits, better, decoder)
        }),
        grains: fields.grains("grains"),
        compares: fields.text("compares"),
        cuts: fields.texts("cuts"),
        immature,
        mature,
        published: fields.boolean("published").unwrap_or(true),
        job: job_name(job),
        span: entry.key.span,
    })
}

/// Reports limits of a percentage that are likely written as if they were followed by `%`.
fn fractions(limits: Fields, decoder: &mut Decoder) {
    /// A return of ten times the cost is a percentage that somebody may want; more is not.
    const MOST: f64 = 10.0;
    let too_great = ["alarm", "healthy", "strong"].into_iter().find_map(|key| {
        let value = limits.number(key).filter(|value| value.abs() > MOST)?;
        Some((value, limits.get(key)?.span))
    });
    if let Some((value, place)) = too_great {
        decoder.diagnostics.push(
            Diagnostic::warning("percent-not-a-fraction", format!("{value} is {} %", value * 100.0))
                .at(place)
                .help(format!("a percentage is a fraction: {value} % is `{}`", value / 100.0)),
        );
    }
}

fn benchmark(fields: Fields, better: Better, decoder: &mut Decoder) -> Benchmark {
    let limits = ["alarm", "healthy", "strong"].map(|key| fields.number(key));
    let given: Vec<f64> = limits.into_iter().flatten().collect();
    let (word, order, in_order) = match better {
        Better::Higher => ("higher", "rise", given.is_sorted()),
        Better::Lower => ("lower", "fall", given.iter().rev().is_sorted()),
    };
    if !in_order {
        decoder.diagnostics.push(
            Diagnostic::error("benchmark-out-of-order", format!("the benchmark does not fit `better: {word}`"))
                .at(fields.0.span)
                .help(format!("alarm, healthy and strong {order} where {word} is better")),
        );
    }
    let [alarm, healthy, strong] = limits;
    Benchmark { alarm, healthy, strong }
}

fn words(fields: Fields, key: &str) -> Vec<String> {
    fields.texts(key).into_iter().map(|text| text.value).collect()
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "count" => Unit::Count,
        "money" => Unit::Money,
        "percent" => Unit::Percent,
        "ratio" => Unit::Ratio,
        "score" => Unit::Score,
        "days" => Unit::Days,
        "hours" => Unit::Hours,
        "seconds" => Unit::Seconds,
        _ => return None,
    })
}
