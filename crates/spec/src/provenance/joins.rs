//! The inputs of one `select` put together: which join repeats the rows of which input.

use sqlparser::ast::Expr;

use crate::sql::parts;

use super::dependencies::{Id, Ids, Rules};
use super::relation::{Column, Fan, Numbers, Relation};

/// The inputs of a `select`, as far as they have been joined.
pub(super) struct Joined<'n> {
    pub numbers: &'n Numbers,
    pub inputs: Vec<Input>,
    pub rules: Rules,
    /// What the joined rows are told apart by.
    pub rows: Ids,
    pub known: bool,
    pub fans: Vec<Fan>,
    pub look_ups: Vec<Fan>,
    /// Whether a condition has named a column that no input has.
    pub unresolved: bool,
    /// Expressions that have a number already.
    expressions: Vec<(Expr, Id)>,
}

/// One input.
pub(super) struct Input {
    /// The name that it has in the query.
    pub alias: String,
    /// The relation's own name.
    pub name: String,
    pub relation: Relation,
}

/// What a join repeats.
pub(super) enum Repeated {
    /// Nothing: each row meets one row at most.
    Nothing,
    /// The rows so far, each as often as the new input has rows for it.
    Left,
    /// The rows of both sides.
    Both,
}

impl<'n> Joined<'n> {
    pub fn new(numbers: &'n Numbers, inputs: Vec<Input>) -> Self {
        let mut joined = Self {
            numbers,
            rules: Rules::default(),
            rows: Ids::new(),
            known: true,
            fans: Vec::new(),
            look_ups: Vec::new(),
            unresolved: false,
            expressions: Vec::new(),
            inputs,
        };
        for input in &joined.inputs {
            joined.rules.extend(&input.relation.rules);
            joined.fans.extend(input.relation.fans.iter().cloned());
            joined.look_ups.extend(input.relation.look_ups.iter().cloned());
        }
        if let Some(first) = joined.inputs.first() {
            joined.rows.clone_from(&first.relation.rows);
            joined.known = first.relation.known;
        }
        joined
    }

    /// What joining input `index` repeats, once the rules of its condition are known.
    pub fn repeated_by(&self, index: usize) -> Repeated {
        let right = &self.inputs[index].relation;
        if !right.known || self.rules.determines(&self.rows, &right.rows) {
            Repeated::Nothing
        } else if !self.known || self.rules.determines(&right.rows, &self.rows) {
            Repeated::Left
        } else {
            Repeated::Both
        }
    }

    /// Joins input `index`, which gives each row one row at most: its columns become columns of the rows that it is looked up for.
    pub fn look_up(&mut self, index: usize, from: &Ids) {
        let right = self.inputs[index].relation.rows.clone();
        self.rules.add(self.rows.clone(), right);
        let grains: Ids =
            self.columns().filter(|column| from.contains(&column.id)).flat_map(|c| c.grain.clone()).collect();
        let own = &self.inputs[index].relation.rows;
        let grain: Ids = grains.difference(own).copied().collect();
        let grain = if grain.is_empty() { self.rows.clone() } else { grain };
        for column in &mut self.inputs[index].relation.columns {
            column.grain.clone_from(&grain);
        }
    }

    /// Joins input `index` where all inputs before it are reference tables: it is those that are looked up.
    pub fn look_up_references(&mut self, index: usize) {
        let right = self.inputs[index].relation.rows.clone();
        self.rules.add(right.clone(), self.rows.clone());
        for column in self.inputs[..index].iter_mut().flat_map(|input| &mut input.relation.columns) {
            column.grain.clone_from(&right);
        }
        self.known = self.inputs[index].relation.known;
        self.rows = right;
    }

    /// Joins input `index`, of which several rows may meet one.
    pub fn fan_out(&mut self, index: usize, repeated: &Repeated, fan: Fan) {
        let right = &self.inputs[index].relation;
        if matches!(repeated, Repeated::Left) {
            self.rules.add(right.rows.clone(), self.rows.clone());
            self.rows.clone_from(&right.rows);
        } else {
            self.rows.extend(&right.rows);
        }
        self.known &= right.known;
        self.fans.push(fan);
    }

    /// Whether the rows of one of the inputs are told apart from all others, so that none is a mere pair.
    pub fn has_one_kind_of_row(&self, fixed: &Ids) -> bool {
        self.rows.is_subset(&self.rules.closure(fixed))
            || self.rows.iter().any(|row| {
                let start = fixed.iter().copied().chain([*row]).collect();
                self.rules.determines(&start, &self.rows)
            })
    }

    fn columns(&self) -> impl Iterator<Item = &Column> {
        self.inputs.iter().flat_map(|input| &input.relation.columns)
    }

    /// The column that a name stands for; none where that is not known.
    pub fn column(&mut self, path: &[String]) -> Option<Column> {
        match path {
            [name] => {
                let found: Vec<&Column> = self.columns().filter(|column| column.name == *name).collect();
                if let [first, others @ ..] = &found[..] {
                    return others.iter().all(|column| column.id == first.id).then(|| (*first).clone());
                }
                let mut open = self.inputs.iter().enumerate().filter(|(_, input)| input.relation.open);
                let (index, _) = open.next().filter(|_| open.next().is_none())?;
                self.added(index, name)
            }
            [alias, name] => {
                let index = self.inputs.iter().position(|input| input.alias == *alias)?;
                let columns = &self.inputs[index].relation.columns;
                match columns.iter().find(|column| column.name == *name) {
                    Some(column) => Some(column.clone()),
                    None => self.added(index, name),
                }
            }
            _ => None,
        }
    }

    /// A column of an open input that nobody has asked for yet.
    fn added(&mut self, index: usize, name: &str) -> Option<Column> {
        let relation = &mut self.inputs[index].relation;
        if !relation.open {
            return None;
        }
        let id = relation.column(self.numbers, name);
        self.rules.add(relation.rows.clone(), Ids::from([id]));
        relation.columns.iter().find(|column| column.id == id).cloned()
    }

    /// The columns that an expression names; none where one of them is not known.
    pub fn named_in(&mut self, expr: &Expr) -> Option<Vec<Column>> {
        parts(expr).columns.iter().map(|column| self.column(&column.path)).collect()
    }

    /// The number of an expression's value, which its columns determine.
    pub fn value(&mut self, expr: &Expr) -> Id {
        if let Some(column) = path(expr).and_then(|path| self.column(&path)) {
            return column.id;
        }
        if let Some((_, id)) = self.expressions.iter().find(|(known, _)| known == expr) {
            return *id;
        }
        let id = self.numbers.next();
        self.expressions.push((expr.clone(), id));
        let found = parts(expr);
        if found.aggregates.is_empty()
            && found.windows.is_empty()
            && found.subqueries.is_empty()
            && let Some(columns) = self.named_in(expr)
        {
            self.rules.add(columns.iter().map(|column| column.id).collect(), Ids::from([id]));
        }
        id
    }
}

/// The name that an expression is.
pub(super) fn path(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![ident.value.clone()]),
        Expr::CompoundIdentifier(idents) => Some(idents.iter().map(|ident| ident.value.clone()).collect()),
        Expr::Nested(expr) => path(expr),
        _ => None,
    }
}
