//! What the engine makes for marts: the cube, alerts, scores taken apart, entities with all their measures.

use abmart_spec::Node;
use abmart_spec::model::{Project, Spanned};

use super::{Definitions, own};
use crate::column::{How, Inputs};
use crate::relation::Relation;

/// The columns that say of which period a row is.
const PERIOD: &[&str] = &["period_grain", "period_start", "period_end", "partial"];

impl Definitions<'_> {
    /// What a name stands for in marts and alerts.
    pub(super) fn made(&self, name: &str) -> Option<Relation> {
        let project = self.project;
        let relation = match name {
            "kpi_values" => self.kpi_values(),
            "kpi_wide" => self.kpi_wide(),
            "kpi_catalog" => engine_made(&[
                "kpi",
                "version",
                "title_en",
                "title_fr",
                "description",
                "formula",
                "unit",
                "better",
                "level",
                "cadence",
                "owner",
                "scope",
                "styles",
                "job",
                "job_title",
                "grains",
                "cuts",
                "holds_in",
                "benchmark_alarm",
                "benchmark_healthy",
                "benchmark_strong",
                "definition",
                "defined_on",
            ]),
            "kpi_changes" => engine_made(&[
                "changed_on",
                "kpi",
                "change",
                "version_before",
                "version",
                "formula_before",
                "formula",
                "definition_before",
                "definition",
            ]),
            "data_quality" => engine_made(&[
                "as_of",
                "source",
                "column",
                "check",
                "severity",
                "status",
                "rows_in",
                "rows_failed",
                "rows_quarantined",
                "files",
                "detail",
            ]),
            "cuts" => {
                let mut cuts = engine_made(&["cut"]);
                for (name, _) in self.dimensions() {
                    cuts.set(name, Inputs::default());
                }
                cuts
            }
            "alerts" => self.alerts(&[
                "as_of",
                "alert",
                "title_en",
                "title_fr",
                "severity",
                "state",
                "subject_kind",
                "subject",
                "*",
                "kpi",
                "period_grain",
                "period_start",
                "value",
                "threshold",
                "owner",
                "action_en",
                "action_fr",
                "opened_on",
                "due_on",
                "resolved_on",
            ]),
            "actions" => self.alerts(&[
                "as_of",
                "alert",
                "severity",
                "subject_kind",
                "subject",
                "*",
                "kpi",
                "action_en",
                "action_fr",
                "owner",
                "state",
                "opened_on",
                "due_on",
                "resolved_on",
            ]),
            "score_bands" => self.score_bands(),
            _ if project.entities.contains_key(name) => self.members(name),
            _ => match name.strip_suffix("_signals").filter(|score| project.scores.contains_key(*score)) {
                Some(score) => self.signals(score),
                None => return self.relation(name),
            },
        };
        Some(relation)
    }

    fn kpi_values(&self) -> Relation {
        let values = |column: &str, how: How| -> Inputs {
            published(self.project)
                .filter(|node| self.known.get(node).is_some_and(|known| known.columns.contains_key(column)))
                .map(|node| own(node, column))
                .collect::<Inputs>()
                .then(how)
        };
        let settings = &self.project.settings;
        let target = self.yardstick(settings.targets.as_ref(), &["target"], How::Identity);
        let limits = |names: &[&str], how: How| self.yardstick(settings.benchmarks.as_ref(), names, how);
        let mut rows = self.cell();
        rows.made(&["kpi"]);
        rows.set("value", values("value", How::Identity));
        for name in ["numerator", "denominator", "n", "prior_value", "change", "yoy_value"] {
            rows.set(name, values("value", How::Transformation));
        }
        let mut attainment = values("value", How::Transformation);
        attainment.add(target.clone().then(How::Transformation));
        rows.set("target", target);
        rows.set("attainment", attainment);
        rows.set("benchmark", limits(&["healthy"], How::Identity));
        let mut status = values("value", How::Conditional);
        status.add(limits(&["low", "healthy", "strong"], How::Conditional));
        rows.set("status", status);
        rows.set("share_of_parent", values("value", How::Transformation));
        rows.set("rank", values("value", How::Window));
        rows.set("immature", values("immature", How::Identity));
        rows.set("mature_value", values("mature", How::Identity));
        rows.made(&["definition"]);
        rows.kpi = Some("kpi".to_owned());
        rows
    }

    fn kpi_wide(&self) -> Relation {
        let mut rows = self.cell();
        for node in published(self.project) {
            rows.set(node.name().to_owned(), own(node, "value"));
        }
        rows
    }

    /// The columns that say which cell of the cube a row is.
    fn cell(&self) -> Relation {
        let mut rows = engine_made(&["as_of"]);
        rows.made(PERIOD);
        rows.made(&["cut"]);
        for (name, inputs) in self.dimensions() {
            rows.set(name, inputs);
        }
        rows
    }

    /// Columns of the table of targets or benchmarks; its others say which cells a row is for.
    fn yardstick(&self, table: Option<&Spanned<String>>, names: &[&str], how: How) -> Inputs {
        let Some(rows) = table.and_then(|table| self.relation(&table.value)) else { return Inputs::default() };
        let mut inputs = Inputs::default();
        let numbers = ["target", "low", "healthy", "strong", "source"];
        for (name, column) in rows.columns {
            if names.contains(&name.as_str()) {
                inputs.add(column.then(how));
            } else if !numbers.contains(&name.as_str()) {
                inputs.add(column.then(How::Join));
            }
        }
        inputs
    }

    /// `alerts` and `actions`; `*` stands for the key and the dimensions of what an alert is about.
    fn alerts(&self, names: &[&str]) -> Relation {
        let of = |column: &str| -> Inputs {
            let nodes = self.project.alerts.keys().map(|name| Node::Alert(name.clone()));
            nodes
                .filter(|node| self.known.get(node).is_some_and(|known| known.columns.contains_key(column)))
                .map(|node| own(node, column))
                .collect()
        };
        let mut rows = Relation::default();
        for name in names {
            match *name {
                "*" => {
                    for name in self.about() {
                        let inputs = of(&name);
                        rows.set(name, inputs);
                    }
                }
                name => rows.set(name, of(name)),
            }
        }
        rows.rows.add(of("subject").then(How::Filter));
        rows
    }

    /// The key of the cube's root, and its dimensions.
    pub(super) fn about(&self) -> Vec<String> {
        let root = self.project.cube_root();
        root.map(|root| root.key.clone()).into_iter().chain(self.dimensions().map(|(name, _)| name)).collect()
    }

    fn score_bands(&self) -> Relation {
        let adaptive = || {
            self.project.scores.values().filter_map(|score| {
                let bands = score.bands.as_ref().filter(|bands| bands.adaptive.is_some())?;
                Some((score, bands))
            })
        };
        let scores: Inputs = adaptive().map(|(score, _)| own(Node::Score(score.name.clone()), "score")).collect();
        let values =
            adaptive().map(|(score, bands)| own(Node::Entity(score.per.value.clone()), bands.by.value.clone()));
        let mut rows = engine_made(&["as_of", "score", "dimension"]);
        rows.set("value", values.collect());
        rows.made(&["hot", "warm"]);
        for name in ["hot_estimated", "warm_estimated", "n"] {
            rows.set(name, scores.clone().then(How::Aggregation));
        }
        rows
    }

    /// Every signal's contribution to a score.
    fn signals(&self, score: &str) -> Relation {
        let mut rows = engine_made(PERIOD);
        let Some(score) = self.project.scores.get(score) else { return rows };
        let node = Node::Score(score.name.clone());
        if let Some(entity) = self.project.entities.get(&score.per.value) {
            rows.set(entity.key.clone(), self.key_of(&entity.name));
        }
        let components: Inputs = score.components.keys().map(|name| own(node.clone(), name.clone())).collect();
        rows.made(&["component"]);
        rows.set("signal", own(node, "signal"));
        rows.set("measure", components.clone().then(How::Transformation));
        rows.made(&["weight"]);
        rows.set("contribution", components.then(How::Transformation));
        rows
    }

    /// Every member of an entity in every period with `<fact>_<measure>`; one without a snapshot has what its parent has, too.
    fn members(&self, entity: &str) -> Relation {
        let mut rows = engine_made(PERIOD);
        for (name, inputs) in self.relation_of(&Node::Entity(entity.to_owned())).unwrap_or_default().columns {
            rows.set(name, inputs);
        }
        self.add_measures(entity, &mut rows);
        if let Some(known) = self.project.entities.get(entity).filter(|known| known.snapshot.is_none())
            && let Some(parent) = &known.parent
        {
            self.add_measures(&parent.value, &mut rows);
        }
        rows
    }

    fn add_measures(&self, entity: &str, rows: &mut Relation) {
        for node in self.measured(entity) {
            let measures = abmart_spec::formula::measures(self.project, node.name()).unwrap_or_default();
            for measure in measures {
                rows.set(format!("{}_{measure}", node.name()), own(node.clone(), measure));
            }
        }
    }
}

fn engine_made(names: &[&str]) -> Relation {
    let mut rows = Relation::default();
    rows.made(names);
    rows
}

fn published(project: &Project) -> impl Iterator<Item = Node> {
    project.kpis.values().filter(|kpi| kpi.published).map(|kpi| Node::Kpi(kpi.name.clone()))
}
