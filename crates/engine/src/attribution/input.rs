//! Touches and conversions as numbers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use abmart_attribution::conversions::Conversion;
use abmart_attribution::{Tactic, Touches};
use abmart_spec::model::{Attribution, Check, Severity, Spanned, Window};
use hashbrown::HashMap;
use jiff::ToSpan as _;
use polars::prelude::*;

use super::MICROSECONDS_A_DAY;
use crate::codes;
use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::load::{date, day_number};
use crate::scope::Scope;

/// The channel of touches without one.
const UNKNOWN: &str = "(unknown)";

/// What an attribution reads.
pub struct Input {
    pub touches: TouchInput,
    pub conversions: ConversionInput,
}

/// Touches with an entity and a time.
pub struct TouchInput {
    entities: Vec<u32>,
    pub times: Vec<i64>,
    of_tactic: Vec<u32>,
    pub tactics: Vec<Tactic>,
    /// The campaign of each tactic.
    pub campaigns: Vec<Option<String>>,
    pub channels: Vec<String>,
    ties: Vec<Ranks>,
    /// The row of each touch, where a row may stand for several.
    rows_of: Option<Vec<u32>>,
    /// Columns that are shown.
    pub shown: DataFrame,
    /// Rows in all, those without an entity or time, those without a channel.
    rows: usize,
    incomplete: usize,
    without_channel: usize,
}

/// Conversions.
pub struct ConversionInput {
    /// Entity, key, time and value of each.
    pub rows: DataFrame,
    /// Those with an entity and a time.
    pub known: Vec<Conversion>,
    /// Rows of the others.
    pub incomplete: Vec<u32>,
    without_value: usize,
    below_zero: usize,
    /// Milestone → conversions that have it.
    milestones: Vec<(String, usize)>,
}

/// What puts touches of one instant in order.
struct Ranks {
    codes: Vec<u32>,
    rank: Vec<u32>,
}

impl Input {
    /// Reads both; columns of touches that are only shown where they are.
    ///
    /// # Errors
    /// When a column is missing or of the wrong type.
    pub fn read(attribution: &Attribution, shown: bool, scope: &Scope<'_>) -> Result<Self, EngineError> {
        let Some(entity) = scope.project.attributed_entity(attribution) else {
            return Err(EngineError::Attribution("there is no entity".to_owned()));
        };
        let conversions = ConversionInput::read(attribution, &entity.key, scope)?;
        let touches = TouchInput::read(attribution, &entity.key, shown, scope)?;
        Ok(Self { touches, conversions })
    }

    /// Entities are numbers below it.
    pub fn entities(&self) -> usize {
        let of_conversions = self.conversions.known.iter().map(|conversion| conversion.entity);
        self.touches.entities.iter().copied().chain(of_conversions).max().map_or(0, |greatest| greatest as usize + 1)
    }

    /// What is to be said about the rows.
    pub fn findings(&self, attribution: &Attribution) -> Vec<Finding> {
        let (touches, conversions) = (&self.touches, &self.conversions);
        let (from, to) = (&attribution.touches, &attribution.conversions);
        let all = conversions.rows.height();
        let finding = |check: Check, column: &str, rows_in: usize, rows_failed: usize, detail: &str| Finding {
            source: attribution.name.clone(),
            check: check.name().to_owned(),
            column: column.to_owned(),
            severity: Severity::Warn,
            breached: rows_failed > 0,
            rows_in: rows_in as u64,
            rows_failed: rows_failed as u64,
            files: Vec::new(),
            detail: if rows_failed > 0 { detail.to_owned() } else { String::new() },
            examples: Vec::new(),
        };
        let mut findings = vec![
            finding(Check::NotNull, &from.channel.value, touches.rows, touches.without_channel, "touches without a channel count as (unknown)"),
            finding(Check::NotNull, "touches", touches.rows, touches.incomplete, "touches without an entity or a time are in no journey"),
            finding(Check::NotNull, "conversions", all, conversions.incomplete.len(), "conversions without an entity or a time are unattributed"),
        ];
        if let Some(value) = &to.value {
            findings.push(finding(Check::NotNull, &value.value, all, conversions.without_value, "conversions without a value are worth nothing"));
            findings.push(finding(Check::Range, &value.value, all, conversions.below_zero, "values below 0 take credit away"));
        }
        for (milestone, reached) in &conversions.milestones {
            let missed = if *reached == 0 { all } else { 0 };
            findings.push(finding(Check::NotNull, milestone, all, missed, "no conversion has the milestone; its share goes to the other positions"));
        }
        findings
    }
}

