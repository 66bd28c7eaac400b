//! Entities, facts and scores.

use abmart_spec::Node;
use abmart_spec::model::{Entity, Fact, FactInput, FactKind, Score};

use super::{Definitions, Draft, own};
use crate::column::{How, Inputs};
use crate::relation::Relation;
use crate::sql::{Reader, Scope};

impl Definitions<'_> {
    /// Keys and dimensions of the members. An entity without a snapshot has the members that its facts name, and the
    /// dimensions of its parent.
    pub(super) fn entity(&self, entity: &Entity) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let mut relation = Relation::default();
        for name in self.keys(entity).into_iter().chain(entity.dimensions.iter().map(|name| name.value.clone())) {
            let inputs = entity.snapshot.as_ref().map(|snapshot| self.column(snapshot, &name)).unwrap_or_default();
            reader.note(&inputs);
            relation.set(name, inputs);
        }
        if let (None, Some(parent)) = (&entity.snapshot, &entity.parent)
            && let Some(rows) = self.relation_of(&Node::Entity(parent.value.clone()))
        {
            for (name, inputs) in rows.columns {
                relation.set(name, inputs);
            }
        }
        Draft { relation, named: reader.named() }
    }

    pub(super) fn fact(&self, fact: &Fact) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let mut relation = Relation::default();
        let entity = self.project.entities.get(&fact.per.value);
        let scope = match &fact.from {
            FactInput::Table(from) => Scope::over(&from.value, self.relation(&from.value).unwrap_or_default()),
            FactInput::Entity(child) => self.measures_of(&child.value),
        };
        let named = |reader: &mut Reader<'_>, column: &str, how: How| {
            let inputs = scope.resolve(&[sqlparser::ast::Ident::new(column)], &crate::sql::Only::default());
            reader.note(&inputs);
            inputs.then(how)
        };
        let is_state = matches!(fact.kind, FactKind::State);
        for key in entity.map(|entity| self.keys(entity)).unwrap_or_default() {
            let how = if is_state { How::Join } else { How::GroupBy };
            relation.rows.add(named(&mut reader, &key, how));
        }
        // What a member has is put beside the member.
        relation.rows.add(self.key_of(&fact.per.value).then(How::Join));
        for column in fact.dimensions.values() {
            relation.rows.add(named(&mut reader, &column.value, How::GroupBy));
        }
        for time in self.times_of(fact) {
            relation.rows.add(named(&mut reader, &time, How::Filter));
        }
        if let Some(keep) = &fact.keep_last {
            for column in keep.by.iter().chain([&keep.order]) {
                relation.rows.add(named(&mut reader, &column.value, How::Window));
            }
        }
        if let Some(filter) = &fact.filter {
            relation.rows.add(reader.expression(&filter.ast, &scope).then(How::Filter));
        }
        for (name, sql) in &fact.measures {
            let inputs = reader.expression(&sql.ast, &scope);
            relation.set(name.clone(), inputs);
        }
        Draft { relation, named: reader.named() }
    }

    /// The columns that say which of a fact's rows belong to a period.
    fn times_of(&self, fact: &Fact) -> Vec<String> {
        let FactInput::Table(from) = &fact.from else { return Vec::new() };
        match &fact.kind {
            FactKind::Flow | FactKind::Trailing(_) => {
                let given = fact.time.as_ref().map(|time| time.value.clone());
                given.or_else(|| self.time_of(&from.value)).into_iter().collect()
            }
            FactKind::Stock { from, to } => vec![from.value.clone(), to.value.clone()],
            FactKind::State => Vec::new(),
        }
    }

    /// The score, its components, its band, and the signals that explain it.
    pub(super) fn score(&self, score: &Score) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let mut relation = Relation::default();
        let scope = Scope::over(&score.from.value, self.relation(&score.from.value).unwrap_or_default());
        let key = self.project.entities.get(&score.per.value).map(|entity| entity.key.clone()).unwrap_or_default();
        let grouped = self.column(&score.from, &key);
        reader.note(&grouped);
        relation.rows.add(grouped.then(How::GroupBy));
        relation.rows.add(self.key_of(&score.per.value).then(How::Join));
        let mut sum = Inputs::default();
        let mut components = Vec::new();
        for (name, component) in &score.components {
            let inputs = reader.expression(&component.measure.ast, &scope);
            sum.add(inputs.clone());
            components.push((name, inputs));
        }
        relation.set("score", sum.clone());
        for (name, inputs) in components {
            relation.set(name.clone(), inputs);
        }
        if let Some(bands) = &score.bands {
            let mut band = sum.then(How::Conditional);
            let by = own(Node::Entity(score.per.value.clone()), bands.by.value.clone());
            reader.note(&by);
            band.add(by.then(How::Conditional));
            relation.set("band", band);
        }
        let signal = self.column(&score.from, &score.signal.value);
        reader.note(&signal);
        relation.set("signal", signal);
        Draft { relation, named: reader.named() }
    }

    /// The parent's key, then its own.
    pub(super) fn keys(&self, entity: &Entity) -> Vec<String> {
        let parent = entity.parent.as_ref().and_then(|parent| self.project.entities.get(&parent.value));
        parent.map(|parent| parent.key.clone()).into_iter().chain([entity.key.clone()]).collect()
    }

    /// Facts and scores that are per an entity.
    pub(super) fn measured<'s>(&'s self, entity: &'s str) -> impl Iterator<Item = Node> + 's {
        let facts = self.project.facts.values().filter(move |fact| fact.per.value == entity);
        let scores = self.project.scores.values().filter(move |score| score.per.value == entity);
        facts.map(|fact| Node::Fact(fact.name.clone())).chain(scores.map(|score| Node::Score(score.name.clone())))
    }

    /// An entity as formulas see it: `fact.measure`, and its keys and dimensions.
    fn measures_of(&self, entity: &str) -> Scope<'static> {
        let mut scope = Scope::default();
        if let Some(rows) = self.relation_of(&Node::Entity(entity.to_owned())) {
            scope.add(entity, rows);
        }
        for node in self.measured(entity) {
            if let Some(rows) = self.relation_of(&node) {
                scope.add_qualified(node.name(), rows);
            }
        }
        scope
    }
}
