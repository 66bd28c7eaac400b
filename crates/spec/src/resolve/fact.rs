//! Facts.

use std::collections::BTreeMap;

use crate::decode::Kind;
use crate::diagnostic::{Diagnostic, Span};
use crate::model::{Fact, FactInput, FactKind, ForEach, Spanned, SqlExpr};
use crate::sql::{locate, parts};

use super::expression::Calls;
use super::{Resolver, ancestry, dimensions, formula};

impl Resolver<'_> {
    pub(super) fn facts(&mut self) {
        let project = self.project;
        for fact in project.facts.values() {
            self.known(&[Kind::Entity], &fact.per);
            match &fact.from {
                FactInput::Table(table) => {
                    if self.known(Kind::RELATIONS, table) {
                        self.fact_time(fact, table);
                    }
                }
                FactInput::Entity(entity) => self.fact_from_entity(fact, entity),
            }
            if matches!(fact.kind, FactKind::State) {
                self.fact_state(fact);
            }
            self.fact_expressions(fact);
        }
        for dimension in &self.names.dimensions {
            self.dimension(dimension);
        }
        self.column_clashes();
    }

    fn fact_expressions(&mut self, fact: &Fact) {
        if let Some(sql) = &fact.filter {
            self.plain(sql, "a filter", Calls::PERIOD);
        }
        for sql in fact.measures.values() {
            if matches!(fact.kind, FactKind::State) {
                self.plain(sql, "a measure of a state fact", Calls::PERIOD);
            } else {
                self.aggregated(sql, "a measure", Calls::PERIOD);
            }
        }
    }

    /// A flow and a trailing fact go by a time; the input says which, or the fact does.
    fn fact_time(&mut self, fact: &Fact, input: &Spanned<String>) {
        if fact.time.is_some() || matches!(fact.kind, FactKind::Stock { .. } | FactKind::State) {
            return;
        }
        let per_period = self.project.tables.get(&input.value).filter(|table| table.for_each == ForEach::Period);
        if let (Some(table), FactKind::Trailing(_)) = (per_period, &fact.kind) {
            self.report(
                Diagnostic::error(
                    "trailing-over-period-table",
                    format!("`{}` only holds the rows of one period; a window looks beyond it", table.name),
                )
                .at(input.span)
                .label(table.span, "the table"),
            );
        }
        let has_time = per_period.is_some() || self.has_time(&input.value);
        if !has_time {
            self.report(
                Diagnostic::error("missing-time", format!("fact `{}` does not say when its rows happened", fact.name))
                    .at(fact.span)
                    .help(format!(
                        "`time: <column>` here or at `{}`; a stock says `alive: [begin, end]`, a state `state: true`",
                        input.value
                    )),
            );
        }
    }

    fn fact_state(&mut self, fact: &Fact) {
        let Some(entity) = self.project.entities.get(&fact.per.value) else {
            return;
        };
        let FactInput::Table(table) = &fact.from else {
            return;
        };
        match &entity.snapshot {
            Some(snapshot) if snapshot.value == table.value => {}
            Some(snapshot) => self.report(
                Diagnostic::error(
                    "state-not-of-snapshot",
                    format!("a state fact of `{}` reads its snapshot, not `{}`", entity.name, table.value),
                )
                .at(table.span)
                .help(format!("`from: {}`", snapshot.value)),
            ),
            None => self.report(
                Diagnostic::error(
                    "state-not-of-snapshot",
                    format!("entity `{}` has no snapshot whose state could be read", entity.name),
                )
                .at(fact.per.span)
                .label(entity.span, "the entity"),
            ),
        }
    }

    fn fact_from_entity(&mut self, fact: &Fact, entity: &Spanned<String>) {
        if !self.known(&[Kind::Entity], entity) {
            return;
        }
        let above = ancestry(self.project, &entity.value);
        let below = above.iter().skip(1).any(|ancestor| ancestor.name == fact.per.value);
        if !below
            && self.project.entities.contains_key(&entity.value)
            && self.project.entities.contains_key(&fact.per.value)
        {
            self.report(
                Diagnostic::error(
                    "entity-mismatch",
                    format!("entity `{}` is not below `{}`", entity.value, fact.per.value),
                )
                .at(entity.span)
                .label(fact.per.span, "the fact's entity")
                .help("`from_entity` names an entity whose `parent` leads to the fact's own"),
            );
        }
        for sql in fact.measures.values().chain(&fact.filter) {
            self.entity_columns(sql, &entity.value);
        }
    }

    /// The columns that a fact over an entity aggregates: measures of that entity's facts, and dimensions.
    fn entity_columns(&mut self, sql: &SqlExpr, entity: &str) {
        for column in parts(&sql.ast).columns {
            let place = locate(sql, column.span);
            match &column.path[..] {
                [fact, measure] => {
                    if let Some(per) = self.measure(fact, measure, place)
                        && per != entity
                    {
                        self.report(
                            Diagnostic::error(
                                "entity-mismatch",
                                format!("fact `{fact}` is per `{per}`, but the rows are those of `{entity}`"),
                            )
                            .at(place),
                        );
                    }
                }
                [name] if dimensions(self.project).any(|dimension| dimension == name) => {}
                path => self.report(
                    Diagnostic::error(
                        "unknown-measure",
                        format!("`{}` is neither a measure nor a dimension", path.join(".")),
                    )
                    .at(place)
                    .help("measures are written `<fact>.<measure>`"),
                ),
            }
        }
    }

    /// The entity of a fact, if it has the measure; reports what is unknown.
    pub(super) fn measure(&mut self, fact: &str, measure: &str, place: Span) -> Option<String> {
        let name = Spanned { value: fact.to_owned(), span: place };
        if !self.known(Kind::FACTS, &name) {
            return None;
        }
        let measures = formula::measures(self.project, fact)?;
        if !measures.iter().any(|known| known == measure) {
            let near = crate::diagnostic::did_you_mean(measure, measures.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{fact}.{near}`?"),
                None => format!("its measures are {}", measures.join(", ")),
            };
            self.report(
                Diagnostic::error("unknown-measure", format!("fact `{fact}` has no measure `{measure}`"))
                    .at(place)
                    .help(help),
            );
            return None;
        }
        formula::entity_of(self.project, fact).map(str::to_owned)
    }

    /// Marts see `<fact>_<measure>` columns, which two facts can make alike.
    fn column_clashes(&mut self) {
        let mut columns: BTreeMap<(&str, String), (String, Span)> = BTreeMap::new();
        let project = self.project;
        for fact in project.facts.values() {
            for (measure, sql) in &fact.measures {
                let column = format!("{}_{measure}", fact.name);
                let own = (format!("{}.{measure}", fact.name), sql.span);
                let Some(other) = columns.insert((&fact.per.value, column.clone()), own) else {
                    continue;
                };
                self.report(
                    Diagnostic::error(
                        "column-clash",
                        format!("`{}` and `{}.{measure}` would both be the column `{column}`", other.0, fact.name),
                    )
                    .at(sql.span)
                    .label(other.1, "the other measure"),
                );
            }
        }
    }
}
