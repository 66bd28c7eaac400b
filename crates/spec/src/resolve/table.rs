//! Tables.

use indexmap::IndexMap;

use crate::decode::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::{Column, ForEach, Spanned, SqlQuery, Table, TableBody};
use crate::sql::{locate, query_parts};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn tables(&mut self) {
        let project = self.project;
        for table in project.tables.values() {
            match &table.body {
                TableBody::Sql(sql) => {
                    for read in &sql.reads {
                        if self.known(Kind::RELATIONS, read) {
                            self.period_input(table, read);
                        }
                    }
                    self.table_query(sql, table.for_each != ForEach::Run);
                    self.table_during(table, sql);
                }
                TableBody::Attribution { .. } => {}
                TableBody::Rows { columns, .. } => {
                    let owner = format!("table `{}`", table.name);
                    for column in table.key.iter().chain(&table.time) {
                        self.contract_column(column, columns, &owner);
                    }
                    self.reference_table(table, columns);
                }
            }
            if let Some(reconciles) = &table.reconciles {
                self.reconciled(table, &reconciles.with);
            }
            if let (Some(money), None) = (&table.money, &self.project.settings.rates) {
                self.report(
                    Diagnostic::error(
                        "missing-rates",
                        "`money` converts by currency rates, but the project names none",
                    )
                    .at(money.currency.span)
                    .help("`settings.rates` in pipelines.yaml names the source or table of rates"),
                );
            }
        }
    }

    /// What is reconciled exists for the whole run on both sides.
    fn reconciled(&mut self, table: &Table, with: &Spanned<String>) {
        if !self.known(Kind::RELATIONS, with) {
            return;
        }
        let other = self.project.tables.get(&with.value);
        for table in [Some(table), other] {
            self.of_whole_run(table, with.span, "sums are of the whole run");
        }
    }

    /// A table of one period does not exist outside of that period.
    fn period_input(&mut self, table: &Table, read: &Spanned<String>) {
        let Some(input) = self.project.tables.get(&read.value) else {
            return;
        };
        if input.for_each == ForEach::Period && table.for_each != ForEach::Period {
            self.report(
                Diagnostic::error(
                    "period-table-outside-period",
                    format!("`{}` is made for one period at a time", input.name),
                )
                .at(read.span)
                .label(input.span, "the table")
                .help("only a `for_each: period` table can read it"),
            );
        }
    }

    /// Reports functions and literals that cannot stand in a query.
    pub(super) fn table_query(&mut self, sql: &SqlQuery, period: bool) {
        self.query_form(sql);
        let parts = query_parts(&sql.ast);
        self.literals(&parts, |place| locate(sql, place));
        for call in parts.period_calls.iter().filter(|_| !period) {
            self.report(
                Diagnostic::error(
                    "period-function-outside-period",
                    format!("`{}()` has no meaning here: there is no period", call.name),
                )
                .at(locate(sql, call.span))
                .help("a table with `for_each: month` or `for_each: period` has one"),
            );
        }
        for call in &parts.buckets {
            self.report(
                Diagnostic::error("bucket-outside-rollup", "`bucket(…)` is a group key of rollups")
                    .at(locate(sql, call.span))
                    .help("elsewhere `date_trunc('month', …)` cuts time"),
            );
        }
    }

    fn table_during(&mut self, table: &Table, sql: &SqlQuery) {
        for input in &table.during {
            if !self.known(Kind::RELATIONS, input) {
                continue;
            }
            if !sql.reads.iter().any(|read| read.value == input.value) {
                self.report(
                    Diagnostic::error("unused-input", format!("the query does not read `{}`", input.value))
                        .at(input.span)
                        .help("`during` names inputs of the query"),
                );
            }
            if table.for_each == ForEach::Run {
                self.report(
                    Diagnostic::error(
                        "conflicting-keys",
                        "`during` needs a month or period, but the table is evaluated once per run",
                    )
                    .at(input.span)
                    .help("`for_each: month` or `for_each: period`"),
                );
            }
        }
    }

    fn reference_table(&mut self, table: &Table, columns: &IndexMap<String, Column>) {
        for column in columns.values() {
            let of_files = [
                ("references", column.references.as_ref().map(|source| source.span)),
                ("since", column.since.as_ref().map(|since| since.span)),
            ];
            for (key, place) in of_files {
                let Some(place) = place else { continue };
                self.report(
                    Diagnostic::error("conflicting-keys", format!("a column of a reference table cannot have `{key}`"))
                        .at(place)
                        .help("it is for columns of sources, whose rows come from files"),
                );
            }
        }
        if table.for_each != ForEach::Run {
            self.report(
                Diagnostic::error(
                    "conflicting-keys",
                    format!("reference table `{}` is the same for every period", table.name),
                )
                .at(table.span)
                .help("`for_each` is for tables with `sql`"),
            );
        }
    }
}
