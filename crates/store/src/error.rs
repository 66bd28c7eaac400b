use std::io;

use thiserror::Error;

/// What can go wrong between the program and its stores.
///
/// [`StoreError::is_environment`] tells failures that a retry may cure from those that need a change
/// of the configuration or of the data.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The text given as a store's location is no usable path or URL.
    #[error("location `{location}` is not usable: {reason}")]
    Location {
        /// The location, without credentials.
        location: String,
        /// What is wrong and what would be right.
        reason: String,
    },

    /// The location names no known kind of store.
    #[error(
        "unknown scheme `{scheme}` (location `{location}`); stores are a path, or a URL of file://, s3://, az://, abfss:// or gs://"
    )]
    UnsupportedScheme {
        /// The scheme, such as `http`.
        scheme: String,
        /// The location, without credentials.
        location: String,
    },

    /// What is needed to reach a store is missing or contradicts itself.
    #[error("store `{store}` cannot be used: {reason}")]
    Settings {
        /// The store's label.
        store: String,
        /// What is wrong and what would be right.
        reason: String,
    },

    /// No credentials were found for a store.
    #[error("store `{store}`: no credentials: {reason}; {help}")]
    Credentials {
        /// The store's label.
        store: String,
        /// What was tried.
        reason: String,
        /// Where they can come from.
        help: String,
    },

    /// A store's root folder or an object is not there.
    #[error("{what} does not exist{hint}")]
    NotFound {
        /// What was looked for, with its store.
        what: String,
        /// What to do about it, beginning with a separator, or empty.
        hint: String,
    },

    /// An object was replaced between its listing and its reading.
    #[error("`{key}` in store `{store}` was replaced while it was being read; a new run reads the new file")]
    Changed {
        /// The store's label.
        store: String,
        /// The object's key.
        key: String,
    },

    /// A key, run id, mart name or file name that a store cannot hold.
    #[error("`{key}` is not a valid {role}: {reason}")]
    InvalidKey {
        /// The offending text.
        key: String,
        /// What it was meant to be: `key`, `run id`, `mart name`, `file name`.
        role: &'static str,
        /// The rule that it breaks.
        reason: String,
    },

    /// A file that should be Parquet and is not, or not all of it.
    #[error("`{key}` ({size} bytes) is not a readable Parquet file: {reason}")]
    NotParquet {
        /// The object's key.
        key: String,
        /// The object's size in bytes.
        size: u64,
        /// What was found instead.
        reason: String,
    },

    /// The description of a mart, or its rows, contradict each other.
    #[error("mart `{mart}`: {reason}")]
    Mart {
        /// The mart's name.
        mart: String,
        /// The contradiction.
        reason: String,
    },

    /// The rows of a mart do not come in the order that its file would declare.
    #[error(
        "mart `{mart}`: row {row} comes before its predecessor in the order of ({columns}); \
         rows must be sorted ascending with nulls first"
    )]
    Unsorted {
        /// The mart's name.
        mart: String,
        /// The first row out of order, counted from 0.
        row: u64,
        /// The declared sort columns, comma-separated.
        columns: String,
    },

    /// The Parquet encoder refused a mart's rows.
    #[error("mart `{mart}`, file `{file}` could not be encoded")]
    Encode {
        /// The mart's name.
        mart: String,
        /// The file's name.
        file: String,
        /// The encoder's reason.
        source: Box<parquet::errors::ParquetError>,
    },

    /// A staged file that is to be published is absent or has another size than when it was written.
    #[error("staged file `{key}` is missing or incomplete; nothing was published, a new run stages it again")]
    StagedMissing {
        /// The staged file's key.
        key: String,
    },

    /// A published file that a run did not write again is not there any more as it was published.
    #[error("`{key}` is not there any more as it was published; nothing was published, a new run writes it again")]
    KeptMissing {
        /// The file's key.
        key: String,
    },

    /// Another run holds the lease of the store.
    #[error(
        "store `{store}` is in use: {holder} holds its lease since {since}, until {until} unless it is renewed; \
         run again when it has ended"
    )]
    LeaseHeld {
        /// The store's label.
        store: String,
        /// The run, with its process and host.
        holder: String,
        /// Since when it holds it, in UTC.
        since: String,
        /// When the lease ends unless it is renewed, in UTC.
        until: String,
    },

    /// The lease of the store ran out and another run has taken it.
    #[error(
        "run {run_id} has lost the lease of store `{store}` to {by}: it did not renew it in time; \
         it publishes nothing more"
    )]
    LeaseLost {
        /// The store's label.
        store: String,
        /// The run that had it.
        run_id: String,
        /// The run that has it now, with its process and host.
        by: String,
    },

    /// The store cannot hold a lease, because it has no conditional puts.
    #[error(
        "store `{store}` has no conditional puts ({reason}), so that two runs at once could not be told from each other; \
         `unsafe_no_lease: true` in the settings of the store goes without a lease, and whoever sets it sees to it \
         that never two runs write there at the same time"
    )]
    NoConditionalPut {
        /// The store's label.
        store: String,
        /// What it did instead.
        reason: String,
    },

    /// A mart's Delta table cannot be read or written.
    #[error("the Delta table of mart `{mart}` in store `{store}` failed: {reason}")]
    Delta {
        /// The mart's name.
        mart: String,
        /// The store's label.
        store: String,
        /// What was wrong.
        reason: String,
        /// Whether trying again may help.
        environment: bool,
    },

    /// The manifest, the intent or the lease record cannot be understood.
    #[error("record `{key}` in store `{store}` is not readable: {reason}")]
    Record {
        /// The store's label.
        store: String,
        /// The record's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The operating system refused an operation.
    #[error("{action} failed")]
    Io {
        /// What was attempted, with its path.
        action: String,
        /// The system's reason.
        source: io::Error,
    },

    /// The object store refused an operation.
    #[error("{action} {}in store `{store}` failed: {reason}", if key.is_empty() { String::new() } else { format!("`{key}` ") })]
    Object {
        /// What was attempted.
        action: &'static str,
        /// The object's key.
        key: String,
        /// The store's label.
        store: String,
        /// The store's reason, and what to do about it; free of credentials.
        reason: String,
    },
}

