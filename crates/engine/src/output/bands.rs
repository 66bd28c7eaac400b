//! Thresholds of bands that follow the data: quantiles of the scores of the last twelve whole months, per value of the
//! dimension that the bands go by.
//!
//! They hold from the month after the one in which they were estimated, so that all nights of a month use the same ones,
//! and so that what a night estimates has no part in what it shows. The table `score_bands` holds those in use beside the
//! new ones; what earlier months estimated is that table as it was published.

use std::borrow::Cow;
use std::collections::BTreeMap;

use abmart_plan::calendar::{Period, before};
use abmart_spec::model::{Adaptive, Grain, Project, Score, Thresholds, Window};
use jiff::civil::Date;
use polars::prelude::*;

use super::fields;
use super::history::{History, conformed};
use crate::error::EngineError;
use crate::input::load::{day, day_number};

/// The rows of an entity in the periods that are wanted.
type ScoresOf<'a> = dyn Fn(&str, &dyn Fn(&Period) -> bool) -> Result<Vec<LazyFrame>, EngineError> + 'a;

/// How far back scores are looked at.
const TRAILING: Window = Window::Months(12);

/// The row of thresholds for values that have none of their own.
const DEFAULT: &str = "(default)";

/// The columns of `score_bands`.
pub fn schema() -> Schema {
    use fields::{count, day, number, text};
    Schema::from_iter([
        day("as_of"),
        text("score"),
        text("dimension"),
        text("value"),
        number("hot"),
        number("warm"),
        number("hot_estimated"),
        number("warm_estimated"),
        count("n"),
    ])
}

/// The scores whose thresholds are estimated.
fn estimated(project: &Project) -> impl Iterator<Item = (&Score, &Adaptive)> {
    project.scores.values().filter_map(|score| Some((score, score.bands.as_ref()?.adaptive.as_ref()?)))
}

/// The project with the thresholds that an earlier month has estimated, where scores ask for them.
///
/// # Errors
/// When the published table holds something else.
pub fn adapted<'p>(project: &'p Project, history: &History, as_of: Date) -> Result<Cow<'p, Project>, EngineError> {
    let asked = estimated(project).any(|(_, adaptive)| adaptive.apply);
    let Some(rows) = history.table("score_bands").filter(|_| asked) else { return Ok(Cow::Borrowed(project)) };
    let mut project = project.clone();
    let earlier = conformed(rows, &schema())?
        .lazy()
        .filter(col("as_of").lt(day(as_of.first_of_month())).and(col("hot_estimated").is_not_null()))
        .sort(["as_of"], SortMultipleOptions::default())
        .collect()?;
    let text = |name: &str| Ok::<_, PolarsError>(earlier.column(name)?.str()?.clone());
    let number = |name: &str| Ok::<_, PolarsError>(earlier.column(name)?.f64()?.clone());
    let (scores, values) = (text("score")?, text("value")?);
    let (hot, warm) = (number("hot_estimated")?, number("warm_estimated")?);
    // Later rows come after earlier ones and replace them.
    for row in 0..earlier.height() {
        let (Some(name), Some(value)) = (scores.get(row), values.get(row)) else { continue };
        let (Some(hot), Some(warm)) = (hot.get(row), warm.get(row)) else { continue };
        let bands = project.scores.get_mut(name).and_then(|score| score.bands.as_mut());
        let asked = bands.filter(|bands| bands.adaptive.as_ref().is_some_and(|adaptive| adaptive.apply));
        let Some(bands) = asked else { continue };
        let new = Thresholds { hot, warm };
        if value == DEFAULT {
            bands.default = new;
        } else {
            bands.thresholds.insert(value.to_owned(), new);
        }
    }
    Ok(Cow::Owned(project))
}

/// The months whose scores thresholds are estimated from: the whole ones of the last twelve months.
fn is_trailing(period: &Period, as_of: Date) -> bool {
    period.grain == Grain::Month && !period.partial && period.start >= before(as_of.first_of_month(), TRAILING)
}

