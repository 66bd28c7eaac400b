//! What names stand for inside of a select.

use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::Node;
use sqlparser::ast::{BinaryOperator, Expr, Ident, Value};

use super::Reader;
use crate::column::Inputs;
use crate::relation::Relation;

/// The relations that a select reads, the last ones joined last.
#[derive(Default)]
pub(crate) struct Scope<'o> {
    relations: Vec<Member>,
    /// Columns of `using`, which stand for those of these relations.
    merged: BTreeMap<String, Vec<usize>>,
    /// Output columns, for clauses that may name them.
    pub aliases: BTreeMap<String, Inputs>,
    /// Windows that have a name, with what they go by.
    pub windows: BTreeMap<String, Inputs>,
    /// The select around a subquery.
    outer: Option<&'o Scope<'o>>,
}

struct Member {
    alias: String,
    rows: Relation,
    /// Whether its columns are found without its name.
    bare: bool,
    /// Whether it is seen at all: what a semi join looks at is not.
    seen: bool,
}

/// Of relations with rows of several KPIs, those that a condition leaves.
pub(crate) type Only = BTreeMap<usize, BTreeSet<String>>;

impl<'o> Scope<'o> {
    /// A scope without relations, inside of another one.
    pub fn inside(outer: Option<&'o Self>) -> Self {
        Self { outer, ..Self::default() }
    }

    /// A scope with one relation.
    pub fn over(alias: &str, rows: Relation) -> Self {
        let mut scope = Self::default();
        scope.add(alias, rows);
        scope
    }

    /// Adds a relation whose columns are found with and without its name.
    pub fn add(&mut self, alias: &str, rows: Relation) -> usize {
        self.relations.push(Member { alias: alias.to_owned(), rows, bare: true, seen: true });
        self.relations.len() - 1
    }

    /// Adds a relation whose columns are found by its name only: `fact.measure`.
    pub fn add_qualified(&mut self, alias: &str, rows: Relation) {
        self.relations.push(Member { alias: alias.to_owned(), rows, bare: false, seen: true });
    }

    /// Takes a relation out of sight.
    pub fn hide(&mut self, index: usize) {
        if let Some(member) = self.relations.get_mut(index) {
            member.seen = false;
        }
    }

    /// The columns that both sides of a join on `using` or by nature have, and which side they are taken from.
    pub fn merge(&mut self, column: &str, right: usize, side: Side) {
        let left = self.holders(column).into_iter().filter(|index| *index != right);
        let left: Vec<usize> = self.merged.get(column).cloned().unwrap_or_else(|| left.collect());
        let kept = match side {
            Side::Left => left,
            Side::Right => vec![right],
            Side::Both => left.into_iter().chain([right]).collect(),
        };
        self.merged.insert(column.to_owned(), kept);
    }

    /// Names of the columns that a relation shares with those before it.
    pub fn shared(&self, right: usize) -> Vec<String> {
        let Some(member) = self.relations.get(right) else { return Vec::new() };
        let before =
            |column: &&String| self.relations[..right].iter().any(|other| other.rows.columns.contains_key(*column));
        member.rows.columns.keys().filter(before).cloned().collect()
    }

    /// What decides about the rows of all relations.
    pub fn rows(&self) -> Inputs {
        self.relations.iter().map(|member| member.rows.rows.clone()).collect()
    }

    /// All columns of `*`, or of `t.*`; those of `using` once.
    pub fn expanded(&self, alias: Option<&str>, only: &Only) -> Vec<(String, Inputs, bool)> {
        let mut found = Vec::new();
        for (index, member) in self.relations.iter().enumerate().filter(|(_, member)| member.seen) {
            if alias.is_some_and(|alias| alias != member.alias) {
                continue;
            }
            for column in member.rows.columns.keys() {
                let merged = self.merged.get(column).filter(|_| alias.is_none());
                if merged.is_some_and(|kept| kept.iter().min() != Some(&index) && !kept.is_empty()) {
                    continue;
                }
                let inputs = match merged {
                    Some(kept) => kept.iter().map(|at| self.taken(*at, column, only)).collect(),
                    None => self.taken(index, column, only),
                };
                found.push((column.clone(), inputs, self.tells_kpi(index, column)));
            }
        }
        found
    }

