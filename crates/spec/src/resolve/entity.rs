//! Entities.

use crate::decode::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::{Entity, SourceKind};

use super::{Resolver, ancestry};

impl Resolver<'_> {
    pub(super) fn entities(&mut self) {
        let project = self.project;
        for entity in project.entities.values() {
            self.entity_snapshot(entity);
            if let Some(parent) = &entity.parent
                && self.known(&[Kind::Entity], parent)
            {
                self.entity_parent(entity);
            }
        }
    }

    fn entity_snapshot(&mut self, entity: &Entity) {
        let Some(snapshot) = &entity.snapshot else {
            return;
        };
        if !self.known(&[Kind::Source], snapshot) {
            return;
        }
        let Some(source) = self.project.sources.get(&snapshot.value) else {
            return;
        };
        if source.kind != SourceKind::Snapshot {
            self.report(
                Diagnostic::error(
                    "not-a-snapshot",
                    format!("`{}` is an events source and lists no members", source.name),
                )
                .at(snapshot.span)
                .label(source.span, "the source")
                .help("an entity's `snapshot` is a source of kind `snapshot`"),
            );
        }
        let owner = format!("source `{}`", source.name);
        if !source.columns.contains_key(&entity.key) {
            self.report(
                Diagnostic::error(
                    "unknown-column",
                    format!("{owner} has no column `{}`, the key of entity `{}`", entity.key, entity.name),
                )
                .at(entity.span)
                .label(source.span, "the source"),
            );
        }
        for dimension in &entity.dimensions {
            self.contract_column(dimension, &source.columns, &owner);
        }
    }

    fn entity_parent(&mut self, entity: &Entity) {
        let Some(parent) = &entity.parent else { return };
        if let Some(dimension) = entity.dimensions.first() {
            self.report(
                Diagnostic::error(
                    "dimensions-below-root",
                    format!("entity `{}` has the dimensions of its parent and none of its own", entity.name),
                )
                .at(dimension.span)
                .help(format!("dimensions stand at the root entity above `{}`", parent.value)),
            );
        }
        let chain = ancestry(self.project, &parent.value);
        if chain.iter().any(|ancestor| ancestor.name == entity.name) {
            self.report(
                Diagnostic::error("cycle", format!("entity `{}` is its own ancestor", entity.name)).at(parent.span),
            );
        }
    }
}
