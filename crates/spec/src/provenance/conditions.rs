//! What a condition says about the rows that fulfil it: which columns are equal, which have one value only.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use crate::sql::parts;

use super::dependencies::Ids;
use super::joins::{Input, Joined, path};
use super::relation::Column;

impl Joined<'_> {
    /// Notes what a condition says about its rows: which columns are equal, which have one value only. Gives the
    /// columns that it compares.
    pub fn condition(&mut self, condition: &Expr) -> Vec<Column> {
        self.unresolved |= self.named_in(condition).is_none();
        let mut compared = Vec::new();
        let mut bounds: Vec<(Ids, Column)> = Vec::new();
        for conjunct in conjuncts(condition) {
            match conjunct {
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => compared.extend(self.equal(left, right)),
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq,
                    right,
                } => {
                    for (one, other) in [(left, right), (right, left)] {
                        if let (Some(bound), Some(value)) = (self.plain(one), self.named_in(other)) {
                            bounds.push((value.iter().map(|column| column.id).collect(), bound));
                        }
                    }
                }
                Expr::Between { expr, negated: false, low, high } => {
                    for bound in [low, high] {
                        if let (Some(bound), Some(value)) = (self.plain(bound), self.named_in(expr)) {
                            bounds.push((value.iter().map(|column| column.id).collect(), bound));
                        }
                    }
                }
                other => {
                    let fixed = self.fixed_by(other);
                    self.rules.add(Ids::new(), fixed);
                }
            }
        }
        self.spells(&bounds);
        compared
    }

    /// A value between two columns of an input picks one of its spells: `valid_from <= day and day < valid_to`.
    fn spells(&mut self, bounds: &[(Ids, Column)]) {
        for (index, (value, bound)) in bounds.iter().enumerate() {
            for (other_value, other) in &bounds[..index] {
                if value == other_value && bound.id != other.id && bound.grain == other.grain && !value.is_empty() {
                    self.rules.add(value.clone(), Ids::from([bound.id, other.id]));
                }
            }
        }
    }

    fn equal(&mut self, left: &Expr, right: &Expr) -> Vec<Column> {
        let mut compared = Vec::new();
        for (one, other) in [(left, right), (right, left)] {
            let Some(column) = self.plain(one) else { continue };
            if let Some(named) = self.named_in(other) {
                self.rules.add(named.iter().map(|column| column.id).collect(), Ids::from([column.id]));
            }
            compared.push(column);
        }
        compared
    }

    /// Notes that a column of two inputs is one: `using (account_id)`.
    pub fn merge(&mut self, name: &str, index: usize) -> Vec<Column> {
        let alias = self.inputs[index].alias.clone();
        let Some(right) = self.column(&[alias, name.to_owned()]) else {
            self.unresolved = true;
            return Vec::new();
        };
        let before = || self.inputs[..index].iter();
        let has = |input: &&Input| input.relation.columns.iter().any(|column| column.name == name);
        let left = before().find(has).or_else(|| before().find(|input| input.relation.open));
        let Some(left) = left.map(|input| input.alias.clone()).and_then(|alias| self.column(&[alias, name.to_owned()]))
        else {
            self.unresolved = true;
            return vec![right];
        };
        // From here on both names stand for one column.
        for column in self.inputs[index].relation.columns.iter_mut().filter(|column| column.name == name) {
            column.id = left.id;
        }
        self.rules.add(Ids::from([left.id]), Ids::from([right.id]));
        self.rules.add(Ids::from([right.id]), Ids::from([left.id]));
        vec![left, right]
    }

    /// The columns of which only one value is left where a condition holds.
    pub fn fixed_by(&mut self, condition: &Expr) -> Ids {
        let mut fixed = Ids::new();
        for conjunct in conjuncts(condition) {
            let expr = match conjunct {
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_constant(right) => left,
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_constant(left) => right,
                Expr::IsNull(expr)
                | Expr::IsTrue(expr)
                | Expr::IsFalse(expr)
                | Expr::UnaryOp { op: UnaryOperator::Not, expr } => expr,
                Expr::InList { expr, list, negated: false } if list.len() == 1 => expr,
                other => other,
            };
            fixed.extend(self.plain(expr).map(|column| column.id));
        }
        fixed
    }

    /// The column that an expression is, but for what leaves different values different: `coalesce(region, '')`.
    fn plain(&mut self, expr: &Expr) -> Option<Column> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.column(&path(expr)?),
            Expr::Nested(expr) | Expr::Cast { expr, .. } => self.plain(expr),
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                let mut arguments = crate::sql::arguments(function).into_iter();
                let first = arguments.next()?;
                let keeps = matches!(name.as_str(), "coalesce" | "lower" | "upper" | "trim" | "ifnull");
                if keeps && arguments.all(is_constant) { self.plain(first) } else { None }
            }
            _ => None,
        }
    }
}

/// The conditions that all hold where one does.
fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        Expr::Nested(expr) => conjuncts(expr),
        other => vec![other],
    }
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if !matches!(value.value, Value::Placeholder(_))) || {
        let parts = parts(expr);
        parts.columns.is_empty() && parts.subqueries.is_empty() && parts.aggregates.is_empty()
    }
}