    /// What a name stands for: a column of the relations that hold it, else an output column, else what the select
    /// around it knows.
    pub fn resolve(&self, path: &[Ident], only: &Only) -> Inputs {
        let places = self.places(path);
        let Some(column) = path.last().map(|ident| ident.value.as_str()) else { return Inputs::default() };
        if !places.is_empty() {
            return places.into_iter().map(|index| self.taken(index, column, only)).collect();
        }
        if let (1, Some(inputs)) = (path.len(), self.aliases.get(column)) {
            return inputs.clone();
        }
        self.outer.map(|outer| outer.resolve(path, &Only::default())).unwrap_or_default()
    }

    /// The relation whose column of KPIs a name is.
    pub fn kpi_of(&self, path: &[Ident]) -> Option<usize> {
        let column = &path.last()?.value;
        match &self.places(path)[..] {
            [index] => Some(*index).filter(|index| self.tells_kpi(*index, column)),
            _ => None,
        }
    }

    /// Whether KPIs come into the select from one relation only, so that its column of KPIs tells of all of them.
    pub fn has_one_of_kpis(&self) -> bool {
        let of_kpis = |member: &&Member| {
            member
                .rows
                .columns
                .values()
                .any(|inputs| inputs.iter().any(|input| matches!(input.column.of, Node::Kpi(_))))
        };
        self.relations.iter().filter(of_kpis).count() == 1
    }

    fn tells_kpi(&self, index: usize, column: &str) -> bool {
        self.relations[index].rows.kpi.as_deref() == Some(column)
    }

    fn places(&self, path: &[Ident]) -> Vec<usize> {
        match path {
            [column] => match self.merged.get(&column.value) {
                Some(kept) => kept.clone(),
                None => self.holders(&column.value),
            },
            [.., alias, column] => {
                let named = |member: &Member| {
                    member.seen && member.alias == alias.value && member.rows.columns.contains_key(&column.value)
                };
                self.relations.iter().position(named).into_iter().collect()
            }
            [] => Vec::new(),
        }
    }

    fn holders(&self, column: &str) -> Vec<usize> {
        let members = self.relations.iter().enumerate();
        let holds = |member: &Member| member.seen && member.bare && member.rows.columns.contains_key(column);
        members.filter(|(_, member)| holds(member)).map(|(index, _)| index).collect()
    }

    fn taken(&self, index: usize, column: &str, only: &Only) -> Inputs {
        let mut inputs = self.relations[index].rows.get(column);
        if let Some(kpis) = only.get(&index) {
            inputs.retain(|input| match &input.column.of {
                Node::Kpi(kpi) => kpis.contains(kpi),
                _ => true,
            });
        }
        inputs
    }
}

/// The side of a join that a merged column is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
    Both,
}

impl Reader<'_> {
    /// The KPIs that remain where a condition holds: `kpi = 'win_rate' and …`, `kpi in ('a', 'b')`.
    pub(super) fn narrowed(&self, condition: &Expr, scope: &Scope<'_>, only: &Only) -> Only {
        let mut narrowed = only.clone();
        for (index, kpis) in allowed(condition, scope) {
            narrowed
                .entry(index)
                .and_modify(|known: &mut BTreeSet<String>| known.retain(|kpi| kpis.contains(kpi)))
                .or_insert(kpis);
        }
        narrowed
    }
}

fn allowed(condition: &Expr, scope: &Scope<'_>) -> Only {
    match condition {
        Expr::Nested(inner) => allowed(inner, scope),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut both = allowed(left, scope);
            for (index, kpis) in allowed(right, scope) {
                let known = both.entry(index).or_insert_with(|| kpis.clone());
                known.retain(|kpi| kpis.contains(kpi));
            }
            both
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            let (left, right) = (allowed(left, scope), allowed(right, scope));
            let either = |(index, mut kpis): (usize, BTreeSet<String>)| {
                kpis.extend(right.get(&index)?.iter().cloned());
                Some((index, kpis))
            };
            left.into_iter().filter_map(either).collect()
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let pair =
                kpi_column(left, scope).zip(literal(right)).or_else(|| kpi_column(right, scope).zip(literal(left)));
            pair.map(|(index, kpi)| (index, BTreeSet::from([kpi]))).into_iter().collect()
        }
        Expr::InList { expr, list, negated: false } => {
            let kpis: Option<BTreeSet<String>> = list.iter().map(literal).collect();
            kpi_column(expr, scope).zip(kpis).into_iter().collect()
        }
        _ => Only::new(),
    }
}

fn kpi_column(expr: &Expr, scope: &Scope<'_>) -> Option<usize> {
    match expr {
        Expr::Identifier(ident) => scope.kpi_of(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(path) => scope.kpi_of(path),
        Expr::Nested(inner) => kpi_column(inner, scope),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}
