//! Marts → pages that people read. It knows the marts' columns and nothing of how they are computed.

pub mod changes;
pub mod executive;
mod figures;
