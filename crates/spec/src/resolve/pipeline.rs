//! Settings and pipelines.

use crate::decode::Kind;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::grammar::GRAINS;
use crate::model::{Literal, Mart, MartBody, Pipeline, Project, Spanned, TableBody};

use super::Resolver;

impl Project {
    /// The pipeline of a name.
    ///
    /// # Errors
    ///
    /// `unknown-pipeline`, without a place, where the project has none of this name.
    pub fn pipeline(&self, name: &str) -> Result<&Pipeline, Box<Diagnostic>> {
        self.pipelines.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.pipelines.keys().map(String::as_str).collect();
            let help = match did_you_mean(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the pipelines are {}", names.join(", ")),
            };
            let message = format!("`{name}` is not a pipeline of the project");
            Diagnostic::error("unknown-pipeline", message).help(help).boxed()
        })
    }
}

impl Resolver<'_> {
    pub(super) fn settings(&mut self) {
        let settings = &self.project.settings;
        self.role("rates", settings.rates.as_ref(), &["day", "currency", "rate"]);
        self.role("targets", settings.targets.as_ref(), &["kpi", "period_grain", "target"]);
        self.role("benchmarks", settings.benchmarks.as_ref(), &["kpi"]);
        self.yardstick("targets", settings.targets.as_ref());
        self.yardstick("benchmarks", settings.benchmarks.as_ref());
    }

    /// Targets and benchmarks that the project holds itself are for KPIs that there are, and for values of dimensions that
    /// accounts can have.
    fn yardstick(&mut self, role: &str, name: Option<&Spanned<String>>) {
        let project = self.project;
        let Some(table) = name.and_then(|name| project.tables.get(&name.value)) else { return };
        let TableBody::Rows { columns, rows, places } = &table.body else { return };
        let root = project.cube_root();
        let snapshot = root.and_then(|root| root.snapshot.as_ref()).and_then(|name| project.sources.get(&name.value));
        for (row, place) in rows.iter().zip(places) {
            for (column, value) in columns.keys().zip(row) {
                let Literal::String(value) = value else { continue };
                let name = Spanned { value: value.clone(), span: *place };
                if column == "kpi" {
                    if !self.names.has(&[Kind::Kpi], value) {
                        self.report(self.names.unknown(&[Kind::Kpi], &name));
                    }
                } else if column == "period_grain" {
                    if !GRAINS.contains(&value.as_str()) {
                        let near = did_you_mean(value, GRAINS.iter().copied());
                        self.report(
                            Diagnostic::error("unknown-grain", format!("`{value}` is no grain of periods"))
                                .at(*place)
                                .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
                        );
                    }
                } else if let Some(known) = snapshot.and_then(|source| source.columns.get(column)) {
                    let accepted = || known.values.iter().map(String::as_str);
                    if !known.values.is_empty() && !accepted().any(|accepted| accepted == value) {
                        let help = did_you_mean(value, accepted()).map_or_else(
                            || format!("`{column}` is one of {}", known.values.join(", ")),
                            |near| format!("did you mean `{near}`?"),
                        );
                        self.report(
                            Diagnostic::error(
                                "scope-matches-nothing",
                                format!("no account has `{column}` {value}: the row of `{role}` holds for nothing"),
                            )
                            .at(*place)
                            .help(help),
                        );
                    }
                }
            }
        }
    }

    /// Events are posted over HTTP, to a URL that holds no secret: messages and version control would show it.
    pub(super) fn lineage(&mut self) {
        let Some(url) = &self.project.lineage.url else { return };
        let rest = url.value.strip_prefix("https://").or_else(|| url.value.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
        let problem = match host {
            None | Some("") => "is no http:// or https:// URL of a service",
            Some(host) if host.contains('@') => "holds a user or password",
            Some(_) => return,
        };
        self.report(
            Diagnostic::error("lineage-url", format!("the URL of `lineage` {problem}"))
                .at(url.span)
                .help("write `https://host` or `https://host:port`; the environment variable OPENLINEAGE_API_KEY holds the service's key"),
        );
    }

    /// A source or table with a role has the columns of that role.
    fn role(&mut self, role: &str, name: Option<&Spanned<String>>, wanted: &[&str]) {
        let Some(name) = name else { return };
        if !self.known(Kind::RELATIONS, name) {
            return;
        }
        let source = self.project.sources.get(&name.value).map(|source| &source.columns);
        let table = self.project.tables.get(&name.value).and_then(|table| match &table.body {
            TableBody::Rows { columns, .. } => Some(columns),
            TableBody::Sql(_) | TableBody::Attribution { .. } => None,
        });
        let Some(columns) = source.or(table) else {
            return;
        };
        let missing: Vec<&str> = wanted.iter().copied().filter(|column| !columns.contains_key(*column)).collect();
        if !missing.is_empty() {
            self.report(
                Diagnostic::error(
                    "missing-column",
                    format!("`{}` lacks `{}`, which `{role}` needs", name.value, missing.join("`, `")),
                )
                .at(name.span)
                .help(format!("`{role}` has the columns `{}`", wanted.join("`, `"))),
            );
        }
    }

    /// What reads cells of the cube reads them from the mart that holds them all, which is published with it.
    fn cells_published(&mut self, pipeline: &Pipeline) {
        let project = self.project;
        let published: Vec<&Mart> = project.marts_of(&pipeline.name).collect();
        let is_cube = |mart: &Mart| matches!(&mart.body, MartBody::From(name) if name.value == "kpi_values" && mart.filter.is_none());
        if published.iter().any(|mart| is_cube(mart)) {
            return;
        }
        let over_cells = project.alerts.values().any(|alert| alert.over.value == "kpi_values");
        for mart in published {
            let reads: Vec<&str> = mart.reads().map(|name| name.value.as_str()).collect();
            let alerts = reads.iter().any(|name| matches!(*name, "alerts" | "actions")) && over_cells;
            if alerts || reads.iter().any(|name| matches!(*name, "kpi_values" | "kpi_wide")) {
                let place = pipeline.marts.iter().find(|name| name.value == mart.name);
                self.report(
                    Diagnostic::error(
                        "cells-not-published",
                        format!("mart `{}` reads values of KPIs, which the pipeline does not publish", mart.name),
                    )
                    .at(place.map_or(mart.span, |name| name.span))
                    .label(pipeline.span, "the pipeline")
                    .help("the mart with `from: kpi_values` belongs to the same pipeline"),
                );
            }
        }
    }

    /// A pipeline that reads what another one has published: marts of that one, which computes them itself.
    fn published(&mut self, from: &Spanned<String>, pipeline: &Pipeline) {
        if !self.known(&[Kind::Pipeline], from) {
            return;
        }
        let Some(computing) = self.project.pipelines.get(&from.value) else { return };
        if let Some(again) = &computing.from {
            self.report(
                Diagnostic::error("nothing-computed", format!("`{}` computes nothing itself", from.value))
                    .at(from.span)
                    .label(again.span, "it reads another pipeline's marts")
                    .help("`from` names a pipeline with `periods`"),
            );
        }
        let there = |mart: &str| computing.marts.is_empty() || computing.marts.iter().any(|name| name.value == mart);
        for mart in pipeline.marts.iter().filter_map(|name| self.project.marts.get(&name.value)) {
            for read in mart.reads() {
                let of_its_own = pipeline.marts.iter().any(|name| name.value == read.value);
                if !self.project.marts.contains_key(&read.value) || of_its_own || !there(&read.value) {
                    self.report(
                        Diagnostic::error(
                            "not-published",
                            format!("`{}` is no mart that the pipeline `{}` publishes", read.value, from.value),
                        )
                        .at(read.span)
                        .label(from.span, format!("pipeline `{}` reads published marts", pipeline.name)),
                    );
                }
            }
        }
    }

    pub(super) fn pipelines(&mut self) {
        let project = self.project;
        for pipeline in project.pipelines.values() {
            for (index, dimension) in pipeline.cube.iter().enumerate() {
                self.dimension(dimension);
                let first = pipeline.cube[..index].iter().find(|first| first.value == dimension.value);
                if let Some(first) = first {
                    self.report(
                        Diagnostic::error(
                            "repeated-dimension",
                            format!("`{}` stands twice in the cube", dimension.value),
                        )
                        .at(dimension.span)
                        .label(first.span, "first here"),
                    );
                }
            }
            for mart in &pipeline.marts {
                self.known(&[Kind::Mart], mart);
            }
            match &pipeline.from {
                Some(from) => self.published(from, pipeline),
                None => self.cells_published(pipeline),
            }
            if let Some(engine) = &pipeline.engine {
                self.engine(engine);
            }
            let grains: Vec<_> = pipeline.periods.keys().copied().collect();
            self.fiscal(&grains, pipeline.span);
        }
    }
}