impl StoreError {
    /// True when the surroundings failed (disk, network, permissions, a file that vanished or changed)
    /// and the same command may succeed later; false when the configuration or the data is wrong.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Changed { .. }
            | Self::StagedMissing { .. }
            | Self::KeptMissing { .. }
            | Self::LeaseHeld { .. }
            | Self::LeaseLost { .. }
            | Self::Credentials { .. }
            | Self::Io { .. }
            | Self::Object { .. } => true,
            Self::Delta { environment, .. } => *environment,
            Self::Location { .. }
            | Self::Settings { .. }
            | Self::NoConditionalPut { .. }
            | Self::UnsupportedScheme { .. }
            | Self::InvalidKey { .. }
            | Self::NotParquet { .. }
            | Self::Mart { .. }
            | Self::Unsorted { .. }
            | Self::Encode { .. }
            | Self::Record { .. } => false,
        }
    }

    /// True when the error says that an object or a store's root is absent.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Self::Io { action: action.into(), source }
    }

    /// The encoder reports a failure of what it writes to as its own; told apart here, because one is
    /// worth a retry and the other is not.
    pub(crate) fn encode(mart: &str, file: &str, error: parquet::errors::ParquetError) -> Self {
        let error = match error {
            parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(source) => {
                    return Self::io(format!("writing `{file}` of mart `{mart}`"), *source);
                }
                Err(inner) => parquet::errors::ParquetError::External(inner),
            },
            other => other,
        };
        Self::Encode { mart: mart.to_owned(), file: file.to_owned(), source: Box::new(error) }
    }
}
