//! A query's rows: which of its inputs' rows they are, and which of them are there more than once.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Spanned as _, TableFactor, Value,
};
use sqlparser::tokenizer::Span;

use crate::diagnostic::Diagnostic;
use crate::model::{ForEach, Spanned, SqlQuery};
use crate::sql::{Call, between, join_constraint, locate, parts};

use super::dependencies::Ids;
use super::joins::{Input, Joined, Repeated};
use super::projection::{group_by, outputs};
use super::relation::{Column, Fan, Relation};
use super::{Analysis, message};

/// Whoever owns a query, and what it has said about it.
pub(super) struct Reader<'r, 'a> {
    pub analysis: &'r Analysis<'a>,
    pub sql: &'a SqlQuery,
    /// How often it is evaluated.
    pub for_each: ForEach,
    /// Inputs of which it sees one month or period.
    pub during: &'a [Spanned<String>],
    /// Inputs of which several rows may meet one row.
    pub meant: &'a [Spanned<String>],
    /// Whether entities and the engine's tables can be read.
    pub is_mart: bool,
    /// Those of `meant` by which rows are repeated indeed.
    pub used: BTreeSet<String>,
    /// The common tables in reach.
    local: Vec<(String, Relation)>,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub fn new(analysis: &'r Analysis<'a>, sql: &'a SqlQuery, meant: &'a [Spanned<String>]) -> Self {
        Self {
            analysis,
            sql,
            for_each: ForEach::Run,
            during: &[],
            meant,
            is_mart: false,
            used: BTreeSet::new(),
            local: Vec::new(),
        }
    }

