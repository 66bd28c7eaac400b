//! The status for people.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::Status;
use super::nights::{PipelineNights, Run};
use super::sources::LakeAge;
use crate::ledger::State;
use crate::results::LastRun;
use crate::text::{bytes, count};

/// Nights that are named in a row before `…`.
const NAMED: usize = 10;

/// The page.
pub fn rendered(status: &Status, runs: usize) -> String {
    let mut text = String::new();
    match &status.last_run {
        None => text.push_str("no run has written here yet\n"),
        Some(last) => last_run(&mut text, last),
    }
    if let Some(holder) = &status.lease {
        let _ = writeln!(
            text,
            "running   {} (process {} on {}) since {:.0}, its lease holds until {:.0}",
            holder.run_id, holder.pid, holder.host, holder.since, holder.until
        );
    }
    if let Some(manifest) = &status.manifest {
        let _ = writeln!(text, "published {} by {}", manifest.published_at, manifest.run_id);
        for (name, mart) in &manifest.marts {
            let size: u64 = mart.files.iter().map(|file| file.size).sum();
            let day = mart.as_of.as_deref().unwrap_or("-");
            let _ = writeln!(text, "  {name:<20} {:>12} rows {:>10}  as of {day}", count(mart.rows), bytes(size));
        }
    }
    for pipeline in status.pipelines.iter().filter(|pipeline| !pipeline.runs.is_empty() || pipeline.from.is_some()) {
        nights(&mut text, pipeline, runs);
    }
    lake(&mut text, &status.lake);
    text
}

fn last_run(text: &mut String, last: &LastRun) {
    let day = last.as_of.map_or_else(|| "an unknown day".to_owned(), |day| day.to_string());
    let LastRun { pipeline, status, started_at, seconds, .. } = last;
    let _ = writeln!(text, "last run  {pipeline} {status} for {day}, begun {started_at:.0}, {seconds:.1} s");
    if let Some(error) = &last.error {
        let _ = writeln!(text, "          {}", error.lines().next().unwrap_or_default());
    }
    for rows in last.sources.iter().filter(|rows| rows.rows_quarantined > 0) {
        let (aside, all) = (count(rows.rows_quarantined), count(rows.rows_in));
        let _ = writeln!(text, "          {}: {aside} of {all} rows quarantined", rows.source);
    }
    for finding in &last.findings {
        let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let what = match (of("detail"), finding["rows_failed"].as_u64()) {
            (detail, _) if !detail.is_empty() => detail,
            (_, rows) => format!("{} rows", count(rows.unwrap_or_default())),
        };
        let check = [of("source"), of("check"), of("column")].join(" ");
        let _ = writeln!(text, "          {}: {}: {what}", of("severity"), check.trim_end());
    }
}

fn nights(text: &mut String, pipeline: &PipelineNights, runs: usize) {
    let _ = write!(text, "nights of {}", pipeline.pipeline);
    if let (Some(from), Some(to)) = (pipeline.from, pipeline.to) {
        let _ = write!(text, " from {from} up to, not including, {to}");
    }
    let _ = writeln!(text, ": {} done", pipeline.done);
    for (word, nights) in
        [("failed", &pipeline.failed), ("unfinished", &pipeline.unfinished), ("missing", &pipeline.missing)]
    {
        if !nights.is_empty() {
            let _ = writeln!(text, "  {word:<10} {:>5}  {}", count(nights.len() as u64), named(nights));
        }
    }
    for run in pipeline.runs.iter().take(runs) {
        one(text, run);
    }
}

fn one(text: &mut String, run: &Run) {
    let night = run.night.map_or_else(|| "no day yet".to_owned(), |night| night.to_string());
    let attempt = &run.attempt;
    let word = match (attempt.state, run.active) {
        (State::Begun, true) => "running",
        (State::Begun, false) => "killed",
        (state, _) => state.word(),
    };
    let _ = write!(text, "  {night}  {word:<8} {}, begun {:.0}", attempt.run_id, attempt.started_at);
    if let Some(code) = attempt.exit_code.filter(|code| *code != 0) {
        let _ = write!(text, ", exit code {code}");
    }
    let _ = writeln!(text);
    if let Some(error) = &attempt.error {
        let _ = writeln!(text, "              {error}");
    }
}

/// Runs of days as `2026-11-01…2026-11-05`.
fn named(nights: &[Date]) -> String {
    let mut stretches: Vec<(Date, Date)> = Vec::new();
    for night in nights {
        match stretches.last_mut() {
            Some((_, last)) if last.tomorrow().is_ok_and(|next| next == *night) => *last = *night,
            _ => stretches.push((*night, *night)),
        }
    }
    let stretch = |(first, last): &(Date, Date)| {
        if first == last { first.to_string() } else { format!("{first}…{last}") }
    };
    let mut words: Vec<String> = stretches.iter().take(NAMED).map(stretch).collect();
    if stretches.len() > NAMED {
        words.push("…".to_owned());
    }
    words.join(", ")
}

fn lake(text: &mut String, lake: &LakeAge) {
    if let Some(error) = &lake.error {
        let _ = writeln!(text, "lake      cannot be listed: {error}");
        return;
    }
    let _ = writeln!(text, "lake      {}", lake.location);
    for source in &lake.sources {
        let day = source.newest_day.map_or_else(|| "no file".to_owned(), |day| day.to_string());
        let day = if source.exact || source.newest_day.is_none() { day } else { format!("≤ {day}") };
        let age = source.age_days.map(|days| format!("{days} days old")).unwrap_or_default();
        let limit = source.at_most.as_ref().map(|limit| format!(", at most {limit}")).unwrap_or_default();
        let stale = if source.stale { "  STALE" } else { "" };
        let _ = writeln!(text, "  {:<20} {day:>12}  {age}{limit}{stale}", source.source);
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn nights_in_a_row_are_a_stretch() {
        let nights = [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3)];
        assert_eq!(named(&nights), "2026-02-27…2026-03-01, 2026-03-03");
    }
}
