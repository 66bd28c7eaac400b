//! Sources, rollups and tables.

use abmart_spec::Node;
use abmart_spec::model::{AttributionPart, Money, Rollup, Source, Table, TableBody};

use super::{Definitions, Draft, own};
use crate::column::{How, Inputs};
use crate::relation::Relation;
use crate::sql::{Reader, Scope};

impl Definitions<'_> {
    #[expect(clippy::unused_self, reason = "as the other kinds")]
    pub(super) fn source(&self, source: &Source) -> Draft {
        let mut relation = Relation::default();
        for name in source.columns.keys() {
            relation.set(name.clone(), Inputs::default());
        }
        Draft { relation, ..Draft::default() }
    }

    pub(super) fn rollup(&self, rollup: &Rollup) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let scope = Scope::over(&rollup.from.value, self.relation(&rollup.from.value).unwrap_or_default());
        let mut relation = Relation::default();
        if let Some(filter) = &rollup.filter {
            relation.rows.add(reader.expression(&filter.ast, &scope).then(How::Filter));
        }
        for (name, sql) in &rollup.by {
            let inputs = reader.expression(&sql.ast, &scope);
            relation.rows.add(inputs.clone().then(How::GroupBy));
            relation.set(name.clone(), inputs);
        }
        for (name, sql) in &rollup.measures {
            let inputs = reader.expression(&sql.ast, &scope);
            relation.set(name.clone(), inputs);
        }
        Draft { relation, named: reader.named() }
    }

    pub(super) fn table(&self, table: &Table) -> Draft {
        match &table.body {
            TableBody::Rows { columns, .. } => {
                let mut relation = Relation::default();
                for name in columns.keys() {
                    relation.set(name.clone(), Inputs::default());
                }
                Draft { relation, ..Draft::default() }
            }
            TableBody::Attribution { of, part } => self.part_of(of, *part),
            TableBody::Sql(sql) => {
                let tables = |name: &str| self.relation(name);
                let mut reader = Reader::new(&tables);
                let mut relation = reader.relation(&sql.ast);
                for input in &table.during {
                    if let Some(time) = self.time_of(&input.value) {
                        relation.rows.add(self.column(input, &time).then(How::Filter));
                    }
                }
                if let Some(money) = &table.money {
                    self.convert(money, &mut relation, &mut reader);
                }
                Draft { relation, named: reader.named() }
            }
        }
    }

    /// Amounts are multiplied by the rate of their currency on their day.
    fn convert(&self, money: &Money, relation: &mut Relation, reader: &mut Reader<'_>) {
        let mut found = relation.get(&money.currency.value);
        found.add(relation.get(&money.on.value));
        let mut found = found.then(How::Join);
        if let Some(rates) = &self.project.settings.rates {
            for key in ["day", "currency"] {
                let key = self.column(rates, key);
                reader.note(&key);
                found.add(key.then(How::Join));
            }
            let rate = self.column(rates, "rate");
            reader.note(&rate);
            found.add(rate.then(How::Transformation));
        }
        for column in &money.columns {
            let mut inputs = relation.get(&column.value).then(How::Transformation);
            inputs.add(found.clone());
            relation.set(column.value.clone(), inputs);
        }
    }

    fn part_of(&self, of: &str, part: AttributionPart) -> Draft {
        self.project.attributions.get(of).map(|attribution| self.attributed(attribution, part)).unwrap_or_default()
    }

    /// The key of an entity, as it is.
    pub(super) fn key_of(&self, entity: &str) -> Inputs {
        let key = self.project.entities.get(entity).map(|entity| entity.key.clone());
        key.map(|key| own(Node::Entity(entity.to_owned()), key)).unwrap_or_default()
    }
}
