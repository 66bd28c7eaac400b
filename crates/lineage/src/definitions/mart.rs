//! Marts and alerts.

use abmart_spec::model::{Alert, Mart, MartBody, PRIOR, SqlExpr};
use sqlparser::ast::Ident;

use super::{Definitions, Draft};
use crate::column::{How, Inputs};
use crate::relation::Relation;
use crate::sql::{Only, Reader, Scope};

impl Definitions<'_> {
    pub(super) fn mart(&self, mart: &Mart) -> Draft {
        let tables = |name: &str| self.made(name);
        let mut reader = Reader::new(&tables);
        let relation = match &mart.body {
            MartBody::Sql(sql) => reader.relation(&sql.ast),
            MartBody::From(name) => {
                let rows = self.made(&name.value).unwrap_or_default();
                let mut relation = Relation { rows: rows.rows.clone(), ..Relation::default() };
                let scope = Scope::over(&name.value, rows);
                let mut only = Only::default();
                if let Some(filter) = &mart.filter {
                    let (inputs, left) = reader.condition(&filter.ast, &scope);
                    relation.rows.add(inputs.then(How::Filter));
                    only = left;
                }
                for (name, inputs, _) in scope.expanded(None, &only) {
                    relation.set(name, inputs);
                }
                relation
            }
        };
        let spelled = mart.key.iter().chain(&mart.sort).map(|name| name.value.as_str());
        for name in spelled.chain(mart.columns.keys().map(String::as_str)) {
            reader.note(&relation.get(name));
        }
        Draft { relation, named: reader.named() }
    }

    /// Whom an alert is about and the figures that it shows, of rows that its condition chooses.
    pub(super) fn alert(&self, alert: &Alert) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let entity = self.project.entities.get(&alert.over.value);
        let mut rows = self.made(&alert.over.value).unwrap_or_default();
        if let Some(entity) = entity {
            let prior = |(name, inputs): (&String, &Inputs)| (format!("{PRIOR}{name}"), inputs.clone());
            let before: Vec<_> = rows.columns.iter().filter(|(name, _)| **name != entity.key).map(prior).collect();
            for (name, inputs) in before {
                rows.columns.entry(name).or_insert(inputs.then(How::Transformation));
            }
        }
        let scope = Scope::over(&alert.over.value, rows);
        let (condition, only) = reader.condition(&alert.filter.ast, &scope);
        let mut relation = Relation::default();
        relation.rows.add(condition.then(How::Filter));
        let named = |name: &str| scope.resolve(&[Ident::new(name)], &only);
        for name in self.about() {
            relation.set(name.clone(), named(&name));
        }
        let subject = match entity {
            Some(entity) => named(&entity.key),
            // A cell is named by its KPI and the values that it is cut by.
            None => self.dimensions().map(|(_, inputs)| inputs).collect::<Inputs>().then(How::Transformation),
        };
        relation.set("subject", subject);
        let mut given = |sql: &Option<SqlExpr>| sql.as_ref().map(|sql| reader.expression_of(&sql.ast, &scope, &only));
        let value = given(&alert.value);
        let own_value = || if entity.is_none() { named("value") } else { Inputs::default() };
        relation.set("value", value.unwrap_or_else(own_value));
        relation.set("threshold", given(&alert.threshold).unwrap_or_default());
        relation.set("owner", given(&alert.owner).unwrap_or_default());
        Draft { relation, named: reader.named() }
    }
}
