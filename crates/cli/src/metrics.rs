//! `--metrics FILE`: what a run did, in Prometheus' text format, for the textfile collector of its node exporter.
//!
//! The file is written beside its place and renamed, so that a scrape sees the old one or the new one. All values are
//! gauges in base units; moments are seconds since 1970.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::exit::{Failure, config};
use crate::progress;
use crate::results::RunResults;

const LAST_SUCCESS: &str = "abmart_run_last_success_timestamp_seconds";

/// Where metrics go, if anywhere.
#[derive(Debug, Clone)]
pub struct Metrics(Option<PathBuf>);

impl Metrics {
    /// Metrics to a file.
    ///
    /// # Errors
    /// When it names no file of a folder that there is.
    pub fn to(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else { return Ok(Self(None)) };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || file.is_dir() || file.file_name().is_none() {
            let file = file.display();
            return Err(config(format!(
                "`--metrics {file}` cannot be written: it names a file, such as abmart.prom, in a folder that is there"
            )));
        }
        Ok(Self(Some(file.to_owned())))
    }

    /// Writes what a run did. That it cannot be written makes no failure of the run.
    pub fn write(&self, results: &RunResults) {
        let Some(file) = &self.0 else { return };
        let text = rendered(results, last_success(file, &results.pipeline));
        if let Err(error) = replace(file, &text) {
            tracing::warn!("metrics could not be written to {}: {error}", file.display());
        }
    }
}

/// Writes beside the file and renames; the exporter reads no file that does not end in `.prom`.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = file.with_file_name(name);
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, file).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

/// The moment of the last success that the file tells of: a failed run does not make it unknown.
fn last_success(file: &Path, pipeline: &str) -> Option<f64> {
    let text = std::fs::read_to_string(file).ok()?;
    let lead = format!("{LAST_SUCCESS}{} ", labels(&[("pipeline", pipeline)]));
    text.lines().find_map(|line| line.strip_prefix(&lead)?.trim().parse().ok())
}

fn rendered(results: &RunResults, before: Option<f64>) -> String {
    let mut page = Page { text: String::new(), pipeline: &results.pipeline };
    let success = results.exit_code == 0;
    let ended = seconds(results.started_at) + results.seconds;
    page.one("abmart_build_info", "Version of the program that ran.", &[("version", results.abmart)], 1.0);
    page.one("abmart_run_success", "Whether the last run has published: 1 or 0.", &[], f64::from(u8::from(success)));
    page.one("abmart_run_exit_code", "Exit code of the last run.", &[], f64::from(results.exit_code));
    page.one("abmart_run_start_timestamp_seconds", "When the last run began.", &[], seconds(results.started_at));
    page.one("abmart_run_end_timestamp_seconds", "When the last run ended.", &[], ended);
    page.one("abmart_run_duration_seconds", "Wall-clock time of the last run.", &[], results.seconds);
    if let Some(moment) = if success { Some(ended) } else { before } {
        page.one(LAST_SUCCESS, "When a run has published last.", &[], moment);
    }
    if let Some(as_of) = results.as_of {
        page.one(
            "abmart_run_as_of_timestamp_seconds",
            "Beginning of the day that the last run was for.",
            &[],
            midnight(as_of),
        );
    }
    page.many(
        "abmart_run_stage_duration_seconds",
        "Wall-clock time of the stages of the last run.",
        "stage",
        results.stages.iter().map(|time| (progress::name(time.stage), time.seconds)),
    );
    sources(&mut page, results);
    marts(&mut page, results);
    page.text
}

fn sources(page: &mut Page<'_>, results: &RunResults) {
    let of = || results.sources.iter();
    page.many(
        "abmart_source_files",
        "Files read.",
        "source",
        of().map(|s| (s.source.as_str(), number(s.files as u64))),
    );
    page.many(
        "abmart_source_bytes",
        "Bytes of the files read.",
        "source",
        of().map(|s| (s.source.as_str(), number(s.bytes))),
    );
    page.head("abmart_source_rows", "Rows read, by what became of them.");
    for rows in of() {
        for (outcome, count) in
            [("used", rows.rows_used), ("quarantined", rows.rows_quarantined), ("later", rows.rows_later)]
        {
            page.sample("abmart_source_rows", &[("source", &rows.source), ("outcome", outcome)], number(count));
        }
    }
    page.many(
        "abmart_source_newest_timestamp_seconds",
        "Beginning of the newest day or month that a source has files of.",
        "source",
        results.newest.iter().map(|(source, day)| (source.as_str(), midnight(*day))),
    );
    page.head("abmart_check_failed_rows", "Rows that fail a check that was breached.");
    for finding in &results.findings {
        let labels = [("source", finding.source.as_str()), ("check", &finding.check), ("column", &finding.column)];
        page.sample("abmart_check_failed_rows", &labels, number(finding.rows_failed));
    }
}

