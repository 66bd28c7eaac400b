//! Exit codes, and the failures behind them.

use std::fmt::Display;
use std::io::IsTerminal;

use abmart_engine::EngineError;
use abmart_plan::PlanError;
use abmart_spec::LoadError;
use abmart_spec::diagnostic::{Diagnostic, SourceMap, render};
use abmart_store::StoreError;

/// Why a command did not do what it was asked to. Its [`Failure::code`] is the program's exit code.
#[derive(Debug)]
pub enum Failure {
    /// A run, audit or test failed; nothing was published.
    Run(String),
    /// The command or the project is wrong.
    Config(String),
    /// The environment failed: trying again is sensible.
    Environment(String),
    /// Stopped from outside, by this signal.
    Interrupted(u8),
}

impl Failure {
    /// 1 run failed, 2 wrong command or project, 3 environment, 128 + signal when stopped.
    pub fn code(&self) -> u8 {
        match self {
            Self::Run(_) => 1,
            Self::Config(_) => 2,
            Self::Environment(_) => 3,
            Self::Interrupted(signal) => 128 + signal,
        }
    }

    /// Says on standard error why the command failed.
    pub fn report(&self) {
        match self {
            Self::Run(text) | Self::Config(text) | Self::Environment(text) => {
                if crate::logging::is_json() {
                    tracing::error!(exit_code = self.code(), "{}", text.trim_end());
                } else if text.starts_with("error") || text.starts_with('\u{1b}') {
                    eprintln!("{}", text.trim_end());
                } else {
                    eprintln!("error: {}", text.trim_end());
                }
            }
            Self::Interrupted(_) if crate::logging::is_json() => {
                tracing::warn!(exit_code = self.code(), "interrupted: nothing was published");
            }
            Self::Interrupted(_) => eprintln!("interrupted: nothing was published"),
        }
    }

    /// What is wrong, for `run_results.json`.
    pub fn text(&self) -> String {
        match self {
            Self::Run(text) | Self::Config(text) | Self::Environment(text) => text.trim_end().to_owned(),
            Self::Interrupted(_) => "interrupted".to_owned(),
        }
    }

    /// Findings about the project, each with its place.
    pub fn of_diagnostics(diagnostics: &[Diagnostic], files: &SourceMap) -> Self {
        Self::Config(render(diagnostics, files, colours()))
    }

    /// An error of the engine; a definition that failed is shown at its place.
    pub fn of_engine(error: EngineError, files: &SourceMap) -> Self {
        if error.is_environment() {
            return Self::Environment(chain(&error));
        }
        match error {
            EngineError::Interrupted => Self::Interrupted(crate::interrupt::signal()),
            other => Self::Run(described(&other, files, colours())),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = chain(&error);
        let config = |error: &StoreError| {
            matches!(
                error,
                StoreError::NoConditionalPut { .. }
                    | StoreError::Settings { .. }
                    | StoreError::Location { .. }
                    | StoreError::UnsupportedScheme { .. }
            )
        };
        if config(&error) {
            return Self::Config(text);
        }
        if error.is_environment() { Self::Environment(text) } else { Self::Run(text) }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::of_diagnostics(&error.diagnostics, &error.files)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        if error.is_config() { Self::Config(error.to_string()) } else { Self::Run(error.to_string()) }
    }
}

/// What an error of the engine says; a definition that failed is shown at its place.
pub fn described(error: &EngineError, files: &SourceMap, colour: bool) -> String {
    match error {
        EngineError::At { what, span, source } => {
            let finding = Diagnostic::error("run-failed", format!("{what}: {}", chain(&**source))).at(*span);
            render(&[finding], files, colour)
        }
        other => chain(other),
    }
}

/// Whether standard error understands colours.
pub fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// An error with its causes, one after the other.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

/// A failure of the project's own making, such as an unreadable file.
pub fn config(what: impl Display) -> Failure {
    Failure::Config(what.to_string())
}
