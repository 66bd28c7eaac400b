//! Multi-touch attribution: which touches made a conversion, and how much each of them did.
//!
//! ```text
//! touches      ──touches──▶ sorted by entity and time ─┐
//!                                                      ├─journey──▶ steps ──model──▶ weights ──credit──▶ shares of 1
//! conversions  ──conversions──▶ sorted likewise ───────┘              │                                and of the value
//!                                                                     ├──markov───▶ removal effects
//!                                                                     └──shapley──▶ values of the conversion-rate game
//! ```
//!
//! A journey is never copied: the touches of an entity lie side by side in the order of time, and those before a conversion
//! are a stretch of them. Everything here is plain numbers; names of channels and rows of tables are the caller's.

pub mod conversions;
pub mod credit;
pub mod journey;
pub mod ledger;
pub mod markov;
pub mod model;
pub mod shapley;
pub mod touches;

pub use conversions::Conversions;
pub use journey::{Journey, PathRule, Reader, Tactic};
pub use ledger::{Credits, Journeys, Survey};
pub use model::{Model, Position, Positions};
pub use touches::{Part, Touches};
