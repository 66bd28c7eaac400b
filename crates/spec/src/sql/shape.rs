//! What an expression is made of: aggregates, the columns inside and outside of them, calls that need a run or a period.

use std::ops::ControlFlow;

use sqlparser::ast::{
    DataType, Expr, Function, FunctionArguments, JoinConstraint, JoinOperator, Query, Spanned as _, Value, Visit,
    Visitor,
};
use sqlparser::tokenizer::Span;

use super::functions::{is_aggregate, is_other_aggregate, is_period_function, is_run_function, is_unrepeatable};

/// Takes an expression apart.
pub(crate) fn parts(expr: &Expr) -> Parts {
    let mut parts = Parts::default();
    let _ = expr.visit(&mut parts);
    parts
}

/// Takes all expressions of a query apart, as one.
pub(crate) fn query_parts(query: &Query) -> Parts {
    let mut parts = Parts { in_query: true, ..Parts::default() };
    let _ = query.visit(&mut parts);
    parts
}

/// The parts of an expression.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Aggregates that stand in no other one, in order.
    pub aggregates: Vec<Call>,
    /// Aggregates inside of aggregates.
    pub nested: Vec<Call>,
    /// Aggregates of SQL that facts and KPIs do not have.
    pub unsupported: Vec<Call>,
    /// Calls with `over (…)`.
    pub windows: Vec<Call>,
    /// All columns.
    pub columns: Vec<Column>,
    /// `as_of()` and its like.
    pub run_calls: Vec<Call>,
    /// `period_start()` and its like.
    pub period_calls: Vec<Call>,
    /// `bucket(…)`.
    pub buckets: Vec<Call>,
    /// `now()` and its like.
    pub unrepeatable: Vec<Call>,
    /// Places of queries inside of the expression.
    pub subqueries: Vec<Span>,
    /// `date '…'` and `timestamp '…'`: whether it is a date, its text, its place.
    pub moments: Vec<(bool, String, Span)>,
    in_query: bool,
    /// How many aggregates are open around the visited place.
    depth: usize,
}

/// What says which rows a join puts together; none for the few kinds of join that have no such part.
#[must_use]
pub fn join_constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint) => Some(constraint),
        _ => None,
    }
}

/// A function call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The function's name in lower case.
    pub name: String,
    pub function: Function,
    pub span: Span,
}

/// A column's name where it is used.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// `[fact, measure]`, `[dimension]`.
    pub path: Vec<String>,
    pub span: Span,
    /// The index among [`Parts::aggregates`] of the aggregate that it stands in.
    pub aggregate: Option<usize>,
}

impl Call {
    fn new(function: &Function, expr: &Expr) -> Self {
        let mut span = expr.span();
        let name = function.name.span();
        if span == Span::empty() || span.start > name.start {
            span = name;
        }
        Self { name: function.name.to_string().to_lowercase(), function: function.clone(), span }
    }

    /// `count(distinct x)`.
    pub fn is_distinct(&self) -> bool {
        matches!(&self.function.args, FunctionArguments::List(list) if list.duplicate_treatment.is_some())
    }
}

/// A function's arguments that are expressions; `*` is none.
#[must_use]
pub fn arguments(function: &Function) -> Vec<&Expr> {
    use sqlparser::ast::{FunctionArg, FunctionArgExpr};
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

impl Parts {
    fn opens_aggregate(&self, function: &Function) -> bool {
        let name = function.name.to_string().to_lowercase();
        function.over.is_none() && (is_aggregate(&name) || is_other_aggregate(&name)) && !self.in_query
    }

    fn column(&mut self, path: Vec<String>, span: Span) {
        let aggregate = (self.depth > 0).then(|| self.aggregates.len().saturating_sub(1));
        self.columns.push(Column { path, span, aggregate });
    }

    fn call(&mut self, function: &Function, expr: &Expr) {
        let call = Call::new(function, expr);
        if function.over.is_some() {
            self.windows.push(call);
        } else if self.opens_aggregate(function) {
            if is_other_aggregate(&call.name) {
                self.unsupported.push(call.clone());
            }
            if self.depth > 0 {
                self.nested.push(call);
            } else {
                self.aggregates.push(call);
            }
            self.depth += 1;
        } else if is_run_function(&call.name) {
            self.run_calls.push(call);
        } else if is_period_function(&call.name) {
            self.period_calls.push(call);
        } else if call.name == "bucket" {
            self.buckets.push(call);
        } else if is_unrepeatable(&call.name) {
            self.unrepeatable.push(call);
        }
    }
}

impl Visitor for Parts {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !self.in_query {
            self.subqueries.push(query.span());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.column(vec![ident.value.clone()], ident.span),
            Expr::CompoundIdentifier(idents) => {
                let path = idents.iter().map(|ident| ident.value.clone()).collect();
                self.column(path, expr.span());
            }
            Expr::Function(function) => self.call(function, expr),
            Expr::TypedString(typed) => {
                let date = matches!(typed.data_type, DataType::Date);
                let timestamp = matches!(typed.data_type, DataType::Timestamp(..));
                if let (true, Value::SingleQuotedString(text)) = (date || timestamp, &typed.value.value) {
                    self.moments.push((date, text.clone(), typed.value.span));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && self.opens_aggregate(function)
        {
            self.depth -= 1;
        }
        ControlFlow::Continue(())
    }
}
