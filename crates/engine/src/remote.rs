//! Another engine, which reduces files of the lake where they lie.

use std::fmt;
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;

/// An engine that answers SQL over files of the lake.
pub trait Remote: Sync {
    /// Where the engine finds a file of the lake.
    fn location(&self, key: &str) -> String;

    /// Asks a question and hands over the rows of the answer, in whatever order and pieces they come.
    ///
    /// # Errors
    /// When the engine cannot be reached, cannot answer, or is told to stop.
    fn ask(&self, question: &Question<'_>, rows: &mut dyn FnMut(&RecordBatch)) -> Result<(), RemoteError>;
}

/// What an engine is asked.
pub struct Question<'a> {
    /// What it is about, for messages and results: `rollup contact_days`.
    pub about: &'a str,
    /// The query.
    pub sql: &'a str,
    /// How many files it reads.
    pub files: usize,
    /// How many rows the answer may have.
    pub rows: u64,
    /// Set from outside to stop.
    pub interrupted: &'a AtomicBool,
}

/// Why an engine has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    /// What happened, with the engine's address.
    pub message: String,
    /// Whether it was told to stop.
    pub interrupted: bool,
    /// Whether the environment failed, so that trying again is sensible.
    pub environment: bool,
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RemoteError {}