impl TouchInput {
    fn read(attribution: &Attribution, key: &str, shown: bool, scope: &Scope<'_>) -> Result<Self, EngineError> {
        let touches = &attribution.touches;
        let rows = scope.rows(&touches.from.value, false)?;
        let time = time_column(&touches.from, touches.time.as_ref(), scope);
        let columns = Columns::of(attribution, rows)?;
        let mut wanted = vec![columns.id(key, &touches.from)?, columns.time(time, &touches.from)?];
        let coded = |name: &Spanned<String>, alias: &str| {
            Ok::<_, EngineError>(columns.text(name)?.cast(codes::dtype(&name.value)).alias(alias))
        };
        wanted.push(coded(&touches.channel, CHANNEL)?);
        if let Some(campaign) = &touches.campaign {
            wanted.push(coded(campaign, CAMPAIGN)?);
        }
        if let Some(count) = &touches.count {
            wanted.push(columns.number(count)?.alias(COUNT));
        }
        // Whether they are there is looked at in any case.
        let named: Vec<(&Spanned<String>, Expr)> = (touches.key.iter().chain(&touches.show))
            .map(|name| Ok((name, columns.any(name)?)))
            .collect::<Result<_, EngineError>>()?;
        let shown = if shown { named } else { Vec::new() };
        wanted.extend(shown.iter().map(|(_, column)| column.clone()));
        let read = columns.rows.select(wanted).collect()?;
        let rows = read.height();
        let complete = read.column(ENTITY)?.is_not_null() & read.column(TIME)?.is_not_null();
        let read = if complete.all() { read } else { read.filter(&complete)? };
        let tactics = Tactics::of(attribution, &read)?;
        let shown: Vec<Column> =
            shown.iter().map(|(name, _)| read.column(&name.value).cloned()).collect::<PolarsResult<_>>()?;
        let ties = shown.iter().map(Ranks::of).collect::<PolarsResult<_>>()?;
        let rows_of = match read.column(COUNT) {
            Ok(counts) => repeated(counts)?,
            Err(_) => None,
        };
        Ok(Self {
            entities: spread(whole(codes::numbers(read.column(ENTITY)?)?.unwrap_or_default().iter()), rows_of.as_deref()),
            times: spread(whole(read.column(TIME)?.i64()?.iter()), rows_of.as_deref()),
            of_tactic: spread(tactics.of_row, rows_of.as_deref()),
            rows_of,
            tactics: tactics.tactics,
            campaigns: tactics.campaigns,
            channels: tactics.channels,
            ties,
            incomplete: rows - read.height(),
            rows,
            without_channel: read.column(CHANNEL)?.null_count(),
            shown: DataFrame::new(read.height(), shown)?,
        })
    }

    /// The columns that journeys are made of.
    pub fn as_columns(&self) -> TouchColumns<'_> {
        TouchColumns { input: self, tie: Box::new(|a, b| self.tie(a, b)) }
    }

    /// The tactic of a touch.
    pub fn tactic_of(&self, touch: u32) -> u32 {
        self.of_tactic[touch as usize]
    }

    /// The row of a touch among [`TouchInput::shown`].
    pub fn row_of(&self, touch: u32) -> u32 {
        self.rows_of.as_ref().map_or(touch, |rows| rows[touch as usize])
    }

    fn tie(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (self.row_of(a), self.row_of(b));
        let orders = self.ties.iter().map(|ranks| ranks.of_row(a).cmp(&ranks.of_row(b)));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

type Tie<'a> = Box<dyn Fn(u32, u32) -> Ordering + Sync + 'a>;

/// Touches with what puts them in order.
pub struct TouchColumns<'a> {
    input: &'a TouchInput,
    tie: Tie<'a>,
}

