//! Object stores for tests, started by the tests themselves on 127.0.0.1.
//!
//! ```text
//! program or Store ──▶ Proxy ──▶ S3Server   in this process, files in a temporary folder
//!                        │  └──▶ Azurite    a process of its own, in memory
//!                        └ counts requests, and spoils those that a rule picks out
//! Pages ◀── a bucket of any number of objects, which can be listed only
//! ```
//!
//! A test that a server fails to start for fails with it: everything here panics instead of returning errors.

#![expect(clippy::missing_panics_doc, reason = "a server of a test that does not start ends the test")]
#![expect(clippy::expect_used, clippy::panic, reason = "only tests call it")]

mod azurite;
mod listen;
mod pages;
mod proxy;
mod s3;

pub use azurite::Azurite;
pub use pages::Pages;
pub use proxy::{Fault, Proxy, Request, at_every_request};
pub use s3::S3Server;
