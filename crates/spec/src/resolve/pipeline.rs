//! Settings and pipelines.

use crate::decode::Kind;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::{Pipeline, Project, Spanned, TableBody};

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
            TableBody::Sql(_) => None,
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
            let grains: Vec<_> = pipeline.periods.keys().copied().collect();
            self.fiscal(&grains, pipeline.span);
        }
    }
}
