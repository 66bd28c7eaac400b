//! Unit tests of definitions: the rows that a test gives become a small lake, a run makes what the test looks at, and
//! what comes out is held against what is expected.
//!
//! ```text
//! UnitTest ──lake──▶ Parquet files ──┐
//!     │                              ├──run──▶ rows ──compare──▶ Outcome
//!     └──────wanted──▶ project ──────┘
//! ```
//!
//! The run is the one of every night, from files to staged marts: only the marts are others, one for each thing that the
//! test looks at, and nothing is published. So a test that passes says that readers of marts will see the same.

mod cell;
mod compare;
mod given;
mod lake;
mod run;
mod wanted;

pub use cell::Cell;
pub use compare::{Difference, Row, WrongCell};
pub use given::neutral;
pub use lake::field;
pub use run::{Outcome, Verdict, run};
