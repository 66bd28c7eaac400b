//! One cell of the cube, and what is told of a KPI in it.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};

use abmart_plan::calendar::grain_name;
use abmart_spec::model::{Kpi, Project, SqlExpr};
use abmart_spec::{Graph, Node};
use polars::prelude::*;
use serde_json::Value;

use super::answer::{Aggregated, Explanation, Figures, ReadKpi, Side, Written};
use super::parts::{self, Split};
use super::steps::{self, Counted};
use super::{Question, plain, rows};
use crate::context::Context;
use crate::cube::cells::{Cells, value_column};
use crate::cube::compile::{CompiledKpi, Cube, aggregate_column};
use crate::cube::values::{self, NOTHING};
use crate::error::EngineError;
use crate::measure::frame::{Measures, PeriodFrames};
use crate::read::ReadReport;
use crate::scope::Scope;
use crate::sql::aggregate::{self, placeholder};
use crate::sql::formula;

/// A cell of the cube with all that it was made of.
pub struct Cell<'a> {
    /// The KPIs.
    pub cube: &'a Cube<'a>,
    /// Facts and scores.
    pub measures: &'a Measures<'a>,
    /// Entities of the period.
    pub frames: &'a PeriodFrames,
    /// The period's view of the run's frames.
    pub scope: Scope<'a>,
    /// Dimension → value.
    pub cut: &'a BTreeMap<String, String>,
    /// Aggregates of all cells before they are finished.
    pub rolled: &'a DataFrame,
    /// The row of this cell among them, where there is one.
    pub rolled_row: Option<usize>,
    /// Evaluated cells.
    pub cells: &'a Cells,
    /// The row of this one, where there is one.
    pub row: Option<usize>,
    /// The row of the grand total.
    pub total: Option<usize>,
    /// Key of the root entity → name, once somebody has asked.
    pub names: OnceCell<HashMap<String, String>>,
    /// What needs what.
    pub graph: Graph,
    /// Rows of definitions, once they were counted.
    pub counted: RefCell<BTreeMap<Node, Counted>>,
}

