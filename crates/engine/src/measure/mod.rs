//! Measures per entity and period: facts, scores, and the entity frames that they make up.

pub mod fact;
pub mod frame;
pub mod score;
