//! What the integration tests share: lakes made of a few rows, the real program run on them, its marts read back.
//!
//! ```text
//! fixtures/*.yaml ──lake──▶ a folder of Parquet ──program──▶ a folder of marts ──marts──▶ figures
//! ```

#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, reason = "tests")]

pub mod changes;
pub mod cloud;
pub mod contract;
pub mod http;
pub mod lake;
pub mod marts;
pub mod program;
pub mod tiny;

pub use lake::Lake;
pub use marts::Marts;

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("{:x}", sha2::Sha256::digest(bytes))
}
