//! SQL on a page: in blocks and in lines of text, with links to what it names.

use abmart_spec::formula;
use abmart_spec::model::{Spanned, SqlExpr, SqlQuery};
use maud::{Markup, html};

use crate::atlas::Atlas;
use crate::highlight::{self, Links};
use crate::key::{Key, Kind};
use crate::page::Here;
use crate::parts::measure_anchor;

/// A query of a definition, with links to what it reads.
pub(crate) fn query(atlas: &Atlas<'_>, sql: &SqlQuery, here: Here) -> Markup {
    let reads = Reading::Query(&sql.reads);
    block(&highlight::sql(&sql.text, &Linked { atlas, here, reading: reads }))
}

/// A KPI's formula as a block, with links to measures and KPIs.
pub(crate) fn whole_formula(atlas: &Atlas<'_>, text: &str, here: Here) -> Markup {
    block(&highlight::sql(text, &Linked { atlas, here, reading: Reading::Formula }))
}

/// A part of a KPI's formula in a line of text.
pub(crate) fn formula_inline(atlas: &Atlas<'_>, text: &str, here: Here) -> Markup {
    inline(text, &Linked { atlas, here, reading: Reading::Formula })
}

/// An expression of another definition in a line of text.
pub(crate) fn expression(atlas: &Atlas<'_>, sql: &SqlExpr, here: Here) -> Markup {
    inline(&sql.text, &Linked { atlas, here, reading: Reading::Expression })
}

/// SQL in a line of text, without links.
pub(crate) fn plain_sql(text: &str) -> Markup {
    inline(text, &Unlinked)
}

/// SQL to copy.
pub(crate) fn example(text: &str) -> Markup {
    block(&highlight::sql(text, &Unlinked))
}

fn inline(text: &str, links: &dyn Links) -> Markup {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    html! { code.sql { (highlight::sql(&text, links)) } }
}

fn block(markup: &Markup) -> Markup {
    html! { pre tabindex="0" { code.sql { (markup) } } }
}

/// What the names of a piece of SQL mean.
enum Reading<'r> {
    /// A query over these.
    Query(&'r [Spanned<String>]),
    /// Measures of facts, and KPIs.
    Formula,
    /// Columns, and measures of facts.
    Expression,
}

struct Linked<'l, 'a> {
    atlas: &'l Atlas<'a>,
    here: Here,
    reading: Reading<'l>,
}

impl Links for Linked<'_, '_> {
    fn table(&self, name: &str) -> Option<String> {
        let Reading::Query(reads) = self.reading else { return None };
        // A common table may have the name of a definition.
        let read = reads.iter().any(|read| read.value == name);
        let entry = self.atlas.relation(name).or_else(|| self.atlas.engine_table(name)).filter(|_| read)?;
        Some(self.here.to(&entry.path))
    }

    fn name(&self, path: &[&str]) -> Option<String> {
        match (&self.reading, path) {
            (Reading::Formula | Reading::Expression, [fact, measure]) => {
                let known = formula::measures(self.atlas.project, fact)?;
                let entry = self.atlas.measured(fact).filter(|_| known.iter().any(|known| known == measure))?;
                Some(format!("{}#{}", self.here.to(&entry.path), measure_anchor(measure)))
            }
            (Reading::Formula, [kpi]) => {
                self.atlas.entry(&Key::new(Kind::Kpi, kpi)).map(|entry| self.here.to(&entry.path))
            }
            _ => None,
        }
    }
}

struct Unlinked;

impl Links for Unlinked {
    fn table(&self, _name: &str) -> Option<String> {
        None
    }

    fn name(&self, _path: &[&str]) -> Option<String> {
        None
    }
}
