//! Rollups reduced elsewhere: the client's side of Spark Connect, which Apache Spark, managed Spark services and Sail speak.
//!
//! ```text
//! Remote ─┐
//!         ├─▶ Client ──rows──▶ Answer: Arrow IPC streams, as they came
//! Settings┘      └────write──▶ Written: Parquet in a folder that the server reaches
//! ```
//!
//! The connection needs the feature `client`; what describes one (where a server is, what is expected of it, what went
//! wrong) is there without it. Arrow is not decoded here, so that no version of it is shared: whoever asks hands the
//! streams to the reader that it has.
//!
//! Callers are synchronous: a `Client` owns a small async runtime and hides it.

mod error;
mod remote;
mod settings;

#[cfg(feature = "client")]
pub mod client;

pub use error::SparkError;
pub use remote::Remote;
pub use settings::{Progress, Settings, Unwatched, Watch};

#[cfg(feature = "client")]
pub use client::{Answer, Client, Written};