    pub fn query(&mut self, query: &Query) -> Relation {
        let outer = self.local.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let relation = self.query(&table.query);
            self.local.push((table.alias.name.value.clone(), relation));
        }
        let mut relation = self.body(&query.body);
        self.local.truncate(outer);
        if is_limited_to_one(query) {
            let rows = relation.rows.clone();
            relation.rules.add(Ids::new(), rows);
            relation.known = true;
        }
        relation
    }

    fn body(&mut self, body: &SetExpr) -> Relation {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                let (left, right) = (self.body(left), self.body(right));
                self.put_together(*op, *set_quantifier, left, &right)
            }
            _ => Relation::unknown(&self.analysis.numbers),
        }
    }

    /// What identifies a row of two queries put together is not known, unless duplicates are removed.
    fn put_together(&self, op: SetOperator, quantifier: SetQuantifier, left: Relation, right: &Relation) -> Relation {
        if !matches!(op, SetOperator::Union) {
            return left;
        }
        let names: Vec<String> = left.columns.iter().map(|column| column.name.clone()).collect();
        let all = matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName | SetQuantifier::ByName);
        let open = left.open || right.open;
        let key = if all || open { &[][..] } else { &names };
        let mut relation = Relation::new(&self.analysis.numbers, names.iter().cloned(), key);
        relation.open = open;
        if all {
            relation.fans =
                left.fans.into_iter().chain(right.fans.iter().cloned()).filter(|fan| fan.both_ways).collect();
        }
        relation
    }

    fn select(&mut self, select: &Select) -> Relation {
        let mut joined = self.joined(select);
        let aggregates: Vec<Call> =
            outputs(select).chain(&select.having).flat_map(|expr| parts(expr).aggregates).collect();
        let group = group_by(select, &mut joined);
        self.values(select, &mut joined);
        for call in &aggregates {
            let finding = joined.unsummable(call).or_else(|| joined.mean_of_ratios(call));
            if let Some(finding) = finding {
                self.analysis.report(finding.at(locate(self.sql, call.span)));
            }
        }
        for call in &aggregates {
            if let Some(multiplied) = joined.multiplied(call, &group) {
                self.analysis.report(message::multiplied(call, &multiplied).at(locate(self.sql, call.span)));
                break;
            }
        }
        let is_grouped = !aggregates.is_empty() || !group.is_empty();
        let relation = self.projected(select, &mut joined, is_grouped.then_some(&group));
        relation.tidied()
    }

    /// Reports values that columns cannot have, and columns that a missing comma has made a name of another one.
    fn values(&self, select: &Select, joined: &mut Joined) {
        let joins = select.from.iter().flat_map(|from| &from.joins).filter(|join| !only_filters(&join.join_operator));
        let conditions = joins.filter_map(|join| match join_constraint(&join.join_operator) {
            Some(JoinConstraint::On(condition)) => Some(condition),
            _ => None,
        });
        for expr in outputs(select).chain(&select.selection).chain(conditions) {
            for (finding, place) in joined.impossible(expr) {
                self.analysis.report(finding.at(locate(self.sql, place)));
            }
        }
        for item in &select.projection {
            let SelectItem::ExprWithAlias { expr: Expr::Identifier(column), alias } = item else { continue };
            let mut known = joined.inputs.iter().flat_map(|input| &input.relation.columns);
            let is_column = known.any(|known| known.name == alias.value);
            let place = locate(self.sql, alias.span);
            if is_column && between(&self.sql.text, column.span, alias.span).trim().is_empty() {
                let message = format!("`{column}` is given the name of another column, `{alias}`");
                let help = format!(
                    "a comma between them gives both columns: `{column}, {alias}`; `as {alias}` says that the name is meant"
                );
                self.analysis.report(Diagnostic::warning("missing-comma", message).at(place).help(help));
            }
        }
    }

    /// The inputs joined, with what `where` says about them.
    fn joined(&mut self, select: &Select) -> Joined<'r> {
        let mut inputs = Vec::new();
        let mut joins: Vec<(usize, Option<&Join>, Span)> = Vec::new();
        for from in &select.from {
            let mut add = |factor: &TableFactor, join| {
                let place = place_of(factor);
                joins.push((inputs.len(), join, place));
                inputs.push(self.input(factor));
            };
            add(&from.relation, None);
            for join in from.joins.iter().filter(|join| !only_filters(&join.join_operator)) {
                add(&join.relation, Some(join));
            }
        }
        let mut joined = Joined::new(&self.analysis.numbers, inputs);
        // Inputs behind commas are joined by `where`; names in it that nothing has are found elsewhere.
        let compared = select.selection.as_ref().map(|condition| joined.condition(condition)).unwrap_or_default();
        let unresolved = std::mem::take(&mut joined.unresolved);
        for (index, join, place) in joins.into_iter().skip(1) {
            joined.unresolved = join.is_none() && unresolved;
            self.join(&mut joined, index, join, place, &compared);
        }
        let none = Ids::new();
        if joined.has_one_kind_of_row(&none) {
            for fan in &mut joined.fans {
                fan.both_ways = false;
            }
        }
        joined
    }

    fn join(&mut self, joined: &mut Joined, index: usize, join: Option<&Join>, place: Span, of_where: &[Column]) {
        let compared = match join.map(compared_by) {
            Some(JoinConstraint::On(condition)) => joined.condition(condition),
            Some(JoinConstraint::Using(names)) => {
                names.iter().flat_map(|name| joined.merge(&name.to_string().replace('"', ""), index)).collect()
            }
            Some(JoinConstraint::Natural) => return joined.look_up(index, &Ids::new()),
            None => of_where.to_vec(),
            Some(JoinConstraint::None) => Vec::new(),
        };
        if std::mem::take(&mut joined.unresolved) {
            // Whatever is wrong with the columns is found elsewhere.
            return joined.look_up(index, &Ids::new());
        }
        let ids: Ids = compared.iter().map(|column| column.id).collect();
        let mut repeated = joined.repeated_by(index);
        let references = joined.inputs[..index].iter().all(|input| input.relation.is_reference);
        if matches!(repeated, Repeated::Left) && references {
            return joined.look_up_references(index);
        }
        let input = &joined.inputs[index];
        let own = |column: &&Column| column.grain == input.relation.rows;
        let on: Vec<String> = compared.iter().filter(own).map(|column| column.name.clone()).collect();
        let theirs = compared.iter().find(|column| column.grain != input.relation.rows);
        let left = joined.inputs[..index]
            .iter()
            .find(|input| theirs.is_some_and(|column| column.grain == input.relation.rows))
            .unwrap_or(&joined.inputs[0]);
        if matches!(repeated, Repeated::Nothing) {
            let (from, looked_up) = (left.name.clone(), input.name.clone());
            let fan = Fan {
                left: looked_up,
                right: from,
                key: left.relation.key.clone(),
                on: theirs.map(|column| column.name.clone()).into_iter().collect(),
                place: locate(self.sql, place),
                of: input.relation.rows.clone(),
                rows: joined.rows.clone(),
                both_ways: false,
            };
            if let Some(mark) = self.meant.iter().find(|name| name.value == fan.right || name.value == left.alias) {
                self.used.insert(mark.value.clone());
            } else if joined.known && input.relation.known && !input.relation.is_reference {
                joined.look_ups.push(fan);
            }
            return joined.look_up(index, &ids);
        }
        if let Some(mark) = self.meant.iter().find(|name| name.value == input.name || name.value == input.alias) {
            self.used.insert(mark.value.clone());
            return joined.look_up(index, &ids);
        }
        if join.is_none() && on.is_empty() {
            self.analysis.report(message::without_condition(&input.name).at(locate(self.sql, place)));
            return joined.look_up(index, &ids);
        }
        // Each with each, when somebody writes just that, is meant; sums over it may still be wrong.
        let crossed = matches!(join.map(|join| &join.join_operator), Some(JoinOperator::CrossJoin(_)));
        let fan = Fan {
            left: left.name.clone(),
            right: input.name.clone(),
            key: input.relation.key.clone(),
            on,
            place: locate(self.sql, place),
            of: left.relation.rows.clone(),
            rows: input.relation.rows.clone(),
            both_ways: matches!(repeated, Repeated::Both) && !crossed,
        };
        if !joined.known {
            repeated = Repeated::Left;
        }
        joined.fan_out(index, &repeated, fan);
    }

    fn input(&mut self, factor: &TableFactor) -> Input {
        let numbers = &self.analysis.numbers;
        let (relation, name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => {
                let name =
                    name.0.iter().map(|part| part.as_ident().map_or_else(String::new, |ident| ident.value.clone()));
                let name = name.collect::<Vec<_>>().join(".");
                (self.relation(&name), name, alias.as_ref())
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let name = alias.as_ref().map_or_else(|| "the query".to_owned(), |alias| alias.name.value.clone());
                (self.query(subquery), name, alias.as_ref())
            }
            _ => (Relation::unknown(numbers), String::new(), None),
        };
        let alias = alias.map_or_else(|| name.clone(), |alias| alias.name.value.clone());
        Input { alias, name, relation }
    }

    fn relation(&self, name: &str) -> Relation {
        let numbers = &self.analysis.numbers;
        if let Some((_, local)) = self.local.iter().rev().find(|(local, _)| local == name) {
            return local.anew(numbers);
        }
        let one_period = self.during.iter().any(|input| input.value == name)
            || (self.for_each == ForEach::Period && self.analysis.is_of_period(name));
        let known = if one_period { self.analysis.within_period(name) } else { self.analysis.relation(name) };
        match known {
            Some(relation) => relation.anew(numbers),
            None if self.is_mart => self.analysis.of_marts(name),
            None => Relation::unknown(numbers),
        }
    }
}

/// Whether a join only chooses among the rows so far.
fn only_filters(operator: &JoinOperator) -> bool {
    matches!(
        operator,
        JoinOperator::Semi(_) | JoinOperator::LeftSemi(_) | JoinOperator::Anti(_) | JoinOperator::LeftAnti(_)
    )
}

/// What a join compares; one that does not say finds one row at most, or is refused elsewhere.
fn compared_by(join: &Join) -> &JoinConstraint {
    join_constraint(&join.join_operator).unwrap_or(&JoinConstraint::Natural)
}

fn place_of(factor: &TableFactor) -> Span {
    match factor {
        TableFactor::Table { name, .. } => name.span(),
        other => other.span(),
    }
}

fn is_limited_to_one(query: &Query) -> bool {
    let Some(LimitClause::LimitOffset { limit: Some(Expr::Value(limit)), .. }) = &query.limit_clause else {
        return false;
    };
    matches!(&limit.value, Value::Number(number, _) if number == "1")
}
