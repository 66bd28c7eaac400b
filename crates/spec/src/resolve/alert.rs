//! Alerts and their deliveries.

use crate::decode::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::{Alert, Pipeline};

use super::Resolver;
use super::expression::Calls;

impl Resolver<'_> {
    pub(super) fn alerts(&mut self) {
        let project = self.project;
        for alert in project.alerts.values() {
            if alert.over.value == "kpi_values" {
                if project.kpis.is_empty() {
                    let error =
                        Diagnostic::error("no-kpis", "the alert looks at `kpi_values`, and the project has no KPI");
                    self.report(error.at(alert.over.span).help("define one under `kpis` of a job"));
                }
            } else if !self.names.has(&[Kind::Entity], &alert.over.value) {
                let hint = self.names.hint(&[Kind::Entity], &alert.over.value);
                self.report(
                    Diagnostic::error(
                        "unknown-entity",
                        format!("`{}` is neither an entity nor `kpi_values`", alert.over.value),
                    )
                    .at(alert.over.span)
                    .maybe_help(hint),
                );
            }
            for (sql, what) in [
                (Some(&alert.filter), "the condition of an alert"),
                (alert.value.as_ref(), "the figure of an alert"),
                (alert.threshold.as_ref(), "the threshold of an alert"),
                (alert.owner.as_ref(), "the owner of an alert"),
            ] {
                if let Some(sql) = sql {
                    self.plain(sql, what, Calls::RUN);
                }
            }
            self.fiscal(&[alert.grain], alert.span);
            self.grain_of(alert);
        }
        for delivery in project.deliveries.values() {
            for alert in &delivery.alerts {
                self.known(&[Kind::Alert], alert);
            }
            if delivery.webhook.value.contains("://") {
                self.report(
                    Diagnostic::error("secret-in-project", "the URL of a webhook is a secret and stands in no file")
                        .at(delivery.webhook.span)
                        .help("`webhook` names the environment variable that holds the URL"),
                );
            }
        }
    }

    /// An alert looks at periods that are computed: by some pipeline that publishes what alerts give.
    fn grain_of(&mut self, alert: &Alert) {
        let computed = |pipeline: &Pipeline| pipeline.periods.contains_key(&alert.grain);
        if !self.project.pipelines.values().any(computed) {
            self.report(
                Diagnostic::error(
                    "grain-not-computed",
                    format!("no pipeline computes the periods that alert `{}` looks at", alert.name),
                )
                .at(alert.span)
                .help("`periods` of a pipeline names the grains that are computed"),
            );
        }
    }
}
