//! `kpis`.

use crate::model::{Benchmark, Better, Job, Kpi, Unit};
use crate::syntax::Entry;

use super::project::title;
use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Kpi> {
    let fields = Fields(&entry.node);
    let formula = decoder.expression(fields, "formula");
    let immature = decoder.expression(fields, "immature");
    let mature = decoder.expression(fields, "mature");
    Some(Kpi {
        name: entry.key.value.clone(),
        title: title(fields)?,
        description: fields.words("description"),
        formula: formula?,
        unit: unit(&fields.words("unit"))?,
        better: match fields.words("better").as_str() {
            "higher" => Better::Higher,
            "lower" => Better::Lower,
            _ => return None,
        },
        level: words(fields, "level"),
        cadence: fields.words("cadence"),
        owner: fields.text("owner").map_or_else(|| job.owner.clone(), |owner| owner.value),
        version: fields.whole("version").unwrap_or(1),
        core: fields.words("scope") != "local",
        styles: match fields.get("styles") {
            Some(_) => words(fields, "styles"),
            None => ["high_touch", "automated", "hybrid"].map(str::to_owned).to_vec(),
        },
        benchmark: fields.fields("benchmark").map(|fields| Benchmark {
            alarm: fields.number("alarm"),
            healthy: fields.number("healthy"),
            strong: fields.number("strong"),
        }),
        grains: fields.grains("grains"),
        compares: fields.text("compares"),
        immature,
        mature,
        published: fields.boolean("published").unwrap_or(true),
        job: job_name(job),
        span: entry.key.span,
    })
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
        _ => return None,
    })
}
