//! The checks of a source's contract: do they make sense, and can they do what their severity says?

use crate::decode::Kind;
use crate::diagnostic::{Diagnostic, Span};
use crate::model::{Check, Column, ColumnType, MartBody, RowCount, Severity, Source, SourceKind, Spanned};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn contract(&mut self, source: &Source) {
        let has = |check: Check| match check {
            Check::Unique => !source.key.is_empty(),
            Check::Freshness => source.freshness.is_some(),
            Check::RowCount => source.row_count.is_some(),
            _ => false,
        };
        for (check, severity) in &source.on_breach.checks {
            self.has_check(*check, severity.span, has(*check), &format!("source `{}`", source.name));
            if *check != Check::Unique && severity.value == Severity::Quarantine {
                self.report(
                    Diagnostic::error(
                        "nothing-to-quarantine",
                        format!("`{}` is about the source, not about rows", check.name()),
                    )
                    .at(severity.span)
                    .help("no row could be set aside for it: `warn` or `fail`"),
                );
            }
        }
        if let Some(count) = &source.row_count {
            self.row_count(source, count);
        }
        for column in source.columns.values() {
            self.column(source, column);
        }
    }

    fn column(&mut self, source: &Source, column: &Column) {
        let has = |check: Check| match check {
            Check::NotNull => !column.nullable,
            Check::Finite => matches!(column.ty, ColumnType::Number | ColumnType::Money),
            Check::Range => column.min.is_some() || column.max.is_some(),
            Check::AcceptedValues => !column.values.is_empty(),
            Check::References => column.references.is_some(),
            _ => false,
        };
        for (check, severity) in &column.on_breach.checks {
            self.has_check(*check, severity.span, has(*check), &format!("column `{}`", column.name));
        }
        if let (Some(min), Some(max)) = (column.min, column.max)
            && min > max
        {
            self.empty_range(column.span, &min.to_string(), &max.to_string());
        }
        if let Some(referred) = &column.references {
            self.reference(source, column, referred);
        }
        if let Some(since) = &column.since {
            let identifies = source.key.iter().chain(&source.time).any(|name| name.value == column.name);
            let (problem, help) = if identifies {
                ("is in the key or the time of the source", "a row without it could not be told from others")
            } else if !column.nullable {
                ("cannot be null, as it is in rows before that day", "`nullable: true`")
            } else {
                return;
            };
            let message = format!("column `{}` {problem}, so it cannot have `since`", column.name);
            self.report(Diagnostic::error("conflicting-keys", message).at(since.span).help(help));
        }
    }

    /// Reports a severity of a check that is not made.
    fn has_check(&mut self, check: Check, place: Span, has: bool, owner: &str) {
        if has {
            return;
        }
        let needs = match check {
            Check::NotNull => "a column that may be null is not checked for it",
            Check::Finite => "it is for columns of type `number` or `money`",
            Check::Range => "`min` or `max` gives it one",
            Check::AcceptedValues => "`values` gives it one",
            Check::References => "`references` gives it one",
            Check::Unique => "`key` gives it one",
            Check::Freshness => "`freshness` gives it one",
            Check::RowCount => "`row_count` gives it one",
        };
        let message = format!("{owner} has no check `{}`", check.name());
        self.report(Diagnostic::error("no-such-check", message).at(place).help(needs));
    }

    fn row_count(&mut self, source: &Source, count: &RowCount) {
        let severity = source.severity(Check::RowCount);
        match (count.min, count.max, count.drift) {
            (None, None, None) => self.report(
                Diagnostic::error("missing-key", "a row count needs one of `min`, `max` and `drift`")
                    .at(count.span)
                    .help("for example `{min: 1, drift: 0.3}`"),
            ),
            (Some(min), Some(max), _) if min > max => {
                self.empty_range(count.span, &min.to_string(), &max.to_string());
            }
            _ => {}
        }
        let Some(drift) = count.drift else { return };
        if !(drift > 0.0 && drift.is_finite()) {
            self.report(
                Diagnostic::error("bad-drift", format!("`{drift}` is no share that a number of rows could drift by"))
                    .at(count.span)
                    .help("a share above 0: `0.3` is 30 %"),
            );
        }
        let history = self
            .project
            .marts
            .values()
            .any(|mart| matches!(&mart.body, MartBody::From(name) if name.value == "data_quality"));
        if !history {
            let message = "`drift` compares with the mart `data_quality`, which the project does not publish";
            let finding = if severity == Severity::Fail { Diagnostic::error } else { Diagnostic::warning };
            self.report(
                finding("drift-without-history", message.to_owned())
                    .at(count.span)
                    .help("a mart with `from: data_quality` keeps the counts of earlier days"),
            );
        }
    }

    fn empty_range(&mut self, place: Span, min: &str, max: &str) {
        self.report(
            Diagnostic::error("empty-range", format!("nothing is at least {min} and at most {max}"))
                .at(place)
                .help("`min` is the smaller one"),
        );
    }

    /// A reference is to the one key column of a snapshot source, of the same type.
    fn reference(&mut self, source: &Source, column: &Column, referred: &Spanned<String>) {
        if !self.known(&[Kind::Source], referred) {
            return;
        }
        let Some(target) = self.project.sources.get(&referred.value) else { return };
        let problem = match (target.kind, target.key.as_slice()) {
            (SourceKind::Events, _) => Some((
                format!("`{}` holds events; a reference is to a snapshot", target.name),
                "its newest copy says what exists".to_owned(),
            )),
            (_, [key]) => target.columns.get(&key.value).filter(|key| key.ty != column.ty).map(|key| {
                let message = format!("`{}` and the key of `{}` have different types", column.name, target.name);
                (message, format!("the key is `{}: {}`", key.name, key.ty.name()))
            }),
            (_, keys) => Some((
                format!("a reference needs a source with a key of one column; `{}` has {}", target.name, keys.len()),
                "`key: [column]` at that source".to_owned(),
            )),
        };
        if let Some((message, help)) = problem {
            self.report(
                Diagnostic::error("bad-reference", message)
                    .at(referred.span)
                    .label(target.span, "the source")
                    .help(help),
            );
        }
        let rollup = self.project.rollups.values().find(|rollup| rollup.from.value == source.name);
        if let (Severity::Quarantine, Some(rollup)) = (column.severity(Check::References), rollup) {
            let place = column.on_breach.checks.get(&Check::References).map_or(referred.span, |severity| severity.span);
            let message =
                format!("rollup `{}` reduces `{}`: no row can be set aside for a reference", rollup.name, source.name);
            self.report(
                Diagnostic::error("nothing-to-quarantine", message)
                    .at(place)
                    .label(rollup.span, "the rollup")
                    .help("what comes of a file must not depend on another source: `warn` or `fail`"),
            );
        }
    }
}