fn marts(page: &mut Page<'_>, results: &RunResults) {
    let of = || results.marts.iter();
    page.many("abmart_mart_rows", "Rows of a published mart.", "mart", of().map(|m| (m.mart.as_str(), number(m.rows))));
    page.many(
        "abmart_mart_bytes",
        "Bytes of a published mart.",
        "mart",
        of().map(|m| (m.mart.as_str(), number(m.bytes))),
    );
    let changed = of().map(|mart| (mart.mart.as_str(), f64::from(u8::from(!mart.unchanged))));
    page.many("abmart_mart_changed", "Whether the last run has changed a mart: 1 or 0.", "mart", changed);
    page.one("abmart_kpi_cells", "Cells of the KPI cube.", &[], number(results.cells as u64));
    let cache = &results.cache;
    let parts = |files: u64, periods: u64| [("files", number(files)), ("periods", number(periods))].into_iter();
    page.many(
        "abmart_cache_reused_results",
        "Results taken from the cache.",
        "part",
        parts(cache.files.reused, cache.periods.reused),
    );
    page.many(
        "abmart_cache_computed_results",
        "Results computed because the cache had none.",
        "part",
        parts(cache.files.computed, cache.periods.computed),
    );
    page.one(
        "abmart_cache_rejected_entries",
        "Damaged entries of the cache.",
        &[],
        number(cache.rejected.len() as u64),
    );
}

/// A page of metrics, all with the pipeline's label.
struct Page<'a> {
    text: String,
    pipeline: &'a str,
}

impl Page<'_> {
    fn head(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn sample(&mut self, name: &str, of: &[(&str, &str)], value: f64) {
        let all: Vec<(&str, &str)> = [("pipeline", self.pipeline)].into_iter().chain(of.iter().copied()).collect();
        let _ = writeln!(self.text, "{name}{} {value}", labels(&all));
    }

    fn one(&mut self, name: &str, help: &str, of: &[(&str, &str)], value: f64) {
        self.head(name, help);
        self.sample(name, of, value);
    }

    fn many<'l>(&mut self, name: &str, help: &str, label: &str, values: impl Iterator<Item = (&'l str, f64)>) {
        self.head(name, help);
        for (of, value) in values {
            self.sample(name, &[(label, of)], value);
        }
    }
}

fn labels(of: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let all: Vec<String> = of.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", all.join(","))
}

#[expect(clippy::cast_precision_loss, reason = "the format has floats only; counts stay far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

fn seconds(moment: Timestamp) -> f64 {
    moment.as_duration().as_secs_f64()
}

fn midnight(day: Date) -> f64 {
    day.to_zoned(TimeZone::UTC).map_or(f64::NAN, |moment| seconds(moment.timestamp()))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(labels(&[("a", "x\"y\\z\n")]), r#"{a="x\"y\\z\n"}"#);
    }

    #[test]
    fn a_failed_run_keeps_the_moment_of_the_last_success() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("abmart.prom");
        let metrics = Metrics::to(Some(&file)).expect("a file that can be written");
        let mut results = RunResults::begun("r".to_owned(), "nightly".to_owned(), None);
        results.conclude(None);
        metrics.write(&results);
        let success = last_success(&file, "nightly").expect("a success");
        results.conclude(Some(&Failure::Run("no".to_owned())));
        metrics.write(&results);
        assert_eq!(last_success(&file, "nightly"), Some(success));
        let text = std::fs::read_to_string(&file).expect("a file");
        assert!(text.contains("abmart_run_success{pipeline=\"nightly\"} 0\n"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }
}
