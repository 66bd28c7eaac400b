//! Files of the lake on their way into frames: scanned by contract, checked row by row, reduced per file.

pub mod contract;
mod exact;
pub mod finding;
pub mod load;
pub mod reference;
pub mod references;
pub mod rollup;
pub mod scan;
pub mod snapshot;
pub mod whole;
pub mod yardsticks;
