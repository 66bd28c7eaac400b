//! Which tables a query reads.

use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Spanned as _, Visit, Visitor};
use sqlparser::tokenizer::Span;

/// Names of the tables that a query reads, each once at its first place, without the names that a `with` in reach defines.
pub(super) fn reads(query: &Query) -> Vec<(String, Span)> {
    let mut reader = Reader::default();
    let _ = query.visit(&mut reader);
    reader.reads
}

#[derive(Default)]
struct Reader {
    scopes: Vec<Scope>,
    reads: Vec<(String, Span)>,
}

/// The `with` of a query that is being visited.
struct Scope {
    names: Vec<String>,
    /// How many of the names can be read yet: a common table sees the ones before it, not itself.
    defined: usize,
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.scopes.push(Scope { names: tables.map(|table| table.alias.name.value.clone()).collect(), defined: 0 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        // The bodies of a `with` are visited before anything else of its query; each one that ends becomes readable.
        if let Some(scope) = self.scopes.last_mut() {
            scope.defined = (scope.defined + 1).min(scope.names.len());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = relation
            .0
            .iter()
            .map(|part| part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone()))
            .collect::<Vec<_>>()
            .join(".");
        let defined = self.scopes.iter().any(|scope| scope.names[..scope.defined].contains(&name));
        if !defined && !self.reads.iter().any(|(known, _)| *known == name) {
            self.reads.push((name, relation.span()));
        }
        ControlFlow::Continue(())
    }
}