impl TouchColumns<'_> {
    fn touches(&self) -> Touches<'_> {
        let TouchInput { entities, times, of_tactic, .. } = self.input;
        Touches { entities, times, tactics: of_tactic, tie: &*self.tie }
    }

    /// As [`Touches::by_entity`].
    pub fn by_entity(&self, entities: usize) -> abmart_attribution::touches::ByEntity {
        self.touches().by_entity(entities)
    }

    /// As [`Touches::part`].
    pub fn part(
        &self,
        by_entity: &abmart_attribution::touches::ByEntity,
        entities: std::ops::Range<usize>,
    ) -> abmart_attribution::Part {
        self.touches().part(by_entity, entities)
    }
}

/// Pairs of channel and campaign, in the order of their names.
struct Tactics {
    of_row: Vec<u32>,
    tactics: Vec<Tactic>,
    campaigns: Vec<Option<String>>,
    channels: Vec<String>,
}

impl Tactics {
    fn of(attribution: &Attribution, rows: &DataFrame) -> Result<Self, EngineError> {
        let (channel_of, channel_texts) = codes::local(rows.column(CHANNEL)?)?;
        let (campaign_of, campaign_texts) = match rows.column(CAMPAIGN) {
            Ok(column) => codes::local(column)?,
            Err(_) => (UInt32Chunked::full_null(CAMPAIGN.into(), rows.height()), Column::new_empty(CAMPAIGN.into(), &DataType::String)),
        };
        let mut group_of: BTreeMap<&str, &str> = BTreeMap::new();
        for (group, members) in &attribution.channels {
            group_of.extend(members.iter().map(|member| (member.value.as_str(), group.as_str())));
        }
        let names: Vec<&str> = channel_texts.str()?.iter().map(|name| name.unwrap_or(UNKNOWN)).collect();
        let channel_names: Vec<&str> =
            names.iter().map(|name| group_of.get(name).copied().unwrap_or(name)).collect();
        let campaign_names: Vec<Option<&str>> = campaign_texts.str()?.iter().collect();

        // Numbers as they are met, then in the order of names.
        let mut met: HashMap<(Option<u32>, Option<u32>), u32> = HashMap::new();
        let mut pairs: Vec<(&str, Option<&str>)> = Vec::new();
        let mut of_row: Vec<u32> = Vec::with_capacity(rows.height());
        for (channel, campaign) in channel_of.iter().zip(campaign_of.iter()) {
            let number = *met.entry((channel, campaign)).or_insert_with(|| {
                let name = channel.map_or(UNKNOWN, |channel| channel_names[channel as usize]);
                pairs.push((name, campaign.and_then(|campaign| campaign_names[campaign as usize])));
                u32::try_from(pairs.len() - 1).unwrap_or(u32::MAX)
            });
            of_row.push(number);
        }
        let mut sorted = pairs.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let mut channels: Vec<&str> = sorted.iter().map(|(channel, _)| *channel).collect();
        channels.dedup();
        let number = |place: Result<usize, usize>| u32::try_from(place.unwrap_or(0)).unwrap_or(u32::MAX);
        let renumbered: Vec<u32> = pairs.iter().map(|pair| number(sorted.binary_search(pair))).collect();
        for tactic in &mut of_row {
            *tactic = renumbered[*tactic as usize];
        }
        let tactic = |(name, _): &(&str, Option<&str>)| {
            let channel = u16::try_from(number(channels.binary_search(name))).map_err(|_| {
                EngineError::Attribution(format!(
                    "column `{}` has {} different channels, more than journeys can tell apart; `channels` puts some together",
                    attribution.touches.channel.value,
                    channels.len(),
                ))
                .at(format!("attribution `{}`", attribution.name), attribution.touches.channel.span)
            })?;
            let left_out = attribution.leave_out.iter().any(|left_out| left_out.value == *name);
            Ok::<_, EngineError>(Tactic { channel, left_out })
        };
        Ok(Self {
            of_row,
            tactics: sorted.iter().map(tactic).collect::<Result<_, _>>()?,
            campaigns: sorted.iter().map(|(_, campaign)| campaign.map(str::to_owned)).collect(),
            channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        })
    }
}

impl Ranks {
    fn of(column: &Column) -> PolarsResult<Self> {
        let coded = if codes::is_coded(column.dtype()) {
            column.clone()
        } else {
            column.cast(&DataType::String)?.cast(&codes::dtype(column.name()))?
        };
        let (numbers, texts) = codes::local(&coded)?;
        let texts: Vec<&str> = texts.str()?.iter().map(Option::unwrap_or_default).collect();
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_unstable_by_key(|place| texts[*place]);
        // 0 is where there is no text.
        let mut rank = vec![0; texts.len()];
        for (position, place) in (1..).zip(order) {
            rank[place] = position;
        }
        Ok(Self { codes: numbers.iter().map(|code| code.unwrap_or(u32::MAX)).collect(), rank })
    }