impl Cell<'_> {
    /// All that is told of a KPI.
    ///
    /// # Errors
    /// When it cannot be computed once more, or its parts do not add up to it.
    pub fn explained(
        &self,
        context: &Context<'_>,
        kpi: &CompiledKpi<'_>,
        all: &values::Figures<'_>,
        report: &ReadReport,
        question: &Question<'_>,
    ) -> Result<Explanation, EngineError> {
        let project = context.project;
        let exists = self.scope.period.is_none_or(|period| self.cube.applies(kpi, &period));
        let figures = if exists { self.figures(kpi, all)? } else { None };
        let split = Split::new(kpi);
        let mut contributions = Vec::new();
        let mut ranked = Vec::new();
        if exists {
            for entity in split.entities(self) {
                contributions.extend(split.contributions(self, entity, question.top)?);
            }
            for number in 0..split.places.len() {
                ranked.extend(split.ranked(self, number, question.top)?);
            }
        }
        let side = |part: &sqlparser::ast::Expr, value: fn(&Figures) -> Option<f64>| Side {
            text: written(part, kpi.kpi),
            value: figures.as_ref().and_then(value),
        };
        let ratio = formula::as_ratio(&kpi.formula.outer);
        let rows = match &question.rows {
            Some(wanted) if exists => rows::rows(self, kpi, wanted, &contributions, &ranked)?,
            _ => Vec::new(),
        };
        let mut steps = steps::steps(self, &kpi.kpi.name, &report.sources)?;
        for list in &contributions {
            let own = steps.iter_mut().filter(|step| step.kind == "entity" && step.name == list.entity);
            own.for_each(|step| {
                step.rows.insert("contribute", list.contributing);
            });
        }
        Ok(Explanation {
            kpi: kpi.kpi.name.clone(),
            title: kpi.kpi.title.clone(),
            unit: kpi.kpi.unit.name(),
            formula: place_of(project, &kpi.kpi.formula),
            no_value: self.no_value(kpi, exists, figures.as_ref()),
            numerator: ratio.map(|(part, _)| side(part, |figures| figures.numerator)),
            denominator: ratio.map(|(_, part)| side(part, |figures| figures.denominator)),
            aggregates: self.aggregates(kpi, &split)?,
            kpis: self.read_kpis(kpi)?,
            contributions,
            ranked,
            steps,
            inputs: steps::inputs(context, &self.graph, &kpi.kpi.name),
            rows,
            figures,
        })
    }

    /// The row of `kpi_values`; none where it has none.
    fn figures(&self, kpi: &CompiledKpi<'_>, all: &values::Figures<'_>) -> Result<Option<Figures>, EngineError> {
        let Some(row) = self.row else { return Ok(None) };
        let figures = all.figures(kpi)?;
        if figures.column(NOTHING)?.bool()?.get(row) == Some(true) {
            return Ok(None);
        }
        let number = |name: &str| plain::number(&figures, name, row);
        Ok(Some(Figures {
            value: number("value")?,
            numerator: number("numerator")?,
            denominator: number("denominator")?,
            n: number("n")?,
            target: number("target")?,
            attainment: number("attainment")?,
            benchmark: number("benchmark")?,
            status: figures.column("status")?.str()?.get(row).map(str::to_owned),
            share_of_parent: number("share_of_parent")?,
            rank: number("rank")?,
            immature: number("immature")?,
            mature_value: number("mature_value")?,
        }))
    }

    fn no_value(&self, kpi: &CompiledKpi<'_>, exists: bool, figures: Option<&Figures>) -> Option<String> {
        if figures.is_some_and(|figures| figures.value.is_some()) {
            return None;
        }
        let compared = kpi.kpi.compares.as_ref().filter(|dimension| self.cut.contains_key(&dimension.value));
        let cuts: Vec<&str> = kpi.kpi.cuts.iter().map(|dimension| dimension.value.as_str()).collect();
        let outside = self.cut.keys().find(|dimension| !cuts.is_empty() && !cuts.contains(&dimension.as_str()));
        let scope = kpi.kpi.scope.iter().find(|(dimension, value)| self.cut.get(*dimension) != Some(*value));
        Some(if !exists {
            let grain = self.scope.period.map_or("", |period| grain_name(period.grain));
            format!("it is not computed for a {grain}: its facts, or the KPI itself, are not measured at that grain")
        } else if let Some(dimension) = compared {
            format!("it compares values of `{}` itself, and has none where the cut holds it", dimension.value)
        } else if let Some(dimension) = outside {
            format!("it is not measured by `{dimension}`, only by {}", cuts.join(", "))
        } else if let Some((dimension, value)) = scope {
            format!("it holds where `{dimension}` is `{value}`, and nowhere else")
        } else if figures.is_some_and(|figures| figures.denominator == Some(0.0)) {
            "its denominator is 0".to_owned()
        } else if self.row.is_none() || figures.is_none() {
            "nothing lies in this cut of the period, so it has no row in `kpi_values`".to_owned()
        } else {
            "what it is computed from has no value".to_owned()
        })
    }

    fn aggregates(&self, kpi: &CompiledKpi<'_>, split: &Split<'_>) -> Result<Vec<Aggregated>, EngineError> {
        let texts = texts(kpi.kpi);
        let aggregated = |place: &usize| -> Result<Aggregated, EngineError> {
            let aggregate = &self.cube.aggregates[*place];
            let local = kpi.formula.places.iter().position(|known| known == place);
            let value = match self.row {
                Some(row) => {
                    let column = self.cells.frame.column(&aggregate_column(*place))?;
                    let one = column.slice(i64::try_from(row).unwrap_or(i64::MAX), 1);
                    plain::values(&one)?.pop().unwrap_or(Value::Null)
                }
                None => Value::Null,
            };
            Ok(Aggregated {
                text: local.and_then(|local| texts.get(local).cloned()).unwrap_or_default(),
                entity: aggregate.entity.clone(),
                facts: aggregate.facts.iter().cloned().collect(),
                adds_up: parts::adds_up(aggregate.aggregate.kind),
                value,
            })
        };
        split.places.iter().map(aggregated).collect()
    }

    fn read_kpis(&self, kpi: &CompiledKpi<'_>) -> Result<Vec<ReadKpi>, EngineError> {
        let overall = formula::overalls(&kpi.formula.outer);
        let value = |name: &str, row: Option<usize>| -> Result<Option<f64>, EngineError> {
            let Some(row) = row else { return Ok(None) };
            Ok(plain::number(&self.cells.frame, &value_column(name), row)?)
        };
        let read = |name: &String| {
            Ok(ReadKpi {
                kpi: name.clone(),
                title: self.cube.project.kpis.get(name).map(|kpi| kpi.title.clone()).unwrap_or_default(),
                value: value(name, self.row)?,
                overall: if overall.contains(name) { value(name, self.total)? } else { None },
            })
        };
        kpi.reads.iter().map(read).collect()
    }

    /// The name of the root entity whose key comes first in a key, where its snapshot has one.
    pub fn name_of(&self, key: &[Option<String>]) -> Option<String> {
        let names = self.names.get_or_init(|| self.root_names().unwrap_or_default());
        names.get(key.first()?.as_deref()?).cloned()
    }

    fn root_names(&self) -> Option<HashMap<String, String>> {
        let root = self.cube.root;
        let rows = self.scope.snapshot(&root.snapshot.as_ref()?.value)?.rows().ok()?;
        let (keys, names) = (rows.column(&root.key).ok()?, rows.column("name").ok()?);
        let (keys, names) = (plain::texts(keys).ok()?, plain::texts(names).ok()?);
        Some(keys.into_iter().zip(names).filter_map(|(key, name)| Some((key?, name?))).collect())
    }
}

fn place_of(project: &Project, sql: &SqlExpr) -> Written {
    let (file, line) = steps::position(project, sql.span);
    Written { text: sql.text.trim().to_owned(), file, line }
}

/// The aggregates of a formula as they would be written, by the number of their placeholder.
fn texts(kpi: &Kpi) -> Vec<String> {
    aggregate::split(&kpi.formula.ast).1.iter().map(ToString::to_string).collect()
}

/// A part of a compiled formula with its aggregates written out.
fn written(part: &sqlparser::ast::Expr, kpi: &Kpi) -> String {
    let mut text = part.to_string();
    // The greatest number first, for it begins with smaller ones.
    for (number, aggregate) in texts(kpi).iter().enumerate().rev() {
        text = text.replace(&placeholder(number), aggregate);
    }
    text
}
