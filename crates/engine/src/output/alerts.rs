//! Alerts: which rows fulfil a condition today, and since when.
//!
//! An alert about a subject is open from the first run that finds its condition fulfilled to the first that does not.
//! What earlier runs found is the published table itself, so that a run begun anew finds what the first one found.

use std::collections::HashMap;

use abmart_plan::Plan;
use abmart_plan::calendar::{Period, after, before, grain_name};
use abmart_spec::graph::columns_of_alert;
use abmart_spec::model::{Alert, AlertSeverity, Entity, PRIOR, Project, Window};
use jiff::civil::Date;
use polars::prelude::*;
use sqlparser::ast::{self, Expr as Sql};

use super::fields;
use super::history::conformed;
use crate::codes;
use crate::error::EngineError;
use crate::input::load::{date, day, day_number};
use crate::scope::Scope;
use crate::sql::query;

/// What alerts over the cube are about, in `subject_kind`.
const CELL: &str = "cell";

/// An alert that is open after a run.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlert {
    /// The definition's name.
    pub alert: String,
    /// How grave it is.
    pub severity: AlertSeverity,
    /// What it is about: an id, or a cell of the cube.
    pub subject: String,
    /// The figure.
    pub value: Option<f64>,
    /// What it is held against.
    pub threshold: Option<f64>,
    /// Who has to act.
    pub owner: Option<String>,
    /// The day of the first run that found it.
    pub opened_on: Date,
    /// The day by which something is to be done.
    pub due_on: Option<Date>,
}

/// The table `alerts` without rows.
pub fn empty(project: &Project) -> DataFrame {
    DataFrame::empty_with_schema(&schema(project))
}

fn schema(project: &Project) -> Schema {
    use fields::{day, number, text};
    let mut fields = vec![day("as_of")];
    fields.extend(["alert", "title_en", "title_fr", "severity", "state", "subject_kind", "subject"].map(text));
    fields.extend(about(project).iter().map(|name| text(name)));
    fields.extend([text("kpi"), text("period_grain"), day("period_start")]);
    fields.extend([number("value"), number("threshold")]);
    fields.extend(["owner", "action_en", "action_fr"].map(text));
    fields.extend(["opened_on", "due_on", "resolved_on"].map(day));
    Schema::from_iter(fields)
}

/// The key of the cube's root, and its dimensions.
fn about(project: &Project) -> Vec<String> {
    let root = project.cube_root();
    root.map(|root| std::iter::once(root.key.clone()).chain(dimensions(root)).collect()).unwrap_or_default()
}

fn dimensions(root: &Entity) -> impl Iterator<Item = String> {
    root.dimensions.iter().map(|name| name.value.clone())
}

/// The period whose rows an alert looks at; none where the run has none of its grain, or none that is over.
pub fn period<'p>(alert: &Alert, plan: &'p Plan) -> Option<&'p Period> {
    let of_grain = plan.periods.iter().filter(|period| period.grain == alert.grain);
    of_grain.filter(|period| !(alert.complete && period.partial)).max_by_key(|period| period.start)
}

/// The names of the columns that an alert reads of an entity.
pub fn columns(alert: &Alert, project: &Project) -> Vec<String> {
    columns_of_alert(alert).into_iter().chain(about(project)).collect()
}