    fn of_row(&self, row: u32) -> u32 {
        self.rank.get(self.codes[row as usize] as usize).copied().unwrap_or(0)
    }
}

impl ConversionInput {
    fn read(attribution: &Attribution, key: &str, scope: &Scope<'_>) -> Result<Self, EngineError> {
        let conversions = &attribution.conversions;
        let rows = scope.rows(&conversions.from.value, false)?;
        let time = time_column(&conversions.from, conversions.time.as_ref(), scope);
        let columns = Columns::of(attribution, rows)?;
        let mut wanted = vec![columns.id(key, &conversions.from)?, columns.time(time, &conversions.from)?];
        wanted.push(columns.text(&conversions.key)?.alias(KEY));
        wanted.push(match &conversions.value {
            Some(value) => columns.number(value)?.alias(VALUE),
            None => lit(0.0).alias(VALUE),
        });
        wanted.push(match &conversions.detail {
            Some(detail) => columns.any(detail)?.alias(DETAIL),
            None => lit(true).alias(DETAIL),
        });
        let milestone = |index: usize| format!("milestone {index}");
        for (index, column) in conversions.milestones.values().enumerate() {
            wanted.push(columns.time(Some(&column.value), column)?.alias(milestone(index)));
        }
        let rows = columns.rows.select(wanted).collect()?;
        let entities = codes::numbers(rows.column(ENTITY)?)?.unwrap_or_default();
        let times: Vec<Option<i64>> = rows.column(TIME)?.i64()?.iter().collect();
        let values: Vec<Option<f64>> = rows.column(VALUE)?.f64()?.iter().collect();
        let details: Vec<Option<bool>> = rows.column(DETAIL)?.bool()?.iter().collect();
        let milestones: Vec<Vec<Option<i64>>> = (0..conversions.milestones.len())
            .map(|index| Ok(rows.column(&milestone(index))?.i64()?.iter().collect()))
            .collect::<PolarsResult<_>>()?;
        let (mut known, mut incomplete) = (Vec::new(), Vec::new());
        for ((row, entity), (at, value)) in (0..).zip(entities.iter()).zip(times.iter().zip(&values)) {
            match (entity, at) {
                (Some(entity), Some(at)) => known.push(Conversion {
                    entity,
                    from: window_start(attribution.window, *at),
                    at: *at,
                    value: value.unwrap_or(0.0),
                    milestones: milestones.iter().map(|reached| reached[row as usize]).collect(),
                    detail: details[row as usize].unwrap_or(false),
                    row,
                }),
                _ => incomplete.push(row),
            }
        }
        // Conversions of one entity and time in the order of their keys.
        let keys = rows.column(KEY)?.cast(&DataType::String)?;
        let keys = keys.str()?.rechunk();
        known.sort_by(|a, b| keys.get(a.row as usize).cmp(&keys.get(b.row as usize)));
        let reached = milestones.iter().map(|reached| reached.iter().flatten().count());
        Ok(Self {
            known,
            incomplete,
            without_value: values.iter().filter(|value| value.is_none()).count(),
            below_zero: values.iter().flatten().filter(|value| **value < 0.0).count(),
            milestones: conversions.milestones.keys().cloned().zip(reached).collect(),
            rows: rows.select([ENTITY, KEY, TIME, VALUE])?,
        })
    }
}

/// The first instant of a window that ends at another, in microseconds.
pub fn window_start(window: Window, end: i64) -> i64 {
    match window {
        Window::Days(days) => end.saturating_sub(i64::from(days) * MICROSECONDS_A_DAY),
        Window::Months(months) => {
            let (day, rest) = (end.div_euclid(MICROSECONDS_A_DAY), end.rem_euclid(MICROSECONDS_A_DAY));
            let start = date(i32::try_from(day).unwrap_or(i32::MAX)).saturating_sub(i64::from(months).months());
            i64::from(day_number(start)) * MICROSECONDS_A_DAY + rest
        }
    }
}

