//! Marts.

use crate::decode::{ENGINE_TABLES, Kind};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::{ForEach, MartBody, Spanned, TableBody};

use super::Resolver;
use super::expression::Calls;

impl Resolver<'_> {
    pub(super) fn marts(&mut self) {
        let project = self.project;
        for mart in project.marts.values() {
            match &mart.body {
                MartBody::From(table) => self.mart_input(table, &[Kind::Table]),
                MartBody::Sql(sql) => {
                    for read in &sql.reads {
                        self.mart_input(read, &[Kind::Table, Kind::Source, Kind::Entity]);
                    }
                    self.table_query(sql, false);
                }
            }
            if let Some(filter) = &mart.filter {
                self.plain(filter, "the condition of a mart", Calls::RUN);
            }
            self.fiscal(&mart.grains, mart.span);
        }
    }

    fn mart_input(&mut self, name: &Spanned<String>, kinds: &[Kind]) {
        if matches!(name.value.as_str(), "kpi_values" | "kpi_wide") && self.project.kpis.is_empty() {
            let message = format!("the mart reads `{}`, and the project has no KPI", name.value);
            let error = Diagnostic::error("no-kpis", message);
            return self.report(error.at(name.span).help("define one under `kpis` of a job"));
        }
        if self.made_by_engine(&name.value) {
            return;
        }
        if let Some(table) = self.project.tables.get(&name.value) {
            if table.for_each == ForEach::Period && matches!(table.body, TableBody::Sql(_)) {
                self.report(
                    Diagnostic::error(
                        "period-table-in-mart",
                        format!("`{}` is made for one period at a time, which a mart is not", name.value),
                    )
                    .at(name.span)
                    .label(table.span, "the table")
                    .help("a fact over it gives each entity its value per period"),
                );
            }
            return;
        }
        if self.names.has(kinds, &name.value) {
            return;
        }
        let hint = match self.names.hint(kinds, &name.value) {
            Some(hint)
                if self.names.has(&[Kind::Rollup, Kind::Source, Kind::Entity, Kind::Fact, Kind::Kpi], &name.value) =>
            {
                Some(format!("{hint}; {}", advice(kinds)))
            }
            hint => hint,
        };
        let signals: Vec<String> = self.project.scores.keys().map(|score| format!("{score}_signals")).collect();
        let made = ENGINE_TABLES.iter().copied().chain(signals.iter().map(String::as_str));
        let hint = hint.or_else(|| did_you_mean(&name.value, made).map(|near| format!("did you mean `{near}`?")));
        self.report(
            Diagnostic::error("unknown-table", format!("`{}` is not a table that a mart can read", name.value))
                .at(name.span)
                .maybe_help(hint),
        );
    }

    fn made_by_engine(&self, name: &str) -> bool {
        ENGINE_TABLES.contains(&name)
            || name.strip_suffix("_signals").is_some_and(|score| self.names.has(&[Kind::Score], score))
    }
}

fn advice(kinds: &[Kind]) -> &'static str {
    if kinds.contains(&Kind::Entity) {
        "marts read the engine's tables, `for_each: run` and `month` tables, sources, and entities"
    } else {
        "`from` names one of the engine's tables or a table; `sql` reads sources and entities as well"
    }
}
