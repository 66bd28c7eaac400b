//! Touches as they are read.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use abmart_attribution::{Tactic, Touches};
use abmart_spec::model::{Attribution, Spanned};
use hashbrown::HashMap;
use polars::prelude::*;

use super::super::what;
use super::columns::{Columns, ENTITY, TIME, time_column};
use crate::codes;
use crate::error::EngineError;
use crate::measure::frame::UNKNOWN;
use crate::scope::Scope;

const CHANNEL: &str = "channel of it";
const CAMPAIGN: &str = "campaign of it";
const COUNT: &str = "count of it";

/// Touches with an entity and a time.
pub struct TouchInput {
    pub(super) entities: Vec<u32>,
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
    pub(super) rows: usize,
    pub(super) incomplete: usize,
    pub(super) without_channel: usize,
}

/// What puts touches of one instant in order.
struct Ranks {
    codes: Vec<u32>,
    rank: Vec<u32>,
}

impl TouchInput {
    pub(super) fn read(
        attribution: &Attribution,
        key: &str,
        shown: bool,
        scope: &Scope<'_>,
    ) -> Result<Self, EngineError> {
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
            entities: spread(
                whole(codes::numbers(read.column(ENTITY)?)?.unwrap_or_default().iter()),
                rows_of.as_deref(),
            ),
            times: spread(whole(read.column(TIME)?.i64()?.iter()), rows_of.as_deref()),
            of_tactic: spread(tactics.of_row, rows_of.as_deref()),
            rows_of,
            tactics: tactics.all,
            campaigns: tactics.campaigns,
            channels: tactics.channels,
            ties,
            incomplete: rows - read.height(),
            rows,
            without_channel: read.column(CHANNEL)?.null_count(),
            shown: DataFrame::new(read.height(), shown)?,
        })
    }

    /// The columns that journeys are made of, with what puts touches of one instant in order.
    pub fn columns<'a>(&'a self, tie: &'a (dyn Fn(u32, u32) -> Ordering + Sync)) -> Touches<'a> {
        Touches { entities: &self.entities, times: &self.times, tactics: &self.of_tactic, tie }
    }

    /// Gives up what is only needed once more where touches are shown one by one.
    pub fn release(&mut self) {
        self.entities = Vec::new();
        self.times = Vec::new();
        self.of_tactic = Vec::new();
    }

    /// The tactic of a touch.
    pub fn tactic_of(&self, touch: u32) -> u32 {
        self.of_tactic[touch as usize]
    }

    /// The row of a touch among [`TouchInput::shown`].
    pub fn row_of(&self, touch: u32) -> u32 {
        self.rows_of.as_ref().map_or(touch, |rows| rows[touch as usize])
    }

    /// The order of two touches of one entity, time and tactic.
    pub fn tie(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (self.row_of(a), self.row_of(b));
        let orders = self.ties.iter().map(|ranks| ranks.of_row(a).cmp(&ranks.of_row(b)));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

/// Pairs of channel and campaign, in the order of their names.
struct Tactics {
    of_row: Vec<u32>,
    all: Vec<Tactic>,
    campaigns: Vec<Option<String>>,
    channels: Vec<String>,
}

impl Tactics {
    fn of(attribution: &Attribution, rows: &DataFrame) -> Result<Self, EngineError> {
        let (channel_of, channel_texts) = codes::local(rows.column(CHANNEL)?)?;
        let (campaign_of, campaign_texts) = match rows.column(CAMPAIGN) {
            Ok(column) => codes::local(column)?,
            Err(_) => (
                UInt32Chunked::full_null(CAMPAIGN.into(), rows.height()),
                Column::new_empty(CAMPAIGN.into(), &DataType::String),
            ),
        };
        let mut group_of: BTreeMap<&str, &str> = BTreeMap::new();
        for (group, members) in &attribution.channels {
            group_of.extend(members.iter().map(|member| (member.value.as_str(), group.as_str())));
        }
        let names: Vec<&str> = channel_texts.str()?.iter().map(|name| name.unwrap_or(UNKNOWN)).collect();
        let channel_names: Vec<&str> = names.iter().map(|name| group_of.get(name).copied().unwrap_or(name)).collect();
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
                .at(what(attribution), attribution.touches.channel.span)
            })?;
            let left_out = attribution.leave_out.iter().any(|left_out| left_out.value == *name);
            Ok::<_, EngineError>(Tactic { channel, left_out })
        };
        Ok(Self {
            of_row,
            all: sorted.iter().map(tactic).collect::<Result<_, _>>()?,
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
