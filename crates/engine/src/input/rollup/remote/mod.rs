//! Files that another engine reduces: it computes the rollups of the rows that surely keep the contract, and brings the
//! others here, where the same code as ever says what becomes of them. Both together are what reading the file gives.

mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use abmart_plan::PlannedFile;
use abmart_pushdown::{self as pushdown, Asked, FileInput, Found, Query, Slice};
use abmart_spec::model::{Rollup, Source};
use abmart_store::{ColumnKind, FooterColumn, TimeUnit as Unit};
use polars::prelude::*;

use self::rows::Answer;
use super::compiled::Compiled;
use super::file::{self, Reduced};
use super::keys::Stretch;
use super::shelf::Span;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::{contract, scan};
use crate::remote::{Question, Remote};

/// Another engine, asked about the files of a source.
pub struct Reducer<'a> {
    context: &'a Context<'a>,
    remote: &'a dyn Remote,
    source: &'a Source,
    compiled: &'a [Arc<Compiled>],
    rendered: Vec<pushdown::Rollup>,
}

/// A file that the engine can read.
struct Input<'a> {
    planned: &'a PlannedFile,
    sql: FileInput,
    days: Option<Span>,
    /// First days of buckets, rollup by rollup.
    edges: Vec<Vec<i32>>,
}

