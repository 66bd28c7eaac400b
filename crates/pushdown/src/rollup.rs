//! A rollup: its keys, its measures and the rows that count.

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::model::{self, Project, Source, SourceKind, SqlExpr};
use abmart_spec::sql::{arguments, locate};
use sqlparser::ast::{Expr, Function, Spanned as _};

use crate::expression::{Refusal, Rendered, render};
use crate::kind::Kind;

/// A rollup in SQL, over the columns of its source.
#[derive(Debug, Clone)]
pub struct Rollup {
    /// The rollup's name.
    pub name: String,
    /// Rows that count, where not all do.
    pub filter: Option<String>,
    /// What rows are grouped by, in order.
    pub keys: Vec<Key>,
    /// What is computed of a group, in order.
    pub measures: Vec<Measure>,
}

/// What rows are grouped by.
#[derive(Debug, Clone)]
pub struct Key {
    /// The output column.
    pub name: String,
    /// The expression; of a bucket the day that is put into one.
    pub sql: String,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether it is a bucket: the first day of a stretch of time.
    pub bucket: bool,
}

/// What is computed of a group.
#[derive(Debug, Clone)]
pub struct Measure {
    /// The output column.
    pub name: String,
    /// How rows are reduced.
    pub reduction: Reduction,
    /// The values that are reduced, those of rows that the measure leaves out being null; none for all rows.
    pub values: Option<String>,
}

/// How the rows of a group are reduced to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// How many values, or rows, there are.
    Count,
    /// Their sum, of whole numbers.
    Sum,
    /// Their sum in multiples of 2^-40, of floats.
    FixedSum,
    /// The least.
    Least(Kind),
    /// The greatest.
    Greatest(Kind),
}

/// What of a project's rollups only Polars can compute, each with its place.
#[must_use]
pub fn check(project: &Project) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for definition in project.rollups.values() {
        let Some(source) = project.sources.get(&definition.from.value) else { continue };
        found.extend(rollup(source, definition).err().into_iter().flatten());
    }
    for source in project.sources.values().filter(|source| source.kind == SourceKind::Events) {
        let reduced = project.rollups.values().any(|rollup| rollup.from.value == source.name);
        for name in source.key.iter().filter(|_| reduced) {
            let kind = source.columns.get(&name.value).map(|column| Kind::of(column.ty));
            if matches!(kind, Some(Kind::Real | Kind::Moment | Kind::Flag)) {
                let what = format!("`{}` as a part of the key, whose text is not the same everywhere,", name.value);
                found.push(diagnostic(&what).at(name.span));
            }
        }
    }
    found
}

/// Renders a rollup over the columns of its source.
///
/// # Errors
/// What of it only Polars can compute, each with its place.
pub fn rollup(source: &Source, definition: &model::Rollup) -> Result<Rollup, Vec<Diagnostic>> {
    let columns = |name: &str| source.columns.get(name).map(|column| Kind::of(column.ty));
    let mut refused = Vec::new();
    let mut at = |sql: &SqlExpr, refusal: Refusal| {
        refused.push(diagnostic(&refusal.what).at(locate(sql, refusal.place)));
    };
    let mut keys = Vec::new();
    for (name, sql) in &definition.by {
        match key(name, &sql.ast, &columns) {
            Ok(key) => keys.push(key),
            Err(refusal) => at(sql, refusal),
        }
    }
    let mut measures = Vec::new();
    for (name, sql) in &definition.measures {
        match measure(name, &sql.ast, &columns) {
            Ok(measure) => measures.push(measure),
            Err(refusal) => at(sql, refusal),
        }
    }
    let mut filter = None;
    if let Some(sql) = &definition.filter {
        match render(&sql.ast, &columns).and_then(|found| condition(&sql.ast, &found)) {
            Ok(rendered) => filter = Some(rendered),
            Err(refusal) => at(sql, refusal),
        }
    }
    if refused.is_empty() { Ok(Rollup { name: definition.name.clone(), filter, keys, measures }) } else { Err(refused) }
}

fn diagnostic(what: &str) -> Diagnostic {
    Diagnostic::error("not-portable", format!("{what} may mean something else to another engine"))
        .help("`engine: local` computes it; on Spark a rollup is made of columns, literals, comparisons, `and`, `or`, `not`, `in`, `between`, `case`, `coalesce`, `nullif`, `cast`, `extract`, `date_trunc`, `length`, `abs`, and of `+`, `-` and `*`")
}

fn condition(expr: &Expr, found: &Rendered) -> Result<String, Refusal> {
    match found.kind {
        Some(Kind::Flag) => Ok(found.sql.clone()),
        _ => Err(Refusal { place: expr.span(), what: format!("`{expr}`, which is not true or false,") }),
    }
}

fn key(name: &str, expr: &Expr, columns: &dyn Fn(&str) -> Option<Kind>) -> Result<Key, Refusal> {
    let refuse = |what: String| Refusal { place: expr.span(), what };
    let bucketed = match expr {
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("bucket") => {
            arguments(function).first().copied()
        }
        _ => None,
    };
    let found = render(bucketed.unwrap_or(expr), columns)?;
    let name = name.to_owned();
    match (bucketed, found.kind) {
        (Some(_), Some(kind)) if kind.is_time() => {
            Ok(Key { name, sql: format!("CAST({} AS DATE)", found.sql), kind: Kind::Day, bucket: true })
        }
        // Floats that are equal may not be the same.
        (None, Some(kind)) if kind != Kind::Real => Ok(Key { name, sql: found.sql, kind, bucket: false }),
        _ => Err(refuse(format!("`{expr}`, as a group key,"))),
    }
}

fn measure(name: &str, expr: &Expr, columns: &dyn Fn(&str) -> Option<Kind>) -> Result<Measure, Refusal> {
    let refuse = || Refusal { place: expr.span(), what: format!("`{expr}`") };
    let Expr::Function(function) = expr else { return Err(refuse()) };
    let argument = match arguments(function).as_slice() {
        [] => None,
        [argument] => Some(render(argument, columns)?),
        _ => return Err(refuse()),
    };
    let kind = argument.as_ref().and_then(|found| found.kind);
    let reduction = match (function.name.to_string().to_ascii_lowercase().as_str(), kind) {
        ("count", _) => Reduction::Count,
        ("sum", Some(Kind::Whole | Kind::Flag)) => Reduction::Sum,
        ("sum", Some(Kind::Real)) => Reduction::FixedSum,
        ("min", Some(kind)) if kind != Kind::Flag => Reduction::Least(kind),
        ("max", Some(kind)) if kind != Kind::Flag => Reduction::Greatest(kind),
        _ => return Err(refuse()),
    };
    let values = argument.map(|found| match found.kind {
        Some(Kind::Flag) if reduction == Reduction::Sum => format!("CAST({} AS BIGINT)", found.sql),
        _ => found.sql,
    });
    Ok(Measure { name: name.to_owned(), reduction, values: kept(function, values, columns)? })
}

/// Values, those of rows that the measure's condition leaves out being null.
fn kept(
    function: &Function,
    values: Option<String>,
    columns: &dyn Fn(&str) -> Option<Kind>,
) -> Result<Option<String>, Refusal> {
    let Some(filter) = function.filter.as_deref() else { return Ok(values) };
    let filter = condition(filter, &render(filter, columns)?)?;
    Ok(Some(format!("CASE WHEN {filter} THEN {} END", values.unwrap_or_else(|| "TRUE".to_owned()))))
}
