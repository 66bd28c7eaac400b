//! KPIs.

use crate::decode::Kind;
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::model::{Grain, Kpi, Spanned, SqlExpr};
use crate::sql::{Call, Column, locate, parts};

use super::expression::Calls;
use super::{Resolver, ancestry, dimensions};

impl Resolver<'_> {
    pub(super) fn kpis(&mut self) {
        let project = self.project;
        for kpi in project.kpis.values() {
            for sql in [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()].into_iter().flatten() {
                self.formula(kpi, sql);
            }
            for dimension in kpi.compares.iter().chain(&kpi.cuts) {
                self.dimension(dimension);
            }
            self.fiscal(&kpi.grains, kpi.span);
        }
    }

    fn formula(&mut self, kpi: &Kpi, sql: &SqlExpr) {
        if !self.in_order(sql, Calls::NONE) {
            return;
        }
        let parts = parts(&sql.ast);
        for call in &parts.nested {
            self.report(
                Diagnostic::error("nested-aggregate", format!("`{}` stands inside of another aggregate", call.name))
                    .at(locate(sql, call.span))
                    .help("the inner one belongs into a fact"),
            );
        }
        for call in &parts.unsupported {
            let names = crate::sql::AGGREGATES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
            self.report(
                Diagnostic::error(
                    "unknown-aggregate",
                    format!("`{}` is not an aggregate of facts and KPIs", call.name),
                )
                .at(locate(sql, call.span))
                .help(format!("the aggregates are {}", names.join(", "))),
            );
        }
        if parts.aggregates.is_empty() && parts.columns.is_empty() {
            self.report(
                Diagnostic::error(
                    "aggregate-missing",
                    format!("the formula of `{}` is the same everywhere: it names neither facts nor KPIs", kpi.name),
                )
                .at(sql.span),
            );
        }
        for column in parts.columns.iter().filter(|column| column.aggregate.is_none()) {
            self.outside_aggregate(kpi, sql, column);
        }
        for (index, call) in parts.aggregates.iter().enumerate() {
            let columns = parts.columns.iter().filter(|column| column.aggregate == Some(index));
            self.aggregate(sql, call, columns);
        }
    }

    /// Bare names outside of aggregates are KPIs.
    fn outside_aggregate(&mut self, kpi: &Kpi, sql: &SqlExpr, column: &Column) {
        let span = locate(sql, column.span);
        let [name] = &column.path[..] else {
            self.report(
                Diagnostic::error(
                    "column-outside-aggregate",
                    format!("`{}` stands outside of an aggregate", column.path.join(".")),
                )
                .at(span)
                .help(format!("for example `sum({})`", column.path.join("."))),
            );
            return;
        };
        if *name == kpi.name {
            self.report(
                Diagnostic::error("self-reference", format!("the formula of `{name}` names `{name}` itself")).at(span),
            );
        } else if !self.names.has(&[Kind::Kpi], name) {
            let name = Spanned { value: name.clone(), span };
            let hint = if dimensions(self.project).any(|dimension| dimension == name.value) {
                Some(format!("`{}` is a dimension, which can stand inside of aggregates", name.value))
            } else {
                self.names.hint(&[Kind::Kpi], &name.value)
            };
            self.report(
                Diagnostic::error("unknown-kpi", format!("`{}` is not a KPI of the project", name.value))
                    .at(span)
                    .maybe_help(hint),
            );
        }
    }

    /// Columns of one aggregate are measures of facts of one entity or of those above it, and dimensions.
    fn aggregate<'c>(&mut self, sql: &SqlExpr, call: &Call, columns: impl Iterator<Item = &'c Column>) {
        let mut facts: Vec<(String, String, Span)> = Vec::new();
        for column in columns {
            let place = locate(sql, column.span);
            match &column.path[..] {
                [fact, measure] => {
                    if let Some(entity) = self.measure(fact, measure, place) {
                        facts.push((fact.clone(), entity, place));
                    }
                }
                [name] => self.inside_aggregate(name, place),
                path => self.report(
                    Diagnostic::error("unknown-measure", format!("`{}` is not a measure", path.join(".")))
                        .at(place)
                        .help("measures are written `<fact>.<measure>`"),
                ),
            }
        }
        let depth = |entity: &str| ancestry(self.project, entity).len();
        let Some((_, finest, place)) = facts.iter().max_by_key(|(_, entity, _)| depth(entity)) else {
            return;
        };
        let above: Vec<&str> = ancestry(self.project, finest).iter().map(|entity| entity.name.as_str()).collect();
        if let Some((fact, entity, other)) = facts.iter().find(|(_, entity, _)| !above.contains(&entity.as_str())) {
            let common =
                ancestry(self.project, entity).into_iter().find(|ancestor| above.contains(&ancestor.name.as_str()));
            let way = match common {
                Some(common) => {
                    format!("; a fact per `{0}` with `from_entity: {entity}` sums `{fact}` up to `{0}`", common.name)
                }
                None => String::new(),
            };
            let diagnostic = Diagnostic::error(
                "entities-mixed",
                format!("`{}` mixes facts of `{finest}` and of `{entity}`", call.name),
            )
            .at(*other)
            .label(*place, format!("per `{finest}`"))
            .help(format!("all facts of one aggregate are per one entity or those above it{way}"));
            self.report(diagnostic);
        }
    }

    /// Bare names inside of aggregates are dimensions.
    fn inside_aggregate(&mut self, name: &str, place: Span) {
        if dimensions(self.project).any(|dimension| dimension == name) {
            return;
        }
        let measure = self.project.facts.values().find(|fact| fact.measures.contains_key(name));
        let hint = match measure {
            Some(fact) => Some(format!("did you mean `{}.{name}`?", fact.name)),
            None if self.names.has(&[Kind::Kpi], name) => {
                Some(format!("`{name}` is a KPI, which stands outside of aggregates"))
            }
            None => did_you_mean(name, dimensions(self.project)).map(|near| format!("did you mean `{near}`?")),
        };
        self.report(
            Diagnostic::error(
                "unknown-dimension",
                format!("`{name}` is not a dimension; measures are written `<fact>.<measure>`"),
            )
            .at(place)
            .maybe_help(hint),
        );
    }

    /// Reports fiscal grains in a project without a fiscal calendar.
    pub(super) fn fiscal(&mut self, grains: &[Grain], place: Span) {
        let fiscal = |grain: &Grain| matches!(grain, Grain::FiscalQuarter | Grain::FiscalYear);
        if grains.iter().any(fiscal) && self.project.settings.fiscal_year_start.is_none() {
            self.report(
                Diagnostic::error(
                    "missing-fiscal-calendar",
                    "fiscal periods need the month in which the fiscal year begins",
                )
                .at(place)
                .help("`settings.fiscal_year_start` in pipelines.yaml"),
            );
        }
    }
}