/// Today's thresholds, those in use beside those that the last months give, after those of earlier days.
///
/// # Errors
/// When scores cannot be read.
pub fn table(
    project: &Project,
    earlier: Option<&DataFrame>,
    as_of: Date,
    keep: Window,
    scores_of: &ScoresOf<'_>,
) -> Result<DataFrame, EngineError> {
    let mut parts = Vec::new();
    if let Some(rows) = earlier {
        let kept = col("as_of").lt(day(as_of)).and(col("as_of").gt_eq(day(before(as_of, keep))));
        parts.push(conformed(rows, &schema())?.lazy().filter(kept));
    }
    parts.push(DataFrame::empty_with_schema(&schema()).lazy());
    for (score, adaptive) in estimated(project) {
        let months = scores_of(&score.per.value, &|period| is_trailing(period, as_of))?;
        parts.push(one(score, adaptive, months, as_of)?.lazy());
    }
    Ok(concat(parts, UnionArgs::default())?.collect()?)
}

fn one(score: &Score, adaptive: &Adaptive, months: Vec<LazyFrame>, as_of: Date) -> Result<DataFrame, EngineError> {
    let Some(bands) = &score.bands else { return Ok(DataFrame::empty_with_schema(&schema())) };
    let by = bands.by.value.as_str();
    let value = format!("{}_score", score.name);
    let mut found: BTreeMap<String, (Option<Thresholds>, i64)> = BTreeMap::new();
    if !months.is_empty() {
        // An account that did nothing says nothing about how much is much.
        let scored = concat(months, UnionArgs { to_supertypes: true, ..UnionArgs::default() })?
            .filter(col(value.as_str()).gt(lit(0.0)))
            .select([col(by).cast(DataType::String), col(value.as_str()).cast(DataType::Float64).alias("score")])
            .collect()?;
        let quantile = |share: f64| col("score").quantile(lit(share), QuantileMethod::Linear);
        let aggregates = [
            quantile(adaptive.hot).alias("hot"),
            quantile(adaptive.warm).alias("warm"),
            col("score").count().cast(DataType::Int64).alias("n"),
        ];
        let all = scored.clone().lazy().select(aggregates.clone()).with_column(lit(DEFAULT).alias(by));
        let each = scored.lazy().group_by([col(by)]).agg(aggregates);
        let columns = [col(by), col("hot"), col("warm"), col("n")];
        let rows = concat([all.select(columns.clone()), each.select(columns)], UnionArgs::default())?.collect()?;
        let (values, hot, warm) = (rows.column(by)?.str()?, rows.column("hot")?.f64()?, rows.column("warm")?.f64()?);
        let counts = rows.column("n")?.i64()?;
        for row in 0..rows.height() {
            let (Some(value), Some(n)) = (values.get(row), counts.get(row)) else { continue };
            let enough = n >= i64::from(adaptive.at_least);
            let thresholds = hot.get(row).zip(warm.get(row)).filter(|_| enough);
            found.insert(value.to_owned(), (thresholds.map(|(hot, warm)| Thresholds { hot, warm }), n));
        }
    }
    // Values with thresholds of their own are told even where nobody was scored.
    for name in bands.thresholds.keys().map(String::as_str).chain([DEFAULT]) {
        found.entry(name.to_owned()).or_insert((None, 0));
    }
    let in_use = |name: &str| bands.thresholds.get(name).copied().unwrap_or(bands.default);
    let text = |name: &str, values: Vec<String>| Series::new(name.into(), values).into_column();
    let number = |name: &str, of: &dyn Fn(&str, Option<Thresholds>) -> Option<f64>| {
        let values: Vec<Option<f64>> = found.iter().map(|(name, (estimate, _))| of(name, *estimate)).collect();
        Series::new(name.into(), values).into_column()
    };
    let height = found.len();
    let columns = vec![
        Series::new("as_of".into(), vec![day_number(as_of); height]).cast(&DataType::Date)?.into_column(),
        text("score", vec![score.name.clone(); height]),
        text("dimension", vec![by.to_owned(); height]),
        text("value", found.keys().cloned().collect()),
        number("hot", &|name, _| Some(in_use(name).hot)),
        number("warm", &|name, _| Some(in_use(name).warm)),
        number("hot_estimated", &|_, estimate| estimate.map(|thresholds| thresholds.hot)),
        number("warm_estimated", &|_, estimate| estimate.map(|thresholds| thresholds.warm)),
        Series::new("n".into(), found.values().map(|(_, n)| *n).collect::<Vec<_>>()).into_column(),
    ];
    Ok(DataFrame::new(height, columns)?)
}