/// The rows that fulfil an alert's condition, as they come into the table `alerts`; `before` are those of the period
/// before, which only entities are looked up in.
///
/// # Errors
/// When an expression does not fit the rows.
pub fn firing(
    alert: &Alert,
    rows: LazyFrame,
    before: Option<LazyFrame>,
    period: &Period,
    scope: &Scope<'_>,
) -> Result<DataFrame, EngineError> {
    let project = scope.project;
    let entity = project.entities.get(&alert.over.value);
    let schema = schema(project);
    let mut rows = if let Some(entity) = entity {
        with_prior(alert, entity, rows, before)?
    } else {
        rows.filter(
            col("period_grain").eq(lit(grain_name(period.grain))).and(col("period_start").eq(day(period.start))),
        )
    };
    let there = rows.collect_schema()?;
    let none = || Sql::Value(ast::Value::Null.into());
    let named = |name: &str| if there.contains(name) { query::column(name) } else { none() };
    let mut wanted: Vec<(String, Sql)> = about(project).iter().map(|name| (name.clone(), named(name))).collect();
    let given = |sql: &Option<abmart_spec::model::SqlExpr>| sql.as_ref().map(|sql| sql.ast.clone());
    let own_value = || if entity.is_none() { query::column("value") } else { none() };
    wanted.push(("value".to_owned(), given(&alert.value).unwrap_or_else(own_value)));
    wanted.push(("threshold".to_owned(), given(&alert.threshold).unwrap_or_else(none)));
    wanted.push(("owner".to_owned(), given(&alert.owner).unwrap_or_else(none)));
    match entity {
        Some(entity) => wanted.extend([("subject".to_owned(), query::column(&entity.key)), ("kpi".to_owned(), none())]),
        None => wanted.extend(["cut", "kpi"].map(|name| (name.to_owned(), query::column(name)))),
    }
    let fired = query::project(rows, wanted, Some(&alert.filter.ast), &scope.clock())?.collect()?;
    let mut fired = codes::plain(fired)?.lazy();
    if entity.is_none() {
        fired = fired.with_column(cell_name(project).alias("subject"));
    }
    let text = |value: &str| lit(value.to_owned());
    let action = |of: fn(&abmart_spec::model::Title) -> &String| match &alert.action {
        Some(action) => text(of(action)),
        None => lit(NULL),
    };
    let as_of = scope.plan.as_of;
    let columns = [
        day(as_of).alias("as_of"),
        text(&alert.name).alias("alert"),
        text(&alert.title.en).alias("title_en"),
        text(&alert.title.fr).alias("title_fr"),
        text(alert.severity.name()).alias("severity"),
        lit(NULL).alias("state"),
        text(entity.map_or(CELL, |entity| entity.name.as_str())).alias("subject_kind"),
        text(grain_name(period.grain)).alias("period_grain"),
        day(period.start).alias("period_start"),
        action(|title| &title.en).alias("action_en"),
        action(|title| &title.fr).alias("action_fr"),
        lit(NULL).alias("opened_on"),
        lit(NULL).alias("due_on"),
        lit(NULL).alias("resolved_on"),
    ];
    let typed: Vec<Expr> = schema.iter().map(|(name, dtype)| col(name.clone()).strict_cast(dtype.clone())).collect();
    // Rows without an entity are no subject of anything.
    Ok(fired.filter(col("subject").is_not_null()).with_columns(columns).select(typed).collect()?)
}

/// The rows with the columns that the alert reads of the period before.
fn with_prior(
    alert: &Alert,
    entity: &Entity,
    mut rows: LazyFrame,
    before: Option<LazyFrame>,
) -> Result<LazyFrame, EngineError> {
    let there = rows.collect_schema()?;
    let key = entity.key.as_str();
    let named = columns_of_alert(alert);
    let wanted: Vec<&str> = named
        .iter()
        .filter_map(|name| name.strip_prefix(PRIOR))
        .filter(|name| there.contains(name) && *name != key && !there.contains(&format!("{PRIOR}{name}")))
        .collect();
    if wanted.is_empty() {
        return Ok(rows);
    }
    let prior = |name: &str| format!("{PRIOR}{name}");
    let Some(before) = before else {
        let dtype = |name: &str| there.get(name).cloned().unwrap_or(DataType::Null);
        return Ok(rows.with_columns(
            wanted.iter().map(|name| lit(NULL).cast(dtype(name)).alias(prior(name))).collect::<Vec<_>>(),
        ));
    };
    let columns = std::iter::once(col(key)).chain(wanted.iter().map(|name| col(*name).alias(prior(name))));
    let before = before.filter(col(key).is_not_null()).select(columns.collect::<Vec<_>>());
    Ok(rows.join(before, [col(key)], [col(key)], JoinArgs::new(JoinType::Left)))
}

/// `all`, or the values of the cell's dimensions: `region=EMEA, tier=strategic`, after the KPI's name.
fn cell_name(project: &Project) -> Expr {
    let parts: Vec<Expr> = project
        .cube_root()
        .into_iter()
        .flat_map(dimensions)
        .map(|name| concat_str([lit(format!("{name}=")), col(name.as_str())], "", false))
        .collect();
    let values = if parts.is_empty() { lit("") } else { concat_str(parts, ", ", true) };
    let cell = when(values.clone().eq(lit(""))).then(lit("all")).otherwise(values);
    concat_str([col("kpi"), cell], " ", false)
}

