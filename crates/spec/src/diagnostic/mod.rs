//! What is wrong with a project, as data: one type for every stage, rendered for people or as JSON.

mod json;
mod render;
mod source;
mod suggest;

pub use json::to_json;
pub use render::render;
pub use source::{FileId, SourceFile, SourceMap, Span};
pub use suggest::did_you_mean;

/// One finding about the project, with its place where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Kebab-case name of the kind of finding (`unknown-key`); stable, so that tools can filter by it.
    pub code: &'static str,
    /// Whether the project can be used in spite of it.
    pub severity: Level,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where it is wrong.
    pub span: Option<Span>,
    /// Further places with a remark each, such as an earlier definition of the same name.
    pub labels: Vec<(Span, String)>,
    /// What would be right.
    pub help: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The project cannot be used.
    Error,
    /// The project can be used, but likely does not say what was meant.
    Warning,
}

impl Diagnostic {
    /// A finding that makes the project unusable.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Level::Error, message: message.into(), span: None, labels: Vec::new(), help: None }
    }

    /// A finding that leaves the project usable.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Level::Warning, ..Self::error(code, message) }
    }

    /// Sets the place; [`Span::none`] leaves the finding without one.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = (!span.is_none()).then_some(span);
        self
    }

    /// Adds a further place with a remark.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        if !span.is_none() {
            self.labels.push((span, text.into()));
        }
        self
    }

    /// Says what would be right.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says what would be right, where something is known about it.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        if text.is_some() {
            self.help = text;
        }
        self
    }

    /// On the heap, for the error of a `Result`.
    #[must_use]
    pub fn boxed(self) -> Box<Self> {
        Box::new(self)
    }

    /// Whether the finding makes the project unusable.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Level::Error
    }
}

/// Puts findings into the order in which they are shown: by file and place; those without a place come first.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message)));
    diagnostics.dedup();
}
