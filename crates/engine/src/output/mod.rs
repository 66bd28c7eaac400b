//! Frames on their way out: as Arrow, as marts.

pub mod alerts;
pub mod arrow;
pub mod audit;
pub mod bands;
pub mod catalog;
pub mod changes;
pub mod cuts;
pub mod fields;
pub mod history;
pub mod marts;
pub mod stage;
