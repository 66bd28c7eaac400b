//! Diagnostics for people: message, `file:line:column`, snippet, caret, help.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};

use super::{Diagnostic, FileId, Level, SourceFile, SourceMap, Span};

/// Renders diagnostics in the order given, one blank line between two of them, with terminal colours if `color`.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], files: &SourceMap, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    diagnostics
        .iter()
        .map(|diagnostic| renderer.render(&[group(diagnostic, files)]) + "\n")
        .collect::<Vec<_>>()
        .join("\n")
}

fn group<'a>(diagnostic: &'a Diagnostic, files: &'a SourceMap) -> Group<'a> {
    let level = match diagnostic.severity {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    for (file, snippet_file) in files_of(diagnostic, files) {
        let mut snippet =
            Snippet::source(snippet_file.text.as_ref()).path(snippet_file.path.to_string_lossy().into_owned());
        if let Some(span) = diagnostic.span.filter(|span| span.file == file) {
            snippet = snippet.annotation(AnnotationKind::Primary.span(visible(span, snippet_file)));
        }
        for (span, text) in diagnostic.labels.iter().filter(|(span, _)| span.file == file) {
            snippet =
                snippet.annotation(AnnotationKind::Context.span(visible(*span, snippet_file)).label(text.as_str()));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Title::HELP.message(help.as_str()));
    }
    group
}

/// The files that a diagnostic points into, the one of its own place first.
fn files_of<'a>(diagnostic: &Diagnostic, files: &'a SourceMap) -> Vec<(FileId, &'a SourceFile)> {
    let mut ids: Vec<FileId> = Vec::new();
    let labels = diagnostic.labels.iter().map(|(span, _)| span);
    for span in diagnostic.span.iter().chain(labels) {
        if !ids.contains(&span.file) {
            ids.push(span.file);
        }
    }
    ids.into_iter().filter_map(|id| Some((id, files.file(id)?))).collect()
}

/// The part of a span that a caret can underline: not more than its first line, on character boundaries.
fn visible(span: Span, file: &SourceFile) -> Range<usize> {
    let text = &file.text;
    let start = text.floor_char_boundary(span.start);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let end = text.floor_char_boundary(span.end.min(line_end));
    start..end.max(start)
}
