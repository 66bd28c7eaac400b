//! Units: does a formula give what its KPI declares, and is money converted before it is summed?
//!
//! Quantities are inferred from contracts through the projections of tables up to the formulas. Whatever cannot be
//! inferred is taken to be right.

mod quantity;
mod relations;

use std::collections::BTreeMap;

use sqlparser::ast::Expr;

use crate::diagnostic::Diagnostic;
use crate::model::{FactInput, Kpi, Project, SqlExpr, Unit};
use crate::sql::locate;

use quantity::{Clash, Quantity, infer};
use relations::Relations;

/// Everything that is wrong with the units of a project whose definitions have no cycles.
pub(crate) fn check(project: &Project) -> Vec<Diagnostic> {
    let mut checker =
        Checker { project, relations: Relations::new(project), measures: BTreeMap::new(), diagnostics: Vec::new() };
    checker.rollups();
    checker.tables();
    for fact in project.facts.keys() {
        checker.fact(fact);
    }
    checker.scores();
    for kpi in project.kpis.values() {
        checker.kpi(kpi);
    }
    checker.diagnostics
}

struct Checker<'a> {
    project: &'a Project,
    relations: Relations<'a>,
    /// Fact → measure → what it gives.
    measures: BTreeMap<String, BTreeMap<String, Quantity>>,
    diagnostics: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn rollups(&mut self) {
        for rollup in self.project.rollups.values() {
            let columns = self.relations.columns(&rollup.from.value);
            let by_currency = rollup.by.values().any(|sql| names_currency(&sql.ast));
            for sql in rollup.measures.values() {
                let (_, clashes) = infer(&sql.ast, &|path| lookup(&columns, path));
                for clash in clashes {
                    if !(by_currency && matches!(clash, Clash::Unconverted(..))) {
                        self.report_in(sql, &clash);
                    }
                }
            }
        }
    }

    fn tables(&mut self) {
        for table in self.project.tables.values() {
            for (clash, sql) in self.relations.clashes(&table.name) {
                self.diagnostics.push(diagnostic(&clash).at(locate(sql, clash.place())));
            }
        }
    }

    /// The quantities of a fact's measures, which are checked when they are first asked for.
    fn fact(&mut self, name: &str) -> BTreeMap<String, Quantity> {
        if let Some(known) = self.measures.get(name) {
            return known.clone();
        }
        let Some(fact) = self.project.facts.get(name) else {
            return BTreeMap::new();
        };
        let columns = match &fact.from {
            FactInput::Table(table) => self.relations.columns(&table.value).as_ref().clone(),
            FactInput::Entity(_) => self.facts_named_in(fact.measures.values()),
        };
        let mut measures = BTreeMap::new();
        for (measure, sql) in &fact.measures {
            let quantity = self.checked(sql, &columns);
            measures.insert(measure.clone(), quantity);
        }
        self.measures.insert(name.to_owned(), measures.clone());
        measures
    }

    fn scores(&mut self) {
        for score in self.project.scores.values() {
            let columns = self.relations.columns(&score.from.value);
            for component in score.components.values() {
                self.checked(&component.measure, &columns);
            }
        }
    }

    fn kpi(&mut self, kpi: &Kpi) {
        for sql in [Some(&kpi.formula), kpi.mature.as_ref()].into_iter().flatten() {
            let quantity = self.formula(sql);
            if let Some(help) = mismatch(kpi.unit, quantity) {
                let unit = format!("{:?}", kpi.unit).to_lowercase();
                self.diagnostics.push(
                    Diagnostic::error(
                        "unit-clash",
                        format!("`{}` is declared `{unit}`, but the formula gives {}", kpi.name, quantity.noun()),
                    )
                    .at(sql.span)
                    .help(help),
                );
            }
        }
        if let Some(sql) = &kpi.immature {
            self.formula(sql);
        }
    }

    fn formula(&mut self, sql: &SqlExpr) -> Quantity {
        let mut columns = self.facts_named_in([sql].into_iter());
        for kpi in self.project.kpis.values() {
            columns.insert(kpi.name.clone(), declared(kpi.unit));
        }
        self.checked(sql, &columns)
    }

    /// `<fact>.<measure>` → quantity, of the facts that some expressions name.
    fn facts_named_in<'s>(&mut self, sqls: impl Iterator<Item = &'s SqlExpr>) -> BTreeMap<String, Quantity> {
        let mut columns = BTreeMap::new();
        for sql in sqls {
            for column in crate::sql::parts(&sql.ast).columns {
                if let [fact, _] = &column.path[..] {
                    for (measure, quantity) in self.fact(fact) {
                        columns.insert(format!("{fact}.{measure}"), quantity);
                    }
                }
            }
        }
        columns
    }

    fn checked(&mut self, sql: &SqlExpr, columns: &BTreeMap<String, Quantity>) -> Quantity {
        let (quantity, clashes) = infer(&sql.ast, &|path| lookup(columns, path));
        for clash in &clashes {
            self.report_in(sql, clash);
        }
        quantity
    }

    fn report_in(&mut self, sql: &SqlExpr, clash: &Clash) {
        self.diagnostics.push(diagnostic(clash).at(locate(sql, clash.place())));
    }
}

