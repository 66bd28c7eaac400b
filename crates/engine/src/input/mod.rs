//! Files of the lake on their way into frames: scanned by contract, checked row by row, reduced per file.

pub mod contract;
pub mod load;
pub mod reference;
pub mod rollup;
pub mod scan;
