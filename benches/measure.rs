//! What the benches have in common: a process with its time and memory, medians, settings from the environment.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a process needed.
pub struct Needed {
    /// Seconds from start to exit.
    pub seconds: f64,
    /// KiB of memory at its highest, where the system tells.
    pub peak: Option<u64>,
}

/// Runs a program to its end, its output dropped.
pub fn watched(command: &mut Command) -> Result<Needed, Box<dyn Error>> {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut peak = None;
    let status = loop {
        peak = high_water(child.id()).max(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = begun.elapsed().as_secs_f64();
    if status.success() { Ok(Needed { seconds, peak }) } else { Err(format!("the run failed: {status}").into()) }
}

/// The highest memory of a process so far, where the system tells.
fn high_water(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// `ABMART_BENCH_<NAME>`, or what holds without it.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(format!("ABMART_BENCH_{name}")).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
