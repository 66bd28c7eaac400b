//! Outcomes of checks.

use std::fmt;

use abmart_spec::model::{Check, Severity, Source};
use serde::{Deserialize, Serialize};

/// How many file names a finding keeps.
const FILES_NAMED: usize = 5;

/// Outcome of one check over one source: a row of the `data_quality` mart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The source.
    pub source: String,
    /// The check's name: one of [`Check`], `schema` or `rows`.
    pub check: String,
    /// The column, or the key's columns; empty for the source as a whole.
    pub column: String,
    /// What a breach means.
    pub severity: Severity,
    /// Whether anything breaks the check.
    pub breached: bool,
    /// Rows looked at.
    pub rows_in: u64,
    /// Rows that fail; 0 for a check that is not about rows.
    pub rows_failed: u64,
    /// Files with failing rows, the first few.
    pub files: Vec<String>,
    /// What was found, in words, where the numbers do not say it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// A failing value or two, of a check that stops the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

impl Finding {
    /// A check of rows of one file, none of which was looked at yet.
    #[must_use]
    pub fn of_rows(source: &Source, check: Check, column: &str, severity: Severity) -> Self {
        Self::named(&source.name, check.name(), column, severity)
    }

    /// A check of a source as a whole, with what was found.
    #[must_use]
    pub fn of_source(source: &Source, check: Check, column: &str, breached: bool, detail: String) -> Self {
        let severity = source.severity(check);
        Self { breached, detail, ..Self::named(&source.name, check.name(), column, severity) }
    }

    /// Something that is no check of the contract.
    #[must_use]
    pub fn named(source: &str, check: &str, column: &str, severity: Severity) -> Self {
        Self {
            source: source.to_owned(),
            check: check.to_owned(),
            column: column.to_owned(),
            severity,
            breached: false,
            rows_in: 0,
            rows_failed: 0,
            files: Vec::new(),
            detail: String::new(),
            examples: Vec::new(),
        }
    }

    /// Adds rows of a file, some of which may fail.
    pub fn saw(&mut self, file: &str, rows: u64, failed: u64) {
        self.rows_in += rows;
        self.rows_failed += failed;
        self.breached |= failed > 0;
        if failed > 0 {
            self.name_file(file);
        }
    }

    /// Names a file, unless enough are named.
    pub fn name_file(&mut self, file: &str) {
        if self.files.len() < FILES_NAMED && !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_owned());
        }
    }

    /// Whether the finding stops the run.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.breached && self.severity == Severity::Fail
    }

    /// Adds what the same check found in other rows.
    fn add(&mut self, other: Self) {
        self.breached |= other.breached;
        self.rows_in += other.rows_in;
        self.rows_failed += other.rows_failed;
        for file in &other.files {
            self.name_file(file);
        }
        self.examples.extend(other.examples);
        self.examples.dedup();
        self.examples.truncate(EXAMPLES);
    }
}

/// How many failing values are shown.
pub const EXAMPLES: usize = 2;

/// Adds the findings of a file to those of the source.
pub fn add_findings(all: &mut Vec<Finding>, more: Vec<Finding>) {
    for finding in more {
        match all.iter_mut().find(|known| known.check == finding.check && known.column == finding.column) {
            Some(known) => known.add(finding),
            None => all.push(finding),
        }
    }
}

/// In one sentence, for people.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source `{}`", self.source)?;
        match self.files.as_slice() {
            [] => {}
            [file] => write!(f, ", file `{file}`")?,
            files => write!(f, ", files `{}`", files.join("`, `"))?,
        }
        if !self.column.is_empty() {
            write!(f, ", column `{}`", self.column)?;
        }
        if self.rows_failed == 0 {
            write!(f, ": fails the check `{}`", self.check)?;
        } else {
            write!(f, ": {} rows fail the check `{}`", self.rows_failed, self.check)?;
        }
        if !self.examples.is_empty() {
            write!(f, ", for example `{}`", self.examples.join("`, `"))?;
        }
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}
