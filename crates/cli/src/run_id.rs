//! Names of runs.

use std::sync::atomic::{AtomicU32, Ordering};

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A new name: the time in UTC and the process, so that two runs at the same second differ; where a process makes
/// several runs, which of them.
pub fn next() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let process = std::process::id();
    match GIVEN.fetch_add(1, Ordering::Relaxed) {
        0 => format!("{now}-{process:x}"),
        number => format!("{now}-{process:x}-{number}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_runs_of_a_process_differ() {
        assert_ne!(super::next(), super::next());
    }
}
