//! Frames on their way out: as Arrow, as marts.

pub mod arrow;
pub mod audit;
pub mod catalog;
pub mod history;
pub mod marts;
pub mod stage;
