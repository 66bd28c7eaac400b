//! The cube: `kpi_values` and `kpi_wide`.

use abmart_spec::Node;
use abmart_spec::model::{Project, Spanned};

use super::made::{PERIOD, engine_made};
use super::{Definitions, own};
use crate::column::{How, Inputs};
use crate::relation::Relation;

impl Definitions<'_> {
    pub(super) fn kpi_values(&self) -> Relation {
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

    pub(super) fn kpi_wide(&self) -> Relation {
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
}

fn published(project: &Project) -> impl Iterator<Item = Node> {
    project.kpis.values().filter(|kpi| kpi.published).map(|kpi| Node::Kpi(kpi.name.clone()))
}