/// What the run finds and what earlier ones found, as the table `alerts`: open ones, and resolved ones that are not older
/// than `keep`.
///
/// # Errors
/// When a subject fulfils a condition twice, or Polars cannot put the rows together.
pub fn continued(
    project: &Project,
    earlier: Option<&DataFrame>,
    fired: Vec<DataFrame>,
    as_of: Date,
    keep: Window,
) -> Result<DataFrame, EngineError> {
    let schema = schema(project);
    let fired = concat(
        [empty(project)].into_iter().chain(fired).map(IntoLazy::lazy).collect::<Vec<_>>(),
        UnionArgs::default(),
    )?;
    let fired = fired.collect()?;
    let earlier = match earlier {
        None => empty(project),
        // What runs of this day or a later one found is found anew.
        Some(rows) => conformed(rows, &schema)?
            .lazy()
            .filter(col("opened_on").lt(day(as_of)))
            .with_column(
                when(col("resolved_on").lt(day(as_of)))
                    .then(col("resolved_on"))
                    .otherwise(lit(NULL).cast(DataType::Date))
                    .alias("resolved_on"),
            )
            .collect()?,
    };
    let resolved = earlier
        .clone()
        .lazy()
        .filter(col("resolved_on").gt_eq(day(before(as_of, keep))))
        .with_column(lit("resolved").alias("state"));
    let open = earlier.lazy().filter(col("resolved_on").is_null()).collect()?;
    let was_open: HashMap<(String, String), i32> = keys(&open)?
        .into_iter()
        .zip(open.column("opened_on")?.date()?.physical().iter())
        .filter_map(|(key, opened)| Some((key, opened?)))
        .collect();
    let fired_keys = keys(&fired)?;
    let mut states = Vec::with_capacity(fired.height());
    let mut opened = Vec::with_capacity(fired.height());
    let mut due = Vec::with_capacity(fired.height());
    for key in &fired_keys {
        let since = was_open.get(key).copied();
        let first = since.map_or(as_of, date);
        states.push(if since.is_some() { "continuing" } else { "new" });
        opened.push(day_number(first));
        let window = project.alerts.get(&key.0).and_then(|alert| alert.due);
        due.push(window.map(|window| day_number(after(first, window))));
    }
    let days = |name: &str, values: Vec<Option<i32>>| Series::new(name.into(), values).cast(&DataType::Date);
    let found = fired.lazy().with_columns([
        lit(Series::new("state".into(), states)),
        lit(days("opened_on", opened.into_iter().map(Some).collect())?),
        lit(days("due_on", due)?),
    ]);
    let still: std::collections::HashSet<&(String, String)> = fired_keys.iter().collect();
    let gone: Vec<bool> = keys(&open)?.iter().map(|key| !still.contains(key)).collect();
    let ended = open
        .lazy()
        .filter(lit(Series::new("gone".into(), gone)))
        .with_columns([day(as_of).alias("resolved_on"), lit("resolved").alias("state")]);
    let typed: Vec<Expr> = schema.iter().map(|(name, dtype)| col(name.clone()).cast(dtype.clone())).collect();
    let parts = [found, ended, resolved].map(|rows| rows.select(typed.clone()));
    Ok(concat(parts, UnionArgs::default())?.with_column(day(as_of).alias("as_of")).collect()?)
}

/// Alert and subject of every row.
fn keys(rows: &DataFrame) -> Result<Vec<(String, String)>, EngineError> {
    let (alerts, subjects) = (rows.column("alert")?.str()?, rows.column("subject")?.str()?);
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(alerts.iter().zip(subjects.iter()).map(|(alert, subject)| (text(alert), text(subject))).collect())
}

/// The table `actions`: what is to be done about alerts, whether it is done, open or overdue.
pub fn actions(alerts: LazyFrame, project: &Project) -> LazyFrame {
    let state = when(col("resolved_on").is_not_null())
        .then(lit("done"))
        .when(col("as_of").gt(col("due_on")))
        .then(lit("overdue"))
        .otherwise(lit("open"));
    let mut columns = vec!["as_of", "alert", "severity", "subject_kind", "subject"];
    let about = about(project);
    columns.extend(about.iter().map(String::as_str));
    columns.extend(["kpi", "action_en", "action_fr", "owner", "state", "opened_on", "due_on", "resolved_on"]);
    alerts
        .filter(col("action_en").is_not_null())
        .with_column(state.alias("state"))
        .select(columns.into_iter().map(col).collect::<Vec<_>>())
}

/// The open ones among the rows of the table.
///
/// # Errors
/// When the rows are not those of the table `alerts`.
pub fn open(rows: &DataFrame) -> Result<Vec<OpenAlert>, EngineError> {
    let text = |name: &str| Ok::<_, PolarsError>(rows.column(name)?.str()?.clone());
    let number = |name: &str| Ok::<_, PolarsError>(rows.column(name)?.f64()?.clone());
    let days = |name: &str| Ok::<_, PolarsError>(rows.column(name)?.date()?.physical().clone());
    let (alerts, severities, subjects, owners) = (text("alert")?, text("severity")?, text("subject")?, text("owner")?);
    let (values, thresholds) = (number("value")?, number("threshold")?);
    let (opened, due, resolved) = (days("opened_on")?, days("due_on")?, days("resolved_on")?);
    let row = |row: usize| {
        Some(OpenAlert {
            alert: alerts.get(row)?.to_owned(),
            severity: AlertSeverity::of(severities.get(row)?)?,
            subject: subjects.get(row)?.to_owned(),
            value: values.get(row),
            threshold: thresholds.get(row),
            owner: owners.get(row).map(str::to_owned),
            opened_on: date(opened.get(row)?),
            due_on: due.get(row).map(date),
        })
    };
    Ok((0..rows.height()).filter(|at| resolved.get(*at).is_none()).filter_map(row).collect())
}
