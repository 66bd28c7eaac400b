//! Sources and rollups.

use sqlparser::ast::Expr;

use crate::decode::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::{Rollup, Source, SourceKind, SqlExpr};
use crate::sql::parts;

use super::Resolver;
use super::expression::Calls;

/// The aggregates whose partial results can be merged.
const MERGEABLE: &[&str] = &["count", "sum", "min", "max"];

impl Resolver<'_> {
    pub(super) fn sources(&mut self) {
        let project = self.project;
        for source in project.sources.values() {
            let owner = format!("source `{}`", source.name);
            for column in source.key.iter().chain(&source.time) {
                self.contract_column(column, &source.columns, &owner);
            }
            self.source_time(source);
            self.contract(source);
        }
    }

    fn source_time(&mut self, source: &Source) {
        match (source.kind, &source.time) {
            (SourceKind::Events, None) => self.report(
                Diagnostic::error("missing-key", format!("events source `{}` lacks `time`", source.name))
                    .at(source.span)
                    .help("`time` names the column that says when a row happened"),
            ),
            (SourceKind::Snapshot, Some(time)) => self.report(
                Diagnostic::error("conflicting-keys", format!("snapshot source `{}` cannot have `time`", source.name))
                    .at(time.span)
                    .help("a snapshot is a state; facts over it name their own `time`"),
            ),
            _ => {}
        }
        let path = &source.path.value;
        // An unknown placeholder has been reported as such.
        let unknown = path.replace("{month}", "").contains('{');
        if source.kind == SourceKind::Snapshot && !path.contains("{day}") && !unknown {
            self.report(
                Diagnostic::error("bad-path", "the path of a snapshot lacks `{day}`")
                    .at(source.path.span)
                    .help(format!("for example `{}/dt={{day}}/*.parquet`", source.name)),
            );
        }
    }

    pub(super) fn rollups(&mut self) {
        let project = self.project;
        for rollup in project.rollups.values() {
            if self.known(&[Kind::Source], &rollup.from)
                && let Some(source) = project.sources.get(&rollup.from.value)
                && source.kind == SourceKind::Snapshot
            {
                self.report(
                    Diagnostic::error(
                        "rollup-over-snapshot",
                        format!("`{}` is a snapshot; a rollup reduces events", source.name),
                    )
                    .at(rollup.from.span)
                    .label(source.span, "the source")
                    .help("a table with `group by` reduces a snapshot"),
                );
            }
            self.rollup_expressions(rollup);
        }
    }

    fn rollup_expressions(&mut self, rollup: &Rollup) {
        if let Some(sql) = &rollup.filter {
            self.plain(sql, "the filter of a rollup", Calls::NONE);
        }
        for sql in rollup.by.values() {
            self.plain(sql, "a group key", Calls::BUCKET);
        }
        for sql in rollup.measures.values() {
            if self.in_order(sql, Calls::NONE) {
                self.mergeable(sql);
            }
        }
    }

    fn mergeable(&mut self, sql: &SqlExpr) {
        let parts = parts(&sql.ast);
        let single = matches!(&sql.ast, Expr::Function(_)) && parts.nested.is_empty();
        let mergeable = |call: &crate::sql::Call| MERGEABLE.contains(&call.name.as_str()) && !call.is_distinct();
        match &parts.aggregates[..] {
            [call] if single && mergeable(call) => {}
            _ => self.report(
                Diagnostic::error("rollup-measure-not-mergeable", format!("`{}` cannot be merged over files", sql.text.trim()))
                    .at(sql.span)
                    .help("a rollup measure is one of `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)`, with an optional `filter (where …)`; other aggregates belong into a fact over the rollup"),
            ),
        }
    }
}