impl<'a> Reducer<'a> {
    /// Renders the rollups of a source.
    ///
    /// # Errors
    /// When only Polars can compute one of them.
    pub fn new(
        context: &'a Context<'a>,
        remote: &'a dyn Remote,
        source: &'a Source,
        definitions: &[&Rollup],
        compiled: &'a [Arc<Compiled>],
    ) -> Result<Self, EngineError> {
        let render = |definition: &&Rollup| {
            pushdown::rollup(source, definition).map_err(|findings| {
                let what = format!("rollup `{}`", definition.name);
                let first = findings.into_iter().next();
                let (text, span) = first.map_or_else(
                    || (String::new(), definition.span),
                    |finding| (finding.message.clone(), finding.span.unwrap_or(definition.span)),
                );
                EngineError::NotPortable(text).at(what, span)
            })
        };
        let rendered = definitions.iter().map(render).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { context, remote, source, compiled, rendered })
    }

    /// Reduces files, and hands over what came of each, by its place among them; those that the engine may read otherwise
    /// than this program does are left out.
    ///
    /// # Errors
    /// When the engine fails, a file changes while it is read, or a result cannot be kept.
    pub fn reduce(
        &self,
        files: &[&PlannedFile],
        done: &mut dyn FnMut(usize, Reduced) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let inputs: Vec<(usize, Input<'_>)> =
            files.iter().enumerate().filter_map(|(place, file)| Some((place, self.input(file)?))).collect();
        let mut rest = inputs.as_slice();
        while !rest.is_empty() {
            let mut rows = 0;
            let fits = rest.iter().take(FILES_AT_ONCE).take_while(|(_, input)| {
                rows += self.context.rows_of(input.planned);
                rows <= self.rows_at_once()
            });
            let (batch, others) = rest.split_at(fits.count().max(1));
            for (place, reduced) in self.batch(batch)? {
                done(place, reduced)?;
            }
            rest = others;
        }
        Ok(())
    }

    /// Which of some files hold a key that occurs more than once in them; none where the engine cannot read them all.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn repeating(&self, files: &[(usize, &PlannedFile)]) -> Result<Option<BTreeSet<usize>>, EngineError> {
        let inputs: Option<Vec<(usize, Input<'_>)>> =
            files.iter().map(|(place, file)| Some((*place, self.input(file)?))).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let asked: Vec<Asked<'_>> = inputs.iter().map(|(place, input)| input.asked(*place, &[])).collect();
        let Some(query) = pushdown::repeating(self.source, &asked) else { return Ok(None) };
        let answer = self.ask(&format!("keys of {}", self.source.name), &query, files.len(), files.len() as u64)?;
        Ok(Some(answer.files().collect()))
    }

    fn input<'f>(&self, planned: &'f PlannedFile) -> Option<Input<'f>> {
        let footer = self.context.footers.get(&planned.key)?;
        // Engines refuse a file for a column that nobody asks for.
        let odd = |column: &FooterColumn| {
            matches!(column.kind, ColumnKind::Timestamp { unit: Unit::Nanoseconds, .. } | ColumnKind::Other(_))
        };
        if footer.columns.iter().any(odd) {
            return None;
        }
        let column = |name: &str| footer.columns.iter().find(|column| column.name == name);
        let days = self.context.days_of(self.source, planned);
        let slice = Slice {
            location: &self.remote.location(&planned.key),
            days,
            time_zone: self.context.time_zone(),
            end: self.context.plan.end(),
        };
        let found = |name: &str| column(name).map_or(Found::Missing, |column| kind(&column.kind));
        let full = |name: &str| column(name).is_some_and(|found| !found.nullable || found.null_count == Some(0));
        let sql = FileInput::of(self.source, &slice, &found, &full)?;
        let edges = self.compiled.iter().map(|rollup| rollup.edges(days)).collect();
        Some(Input { planned, sql, days, edges })
    }

    /// Rows of files to ask about at once: their results lie in memory together, each row as wide as one of a rollup.
    fn rows_at_once(&self) -> u64 {
        (self.context.budget.memory / 256).max(100_000)
    }

    fn batch(&self, batch: &[(usize, Input<'_>)]) -> Result<Vec<(usize, Reduced)>, EngineError> {
        let rows = batch.iter().map(|(_, input)| self.context.rows_of(input.planned)).sum();
        let ask = |about: &str, query: &Query, rows: u64| self.ask(about, query, batch.len(), rows);
        let asked = |edges: for<'i> fn(&'i Input<'_>, usize) -> &'i [i32], rollup: usize| -> Vec<Asked<'_>> {
            let numbered = batch.iter().enumerate();
            numbered.map(|(number, (_, input))| input.asked(number, edges(input, rollup))).collect()
        };
        let plain = asked(|_, _| &[], 0);
        let source = &self.source.name;
        let counted = ask(&format!("rows of {source}"), &pushdown::survey(self.source, &plain), batch.len() as u64)?;
        let surveyed = Survey::of(counted, batch.len())?;
        let doubtful: u64 = surveyed.iter().map(|survey| survey.doubtful).sum();
        let mut aside = Answer::default();
        if doubtful > 0 {
            aside = ask(&format!("doubtful rows of {source}"), &pushdown::doubtful(self.source, &plain), doubtful)?;
        }
        let mut answers = Vec::new();
        for (index, rollup) in self.rendered.iter().enumerate() {
            let files = asked(|input, rollup| &input.edges[rollup], index);
            answers.push(ask(&format!("rollup {}", rollup.name), &pushdown::rolled(rollup, &files), rows)?);
        }
        let mut reduced = Vec::new();
        for (number, (place, input)) in batch.iter().enumerate() {
            self.check_unchanged(input.planned)?;
            if answers.iter().any(|answer| answer.too_great.contains(&number)) {
                continue;
            }
            reduced.push((*place, self.whole(input, number, &surveyed[number], &mut aside, &mut answers)?));
        }
        Ok(reduced)
    }

    /// What came of a file: of the rows that the engine reduced, and of those that it brought here.
    fn whole(
        &self,
        input: &Input<'_>,
        number: usize,
        survey: &Survey,
        aside: &mut Answer,
        answers: &mut [Answer],
    ) -> Result<Reduced, EngineError> {
        let (source, key) = (self.source, input.planned.key.as_str());
        let contract_columns = scan::empty(self.context.project, source);
        let brought = match aside.of(number, contract_columns.schema())? {
            Some(rows) => in_order(source, rows)?,
            None => contract_columns,
        };
        let lost = |reason: String| {
            let (source_name, file) = (source.name.clone(), key.to_owned());
            Err(EngineError::Unreadable { source_name, file, reason })
        };
        // To some engines a file that they do not find is one without rows.
        let rows = self.context.rows_of(input.planned);
        if survey.rows != rows {
            return lost(format!("the engine reads {} rows of it, and it holds {rows}", survey.rows));
        }
        if survey.doubtful != brought.height() as u64 {
            let (counted, brought) = (survey.doubtful, brought.height());
            return lost(format!("the engine counted {counted} rows that have to be checked, and sent {brought}"));
        }
        // The columns that reading the file would look at, so that the findings are the same.
        let needed = file::needed_columns(self.context, source, input.planned, self.compiled);
        let looked_at = brought.get_column_names().into_iter().filter(|name| needed.contains(name.as_str()));
        let looked_at: Vec<PlSmallStr> = looked_at.cloned().collect();
        let looked_at = if looked_at.is_empty() { brought.clone() } else { brought.select(looked_at)? };
        let checked = contract::enforce(looked_at, source, key, None)?;
        let clean = survey.rows - survey.later - survey.doubtful;
        let mut reduced = Reduced::default();
        reduced.seen.rows_in = survey.rows;
        reduced.seen.rows_later = survey.later;
        reduced.seen.rows_used = clean + checked.used.height() as u64;
        reduced.seen.findings = checked.findings;
        reduced.seen.findings.iter_mut().for_each(|finding| finding.saw(key, clean, 0));
        reduced.seen.keys.extend(survey.keys());
        if let Some(aside) = checked.aside {
            reduced.quarantined.push(aside.rows_of(&brought)?);
        }
        for (rollup, answer) in self.compiled.iter().zip(answers) {
            let own = rollup.reduce(checked.used.clone(), input.days)?;
            let theirs = answer.of(number, own.schema())?;
            reduced.rollups.push(rollup.whole(std::iter::once(own).chain(theirs).collect())?);
        }
        Ok(reduced)
    }

    fn ask(&self, about: &str, query: &Query, files: usize, rows: u64) -> Result<Answer, EngineError> {
        self.context.check_interrupted()?;
        let interrupted = self.context.interrupted;
        let question = Question { about, sql: &query.sql, files, rows, interrupted };
        let (mut answer, mut failed) = (Answer::default(), None);
        let outcome = self.remote.ask(&question, &mut |rows| {
            if failed.is_none() {
                failed = answer.take(rows, &query.outputs).err();
            }
        });
        match (outcome, failed) {
            (Err(error), _) if error.interrupted => Err(EngineError::Interrupted),
            (Err(error), _) => Err(EngineError::Remote(error)),
            (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(answer),
        }
    }

    fn check_unchanged(&self, file: &PlannedFile) -> Result<(), EngineError> {
        match self.context.lake {
            Some(lake) => Ok(lake.check_unchanged(&file.key, file.size, file.etag.as_deref())?),
            None => Ok(()),
        }
    }
}

/// Files to ask about at once: a query names them one by one.
const FILES_AT_ONCE: usize = 256;

impl Input<'_> {
    fn asked<'a>(&'a self, number: usize, edges: &'a [i32]) -> Asked<'a> {
        Asked { number, input: &self.sql, edges, days: self.days }
    }
}

