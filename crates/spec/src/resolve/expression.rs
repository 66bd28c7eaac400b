//! What may stand in an expression: plain ones, aggregates, functions of the run and of the period.

use sqlparser::tokenizer;

use crate::diagnostic::Diagnostic;
use crate::grammar::{is_date, is_timestamp};
use crate::model::SqlExpr;
use crate::sql::{AGGREGATES, Call, Parts, locate, mistakes, parts};

use super::Resolver;

/// The calls that an expression may hold beyond those of SQL.
#[derive(Clone, Copy)]
pub(super) struct Calls {
    run: bool,
    period: bool,
    bucket: bool,
}

impl Calls {
    pub const NONE: Self = Self { run: false, period: false, bucket: false };
    pub const BUCKET: Self = Self { bucket: true, ..Self::NONE };
    pub const RUN: Self = Self { run: true, ..Self::NONE };
    pub const PERIOD: Self = Self { run: true, period: true, bucket: false };
}

impl Resolver<'_> {
    /// Reports aggregates where every row has its own value.
    pub(super) fn plain(&mut self, sql: &SqlExpr, what: &str, calls: Calls) {
        if !self.in_order(sql, calls) {
            return;
        }
        if let Some(call) = parts(&sql.ast).aggregates.first() {
            self.report(
                Diagnostic::error(
                    "aggregate-not-allowed",
                    format!("`{}` is an aggregate, but {what} is evaluated row by row", call.name),
                )
                .at(locate(sql, call.span)),
            );
        }
    }

    /// Reports anything but aggregates and what combines them; true if there is nothing to report.
    pub(super) fn aggregated(&mut self, sql: &SqlExpr, what: &str, calls: Calls) -> bool {
        if !self.in_order(sql, calls) {
            return false;
        }
        let parts = parts(&sql.ast);
        let names = AGGREGATES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        for call in &parts.nested {
            self.at_call(
                sql,
                call,
                "nested-aggregate",
                format!("`{}` stands inside of another aggregate", call.name),
                "an aggregate over aggregates needs a fact or table in between",
            );
        }
        for call in &parts.unsupported {
            let help = format!("the aggregates are {}", names.join(", "));
            self.at_call(
                sql,
                call,
                "unknown-aggregate",
                format!("`{}` is not an aggregate of facts and KPIs", call.name),
                &help,
            );
        }
        let outside = parts.columns.iter().find(|column| column.aggregate.is_none());
        match outside {
            Some(column) => self.report(
                Diagnostic::error(
                    "column-outside-aggregate",
                    format!(
                        "`{}` stands outside of an aggregate, but {what} is one value for many rows",
                        column.path.join(".")
                    ),
                )
                .at(locate(sql, column.span))
                .help("for example `sum(…)`, `count(…)`, or `max(…)` around it"),
            ),
            None if parts.aggregates.is_empty() => self.report(
                Diagnostic::error(
                    "aggregate-missing",
                    format!("`{}` has no aggregate, but {what} is one value for many rows", sql.text.trim()),
                )
                .at(sql.span)
                .help("for example `sum(…)` or `count(*)`"),
            ),
            None => {}
        }
        outside.is_none() && parts.nested.is_empty() && parts.unsupported.is_empty()
    }

    /// Reports what can stand in no expression here; true if there is nothing to report.
    pub(super) fn in_order(&mut self, sql: &SqlExpr, calls: Calls) -> bool {
        let parts = parts(&sql.ast);
        let before = self.diagnostics.len();
        for call in &parts.windows {
            self.at_call(
                sql,
                call,
                "window-not-allowed",
                format!("`{}(…) over (…)` cannot stand here", call.name),
                "window functions belong into the SQL of a table",
            );
        }
        for place in &parts.subqueries {
            self.report(
                Diagnostic::error("subquery-not-allowed", "a query cannot stand inside of an expression here")
                    .at(locate(sql, *place))
                    .help("queries belong into the SQL of a table"),
            );
        }
        for mistake in mistakes(&sql.ast) {
            let place = locate(sql, mistake.place);
            self.report(Diagnostic::error(mistake.code, mistake.message).at(place).help(mistake.help));
        }
        self.calls(sql, &parts, calls);
        self.literals(&parts, |place| locate(sql, place));
        self.diagnostics.len() == before
    }

    fn calls(&mut self, sql: &SqlExpr, parts: &Parts, calls: Calls) {
        for call in parts.run_calls.iter().filter(|_| !calls.run) {
            self.at_call(
                sql,
                call,
                "run-function-not-allowed",
                format!("`{}()` cannot stand here: the result would depend on the run", call.name),
                "it can stand in tables, facts and marts",
            );
        }
        for call in parts.period_calls.iter().filter(|_| !calls.period) {
            self.at_call(
                sql,
                call,
                "period-function-outside-period",
                format!("`{}()` has no meaning here: there is no period", call.name),
                "it can stand in facts, scores, and `for_each: month` or `period` tables",
            );
        }
        for call in parts.buckets.iter().filter(|_| !calls.bucket) {
            self.at_call(
                sql,
                call,
                "bucket-outside-rollup",
                "`bucket(…)` is a group key of rollups".to_owned(),
                "elsewhere `date_trunc('month', …)` cuts time",
            );
        }
    }

    /// Reports `date '…'` and `timestamp '…'` that are none, and functions that no rerun could repeat.
    pub(super) fn literals(&mut self, parts: &Parts, locate: impl Fn(tokenizer::Span) -> crate::diagnostic::Span) {
        for call in &parts.unrepeatable {
            self.report(
                Diagnostic::error(
                    "not-repeatable",
                    format!("`{}` gives something else whenever it is asked", call.name),
                )
                .at(locate(call.span))
                .help("`as_of()` is the day that the run looks back from"),
            );
        }
        for (date, text, place) in &parts.moments {
            let (valid, form) = if *date {
                (is_date(text), "a date is written `date '2026-01-31'`")
            } else {
                (is_timestamp(text), "a timestamp is written `timestamp '2026-01-31 08:00:00'`")
            };
            if !valid {
                let noun = if *date { "date" } else { "timestamp" };
                self.report(
                    Diagnostic::error("bad-date", format!("`{text}` is not a {noun}")).at(locate(*place)).help(form),
                );
            }
        }
    }

    fn at_call(&mut self, sql: &SqlExpr, call: &Call, code: &'static str, message: String, help: &str) {
        self.report(Diagnostic::error(code, message).at(locate(sql, call.span)).help(help));
    }
}
