//! Scores.

use crate::decode::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::{Component, ForEach, Score};
use crate::sql::{locate, parts};

use super::Resolver;
use super::expression::Calls;

impl Resolver<'_> {
    pub(super) fn scores(&mut self) {
        let project = self.project;
        for score in project.scores.values() {
            self.known(&[Kind::Entity], &score.per);
            if self.known(Kind::RELATIONS, &score.from) {
                self.score_input(score);
            }
            let signals = format!("{}_signals", score.name);
            for kind in [Kind::Source, Kind::Rollup, Kind::Table, Kind::Entity] {
                if let Some(place) = self.names.place(kind, &signals) {
                    self.report(
                        Diagnostic::error(
                            "reserved-name",
                            format!("`{signals}` is the name of the contributions to score `{}`", score.name),
                        )
                        .at(place)
                        .label(score.span, "the score"),
                    );
                }
            }
            for (name, component) in &score.components {
                if matches!(name.as_str(), "score" | "band") {
                    self.report(
                        Diagnostic::error("reserved-name", format!("`{name}` is a measure that every score has"))
                            .at(component.span),
                    );
                }
                self.component(component);
            }
            if let Some(bands) = &score.bands {
                self.dimension(&bands.by);
            }
        }
    }

    fn score_input(&mut self, score: &Score) {
        let table = self.project.tables.get(&score.from.value);
        let per_period = table.is_none_or(|table| table.for_each == ForEach::Period);
        let other = self.names.has(&[Kind::Source, Kind::Rollup], &score.from.value);
        if other || !per_period {
            self.report(
                Diagnostic::error(
                    "score-not-per-period",
                    format!("`{}` is not a `for_each: period` table", score.from.value),
                )
                .at(score.from.span)
                .help("a score reads the signals of one period"),
            );
        }
    }

    fn component(&mut self, component: &Component) {
        let sql = &component.measure;
        if !self.aggregated(sql, "a component", Calls::PERIOD) || !component.by_signal {
            return;
        }
        for call in parts(&sql.ast).aggregates {
            if !matches!(call.name.as_str(), "sum" | "count") || call.is_distinct() {
                self.report(
                    Diagnostic::error(
                        "score-not-additive",
                        format!("`{}` over all signals is not the sum of `{}` over each", call.name, call.name),
                    )
                    .at(locate(sql, call.span))
                    .help("`by_signal` is for `sum` and `count`"),
                );
            }
        }
    }
}
