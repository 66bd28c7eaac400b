//! How old the sources of the lake are, by its listing alone.

use abmart_plan::layout::Layout;
use abmart_spec::Project;
use abmart_spec::model::{Source, SourceKind, Window};
use abmart_store::ObjectInfo;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;

use crate::project;

/// The age of the lake's sources, or why it is not known.
#[derive(Debug, Serialize)]
pub struct LakeAge {
    /// The lake, or its location where it cannot be opened.
    pub location: String,
    /// Why it cannot be listed.
    pub error: Option<String>,
    /// Sources in the order of the project.
    pub sources: Vec<SourceAge>,
}

/// The age of a source.
#[derive(Debug, Serialize)]
pub struct SourceAge {
    /// The source.
    pub source: String,
    /// Its files.
    pub files: usize,
    /// The newest day that its files can hold: that of the newest snapshot; of events the last day of the newest
    /// partition, and no later than the day on which its newest file was written.
    pub newest_day: Option<Date>,
    /// Whether that is the day itself, not only the latest that it can be.
    pub exact: bool,
    /// When its newest file was written.
    pub newest_file_at: Option<Timestamp>,
    /// Days from the newest day until today.
    pub age_days: Option<i32>,
    /// How old it may be, where its contract says so, in words.
    pub at_most: Option<String>,
    /// Whether it is older, or has no file at all though it must have one.
    pub stale: bool,
}

impl LakeAge {
    /// Lists the lake; failing at that is part of what is told.
    pub fn look(project: &Project, now: Timestamp) -> Self {
        let listed = project::open(&project.stores.lake, project, false).and_then(|lake| {
            let label = lake.label().to_owned();
            Ok((label, project::listing(project, &lake)?))
        });
        let (location, listing) = match listed {
            Ok(listed) => listed,
            Err(failure) => {
                return Self { location: "lake".to_owned(), error: Some(failure.text()), sources: Vec::new() };
            }
        };
        let zone = TimeZone::get(&project.settings.time_zone).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone).date();
        let sources = project.sources.values().map(|source| {
            let objects = listing.get(&source.name).map(Vec::as_slice).unwrap_or_default();
            age(source, objects, today)
        });
        Self { location, error: None, sources: sources.collect() }
    }

    /// Sources that are too old.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        let unreachable = self.error.iter().map(|error| format!("the lake cannot be listed: {error}"));
        let stale = self.sources.iter().filter(|source| source.stale).map(|source| match source.newest_day {
            None => format!("source `{}` has no file", source.source),
            Some(day) => {
                let limit = source.at_most.as_deref().unwrap_or_default();
                format!("source `{}` is stale: its newest day is {day}, it may be {limit} old", source.source)
            }
        });
        unreachable.chain(stale)
    }
}

fn age(source: &Source, objects: &[ObjectInfo], today: Date) -> SourceAge {
    let layout = Layout::parse(&source.path.value);
    let own = objects.iter().filter_map(|object| Some((object, layout.partition(&object.key)?)));
    let days = own.map(|(object, partition)| {
        let written = object.last_modified.to_zoned(TimeZone::UTC).date();
        let day = match source.kind {
            SourceKind::Snapshot if partition.start > Date::MIN => partition.start,
            // The partition goes on after the newest rows; they are no newer than the file.
            _ => partition.end.yesterday().unwrap_or(partition.start).min(written),
        };
        (day, object.last_modified)
    });
    let days: Vec<(Date, Timestamp)> = days.collect();
    let newest_day = days.iter().map(|(day, _)| *day).max();
    let too_old = |day: Date| source.freshness.is_some_and(|limit| day < before(today, limit));
    SourceAge {
        source: source.name.clone(),
        files: days.len(),
        newest_day,
        exact: source.kind == SourceKind::Snapshot,
        newest_file_at: days.iter().map(|(_, written)| *written).max(),
        age_days: newest_day.map(|day| (today - day).get_days()),
        at_most: source.freshness.map(in_words),
        stale: newest_day.map_or(!source.optional, too_old),
    }
}

fn before(day: Date, limit: Window) -> Date {
    match limit {
        Window::Days(days) => day.saturating_sub(i64::from(days).days()),
        Window::Months(months) => day.saturating_sub(i64::from(months).months()),
    }
}

fn in_words(limit: Window) -> String {
    let (number, unit) = match limit {
        Window::Days(days) => (days, "day"),
        Window::Months(months) => (months, "month"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}
