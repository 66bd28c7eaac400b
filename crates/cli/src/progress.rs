//! Progress: bars on a terminal, events in a JSON log, silence in a pipe.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use abmart_engine::context::{Observer, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Global, Log};

/// Whether bars are shown.
pub fn wanted(global: &Global) -> bool {
    !global.quiet && global.log == Log::Text && std::io::stderr().is_terminal()
}

/// A bar that counts rows.
pub fn rows_bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{msg:<20} {wide_bar:.cyan/dim} {human_pos}/{human_len} {elapsed}"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Shows the stages of a run.
pub struct Progress {
    bars: bool,
    current: Mutex<ProgressBar>,
}

impl Progress {
    /// Progress as the options want it.
    pub fn new(global: &Global) -> Self {
        Self { bars: wanted(global), current: Mutex::new(ProgressBar::hidden()) }
    }

    /// Shows how far a query of another engine has come.
    #[cfg(feature = "spark")]
    pub fn elsewhere(&self, about: &str, done: u64, tasks: u64) {
        if self.bars {
            self.bar().set_message(format!("{about}: {done} of {tasks} tasks"));
        }
        tracing::debug!(about, done, tasks, "query under way");
    }

    fn bar(&self) -> ProgressBar {
        // A thread that panicked while it held the bar leaves a bar that still works.
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Observer for Progress {
    fn started(&self, stage: Stage, total: u64) {
        tracing::debug!(stage = name(stage), total, "stage started");
        if self.bars {
            let bar = rows_bar(total);
            bar.set_message(title(stage));
            *self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bar;
        }
    }

    fn advanced(&self, amount: u64) {
        self.bar().inc(amount);
    }

    fn finished(&self, stage: Stage) {
        self.bar().finish_and_clear();
        if crate::logging::is_json() {
            tracing::info!(stage = name(stage), "stage finished");
        }
    }
}

/// The word for a stage in logs and results.
pub fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "read",
        Stage::Tables => "tables",
        Stage::Periods => "periods",
        Stage::Marts => "marts",
    }
}

fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "reading the lake",
        Stage::Tables => "tables",
        Stage::Periods => "facts by period",
        Stage::Marts => "KPIs and marts",
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