/// What is to be known of a file beside its rollups.
#[derive(Debug, Default)]
struct Survey {
    rows: u64,
    later: u64,
    doubtful: u64,
    least: Option<String>,
    greatest: Option<String>,
    /// Whether no key occurs twice.
    distinct: bool,
}

impl Survey {
    fn of(mut answer: Answer, files: usize) -> Result<Vec<Self>, EngineError> {
        let names = ["rows", "later", "doubtful", "keyed", "different", "least", "greatest"];
        let dtype = |index: usize| if index < 5 { DataType::Int64 } else { DataType::String };
        let schema: Schema =
            names.iter().enumerate().map(|(index, name)| Field::new((*name).into(), dtype(index))).collect();
        let survey = |number: usize| {
            // A file without rows is in no group.
            let Some(rows) = answer.of(number, &schema)? else { return Ok(Self { distinct: true, ..Self::default() }) };
            let count = |name: &str| -> Result<u64, EngineError> {
                Ok(rows.column(name)?.i64()?.get(0).and_then(|value| u64::try_from(value).ok()).unwrap_or(0))
            };
            let text = |name: &str| -> Result<Option<String>, EngineError> {
                Ok(rows.column(name)?.str()?.get(0).map(str::to_owned))
            };
            Ok(Self {
                rows: count("rows")?,
                later: count("later")?,
                doubtful: count("doubtful")?,
                least: text("least")?,
                greatest: text("greatest")?,
                distinct: count("keyed")? == count("different")?,
            })
        };
        (0..files).map(survey).collect()
    }

    fn keys(&self) -> Option<Stretch> {
        let (least, greatest) = (self.least.clone()?, self.greatest.clone()?);
        Some(Stretch::of_file(self.rows, least, greatest, self.distinct))
    }
}

/// Rows in the order of their keys: an engine gives them in any.
fn in_order(source: &Source, rows: DataFrame) -> Result<DataFrame, EngineError> {
    let keys: Vec<Expr> = source.key.iter().map(|name| col(name.value.as_str()).cast(DataType::String)).collect();
    if keys.is_empty() {
        return Ok(rows);
    }
    Ok(rows.lazy().sort_by_exprs(keys, SortMultipleOptions::default().with_maintain_order(true)).collect()?)
}

fn kind(found: &ColumnKind) -> Found {
    match found {
        ColumnKind::String => Found::Text,
        ColumnKind::Int { bits, signed } => Found::Whole { bits: *bits, signed: *signed },
        ColumnKind::Float { bits } => Found::Real { bits: *bits },
        ColumnKind::Bool => Found::Flag,
        ColumnKind::Date => Found::Day,
        // What is finer than a microsecond is cut off here, and read otherwise or not at all elsewhere.
        ColumnKind::Timestamp { unit: Unit::Milliseconds | Unit::Microseconds, .. } => Found::Moment,
        ColumnKind::Timestamp { .. } | ColumnKind::Decimal { .. } | ColumnKind::Other(_) => Found::Other,
    }
}
