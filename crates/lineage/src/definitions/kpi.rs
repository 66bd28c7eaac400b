//! KPIs.

use abmart_spec::Node;
use abmart_spec::model::{Kpi, SqlExpr};

use super::{Definitions, Draft, own};
use crate::column::{How, Inputs};
use crate::relation::Relation;
use crate::sql::{Reader, Scope};

impl Definitions<'_> {
    /// The value, and for cohorts who is immature and the value of the mature. All are cut by the dimensions of the cube.
    pub(super) fn kpi(&self, kpi: &Kpi) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let mut relation = Relation::default();
        let scope = self.formulas(kpi);
        let formulas =
            [("value", Some(&kpi.formula)), ("immature", kpi.immature.as_ref()), ("mature", kpi.mature.as_ref())];
        for (name, sql) in formulas {
            if let Some(sql) = sql {
                let inputs = reader.expression(&sql.ast, &scope);
                relation.set(name, inputs);
            }
        }
        relation.rows.add(self.dimensions().map(|(_, inputs)| inputs).collect::<Inputs>().then(How::GroupBy));
        Draft { relation, named: reader.named() }
    }

    /// The dimensions of the cube, as they are.
    pub(super) fn dimensions(&self) -> impl Iterator<Item = (String, Inputs)> {
        let root = self.project.cube_root();
        root.into_iter().flat_map(|root| {
            let node = Node::Entity(root.name.clone());
            root.dimensions.iter().map(move |name| (name.value.clone(), own(node.clone(), name.value.clone())))
        })
    }

    /// What a formula may name: `fact.measure`, dimensions inside of aggregates, other KPIs outside.
    fn formulas(&self, kpi: &Kpi) -> Scope<'static> {
        let mut scope = Scope::default();
        let mut dimensions = Relation::default();
        for (name, inputs) in self.dimensions() {
            dimensions.set(name, inputs);
        }
        scope.add("", dimensions);
        let mut others = Relation::default();
        let formulas = [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()];
        let named =
            formulas.into_iter().flatten().map(|sql: &SqlExpr| abmart_spec::formula::formula(self.project, sql));
        for formula in named {
            for name in formula.kpis {
                others.set(name.clone(), own(Node::Kpi(name), "value"));
            }
            for (fact, _) in formula.aggregates.into_iter().flat_map(|aggregate| aggregate.measures) {
                let node = if self.project.facts.contains_key(&fact) {
                    Node::Fact(fact.clone())
                } else {
                    Node::Score(fact.clone())
                };
                if let Some(rows) = self.relation_of(&node) {
                    scope.add_qualified(&fact, rows);
                }
            }
        }
        scope.add("", others);
        scope
    }
}