fn time_column<'a>(from: &Spanned<String>, time: Option<&'a Spanned<String>>, scope: &Scope<'a>) -> Option<&'a str> {
    time.map(|time| time.value.as_str()).or_else(|| scope.time_of(&from.value))
}

pub const ENTITY: &str = "entity";
pub const KEY: &str = "conversion";
pub const TIME: &str = "at";
pub const VALUE: &str = "value of it";
const CHANNEL: &str = "channel of it";
const CAMPAIGN: &str = "campaign of it";
const COUNT: &str = "count of it";
const DETAIL: &str = "detail of it";

/// Columns of an input, looked up by name and type.
struct Columns {
    attribution: String,
    rows: LazyFrame,
    schema: SchemaRef,
}

impl Columns {
    fn of(attribution: &Attribution, mut rows: LazyFrame) -> Result<Self, EngineError> {
        let schema = rows.collect_schema()?;
        Ok(Self { attribution: attribution.name.clone(), rows, schema })
    }

    fn dtype(&self, name: &str, place: &Spanned<String>) -> Result<&DataType, EngineError> {
        self.schema.get(name).ok_or_else(|| {
            let valid = self.schema.iter_names().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            let error = polars_err!(ColumnNotFound: "{:?} not found; valid columns: [{}]", name, valid);
            EngineError::from(error).at(format!("attribution `{}`", self.attribution), place.span)
        })
    }

    fn wrong(&self, name: &str, what: &str, found: &DataType, place: &Spanned<String>) -> EngineError {
        EngineError::Attribution(format!("column `{name}` is to hold {what}, and holds {found}"))
            .at(format!("attribution `{}`", self.attribution), place.span)
    }

    fn any(&self, name: &Spanned<String>) -> Result<Expr, EngineError> {
        self.dtype(&name.value, name)?;
        Ok(col(name.value.as_str()))
    }

    /// The key of the entity, as a code.
    fn id(&self, key: &str, place: &Spanned<String>) -> Result<Expr, EngineError> {
        self.dtype(key, place)?;
        Ok(col(key).cast(codes::dtype(key)).alias(ENTITY))
    }

    fn text(&self, name: &Spanned<String>) -> Result<Expr, EngineError> {
        let dtype = self.dtype(&name.value, name)?;
        let column = col(name.value.as_str());
        Ok(if *dtype == DataType::String || codes::is_coded(dtype) { column } else { column.cast(DataType::String) })
    }

    fn number(&self, name: &Spanned<String>) -> Result<Expr, EngineError> {
        let dtype = self.dtype(&name.value, name)?;
        if dtype.is_primitive_numeric() || *dtype == DataType::Null {
            Ok(col(name.value.as_str()).cast(DataType::Float64))
        } else {
            Err(self.wrong(&name.value, "numbers", dtype, name))
        }
    }

    /// A time in microseconds.
    fn time(&self, name: Option<&str>, place: &Spanned<String>) -> Result<Expr, EngineError> {
        let Some(name) = name else {
            return Err(EngineError::Attribution(format!("nothing says when the rows of `{}` happened", place.value)));
        };
        let dtype = self.dtype(name, place)?;
        if dtype.is_temporal() || *dtype == DataType::Null {
            let instant = col(name).cast(DataType::Datetime(TimeUnit::Microseconds, None));
            Ok(instant.cast(DataType::Int64).alias(TIME))
        } else {
            Err(self.wrong(name, "points in time", dtype, place))
        }
    }
}

/// The row of each touch where rows stand for so many; none where each stands for one.
fn repeated(counts: &Column) -> PolarsResult<Option<Vec<u32>>> {
    let counts = counts.f64()?;
    if counts.iter().all(|count| count == Some(1.0)) {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of touches; others are 0")]
    let counts = counts.iter().map(|count| count.unwrap_or(0.0) as usize);
    Ok(Some((0..).zip(counts).flat_map(|(row, count)| std::iter::repeat_n(row, count)).collect()))
}

/// The value of each touch.
fn spread<T: Copy>(values: Vec<T>, rows: Option<&[u32]>) -> Vec<T> {
    match rows {
        Some(rows) => rows.iter().map(|row| values[*row as usize]).collect(),
        None => values,
    }
}

/// Values of which none is null.
fn whole<T: Default>(values: impl Iterator<Item = Option<T>>) -> Vec<T> {
    values.map(Option::unwrap_or_default).collect()
}