fn lookup(columns: &BTreeMap<String, Quantity>, path: &[String]) -> Quantity {
    let whole = columns.get(&path.join("."));
    let column = whole.or_else(|| columns.get(path.last()?));
    column.copied().unwrap_or(Quantity::Unknown)
}

fn diagnostic(clash: &Clash) -> Diagnostic {
    match clash {
        Clash::Unconverted(function, _) => Diagnostic::error(
            "money-without-currency",
            format!("`{function}` over amounts that may be in different currencies"),
        )
        .help("a table with `money: {columns: …, currency: …, on: …}` converts them first"),
        Clash::Operands(operator, left, right, _) => {
            Diagnostic::error("unit-clash", format!("`{operator}` between {} and {}", left.noun(), right.noun()))
                .help("quantities of one unit can be added; unlike ones can be divided, as an amount by a count")
        }
    }
}

/// Whether an expression names a column with a currency.
fn names_currency(expr: &Expr) -> bool {
    crate::sql::parts(expr)
        .columns
        .iter()
        .any(|column| column.path.last().is_some_and(|name| name.contains("currency")))
}

/// What a KPI's value is inside of another formula.
fn declared(unit: Unit) -> Quantity {
    match unit {
        Unit::Count => Quantity::Count,
        Unit::Money => Quantity::Money,
        Unit::Percent => Quantity::Share,
        Unit::Ratio | Unit::Score => Quantity::Unknown,
        Unit::Days => Quantity::Days,
        Unit::Hours => Quantity::Hours,
        Unit::Seconds => Quantity::Seconds,
    }
}

/// Why a formula cannot have a unit: what would be right.
fn mismatch(unit: Unit, quantity: Quantity) -> Option<&'static str> {
    use Quantity::{Count, Days, Hours, Money, NotANumber, Seconds, Share, Unconverted};
    let (clashes, help): (&[Quantity], _) = match unit {
        Unit::Percent => (
            &[Money, Unconverted, Count, Days, Hours, Seconds],
            "a percentage is a quotient of two quantities of the same unit",
        ),
        Unit::Ratio => (
            &[Money, Unconverted, Count, Days, Hours, Seconds],
            "a ratio is a quotient; a mean has the unit of what is averaged",
        ),
        Unit::Money => {
            (&[Count, Share, Days, Hours, Seconds, Unconverted], "`money` is an amount in the reporting currency")
        }
        Unit::Count => (&[Money, Unconverted, Days, Hours, Seconds], "`count` is a number of things"),
        Unit::Score => (&[Money, Unconverted], "`score` is points"),
        Unit::Days => (&[Money, Unconverted, Count, Share, Hours, Seconds], "`days_between(a, b)` gives days"),
        Unit::Hours => (&[Money, Unconverted, Count, Share, Days, Seconds], "`hours_between(a, b)` gives hours"),
        Unit::Seconds => (&[Money, Unconverted, Count, Share, Days, Hours], "a column with seconds gives seconds"),
    };
    (clashes.contains(&quantity) || quantity == NotANumber).then_some(help)
}
