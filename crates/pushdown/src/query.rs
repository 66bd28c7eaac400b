//! The queries that are asked of an engine, each over several files at once, with results file by file.

use std::fmt::Write as _;

use abmart_spec::model::Source;

use crate::input::{FileInput, date, day};
use crate::kind::{Kind, quoted};
use crate::rollup::{Key, Measure, Reduction, Rollup};

/// A query, and what its rows hold.
#[derive(Debug, Clone)]
pub struct Query {
    /// The text. Its first column is the file's number, of 64 bits; the others are those of the outputs, in order.
    pub sql: String,
    /// What comes back beside the file's number.
    pub outputs: Vec<Output>,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name here; in the query columns are numbered.
    pub name: String,
    /// How it travels.
    pub form: Form,
}

/// How a column travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a value; a timestamp as microseconds since 1970.
    Value(Kind),
    /// A sum in multiples of 2^-40, as four columns: three whole numbers to be multiplied with 1, 2^31 and 2^62, and the
    /// greatest summand without its sign, which must not be beyond [`GREATEST_SUMMAND`].
    FixedSum,
}

impl Form {
    /// How many columns of a result it takes.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::Value(_) => 1,
            Self::FixedSum => 4,
        }
    }
}

/// 2^50: beyond it an engine's whole numbers are too narrow for a sum in fixed point.
pub const GREATEST_SUMMAND: f64 = 1_125_899_906_842_624.0;

/// A file that is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The number that its rows carry.
    pub number: usize,
    /// The file.
    pub input: &'a FileInput,
    /// First days of the buckets that divide its rows, as days since 1970, in order.
    pub edges: &'a [i32],
    /// First and last day of its rows, as days since 1970, where that is known.
    pub days: Option<(i32, i32)>,
}

/// A rollup of the rows that surely keep the contract and count on the run's day.
#[must_use]
pub fn rolled(rollup: &Rollup, files: &[Asked<'_>]) -> Query {
    let branch = |file: &Asked<'_>| {
        let keys = rollup.keys.iter().enumerate().map(|(index, key)| format!("{} AS k{index}", key_of(key, file)));
        let values = rollup.measures.iter().enumerate();
        let values = values.filter_map(|(index, measure)| Some(format!("{} AS v{index}", measure.values.as_ref()?)));
        let columns: Vec<String> = std::iter::once(number(file)).chain(keys).chain(values).collect();
        let mut conditions = vec![format!("NOT {}", file.input.doubtful), format!("NOT {}", file.input.later)];
        conditions.extend(rollup.filter.as_ref().map(|filter| format!("COALESCE({filter}, FALSE)")));
        format!(
            "SELECT {} FROM ({}) AS file WHERE {}",
            columns.join(", "),
            file.input.relation(),
            conditions.join(" AND ")
        )
    };
    let mut columns = Columns::default();
    for (index, key) in rollup.keys.iter().enumerate() {
        columns.value(&key.name, key.kind, &format!("k{index}"));
    }
    for (index, measure) in rollup.measures.iter().enumerate() {
        columns.measure(measure, &format!("v{index}"));
    }
    let groups: Vec<String> =
        std::iter::once(FILE.to_owned()).chain((0..rollup.keys.len()).map(|index| format!("k{index}"))).collect();
    columns.query(&union(files, branch), &format!(" GROUP BY {}", groups.join(", ")))
}

/// What is to be known of files beside their rollups: rows, rows after the run's day, rows that may break the contract,
/// least and greatest key, rows with a key, different keys.
#[must_use]
pub fn survey(source: &Source, files: &[Asked<'_>]) -> Query {
    let key = key_text(source).unwrap_or_else(|| "CAST(NULL AS STRING)".to_owned());
    let branch = |file: &Asked<'_>| {
        let (doubtful, later) = (&file.input.doubtful, &file.input.later);
        let columns = [
            number(file),
            format!("CASE WHEN {later} THEN 1 ELSE 0 END AS later"),
            format!("CASE WHEN {doubtful} AND NOT {later} THEN 1 ELSE 0 END AS doubtful"),
            format!("{key} AS row_key"),
        ];
        format!("SELECT {} FROM ({}) AS file", columns.join(", "), file.input.relation())
    };
    let mut columns = Columns::default();
    columns.value("rows", Kind::Whole, "COUNT(*)");
    columns.value("later", Kind::Whole, "CAST(COALESCE(SUM(later), 0) AS BIGINT)");
    columns.value("doubtful", Kind::Whole, "CAST(COALESCE(SUM(doubtful), 0) AS BIGINT)");
    columns.value("least", Kind::Text, "MIN(row_key)");
    columns.value("greatest", Kind::Text, "MAX(row_key)");
    columns.value("keyed", Kind::Whole, "COUNT(row_key)");
    columns.value("different", Kind::Whole, "COUNT(DISTINCT row_key)");
    columns.query(&union(files, branch), &format!(" GROUP BY {FILE}"))
}

/// Rows that may break the contract and are not after the run's day, with all columns of the contract.
#[must_use]
pub fn doubtful(source: &Source, files: &[Asked<'_>]) -> Query {
    let branch = |file: &Asked<'_>| {
        let (doubtful, later) = (&file.input.doubtful, &file.input.later);
        let relation = file.input.relation();
        format!("SELECT {}, file.* FROM ({relation}) AS file WHERE {doubtful} AND NOT {later}", number(file))
    };
    let mut columns = Columns::default();
    for column in source.columns.values() {
        columns.value(&column.name, Kind::of(column.ty), &quoted(&column.name));
    }
    columns.query(&union(files, branch), "")
}

/// Which of several files hold a key that occurs more than once in them; none where the source has no key.
#[must_use]
pub fn repeating(source: &Source, files: &[Asked<'_>]) -> Option<Query> {
    let key = key_text(source)?;
    let branch = |file: &Asked<'_>| {
        format!("SELECT {}, {key} AS row_key FROM ({}) AS file", number(file), file.input.relation())
    };
    let all = union(files, branch);
    let sql = format!(
        "SELECT DISTINCT {FILE} FROM (SELECT {FILE}, COUNT(*) OVER (PARTITION BY row_key) AS times FROM ({all}) AS files WHERE row_key IS NOT NULL) AS counted WHERE times > 1"
    );
    Some(Query { sql, outputs: Vec::new() })
}

/// The column of the file's number.
const FILE: &str = "file_number";

/// What a query selects.
#[derive(Default)]
struct Columns {
    selected: Vec<String>,
    outputs: Vec<Output>,
}

impl Columns {
    fn value(&mut self, name: &str, kind: Kind, sql: &str) {
        let sql = if kind == Kind::Moment { format!("UNIX_MICROS({sql})") } else { sql.to_owned() };
        self.column(&sql);
        self.outputs.push(Output { name: name.to_owned(), form: Form::Value(kind) });
    }

    fn column(&mut self, sql: &str) {
        self.selected.push(format!("{sql} AS c{}", self.selected.len()));
    }

    fn measure(&mut self, measure: &Measure, values: &str) {
        let name = &measure.name;
        match (measure.reduction, &measure.values) {
            (Reduction::Count, None) => self.value(name, Kind::Whole, "COUNT(*)"),
            (Reduction::Count, Some(_)) => self.value(name, Kind::Whole, &format!("COUNT({values})")),
            (Reduction::Sum, _) => self.value(name, Kind::Whole, &whole_sum(values)),
            (Reduction::Least(kind), _) => self.value(name, kind, &format!("MIN({values})")),
            (Reduction::Greatest(kind), _) => self.value(name, kind, &format!("MAX({values})")),
            (Reduction::FixedSum, _) => {
                // Every step is exact: dividing by powers of two, cutting off, and differences of what is left.
                let high = |value: &str| format!("CAST(FLOOR({value} / {HALF}) AS DOUBLE)");
                let low = |value: &str| format!("CAST({value} - {} * {HALF} AS BIGINT)", high(value));
                let scaled = half_even(&format!("({values} * {SCALE})"));
                let upper = high(&scaled);
                self.column(&whole_sum(&low(&scaled)));
                self.column(&whole_sum(&low(&upper)));
                self.column(&whole_sum(&format!("CAST({} AS BIGINT)", high(&upper))));
                self.column(&format!("COALESCE(MAX(ABS({values})), CAST(0 AS DOUBLE))"));
                self.outputs.push(Output { name: name.clone(), form: Form::FixedSum });
            }
        }
    }

    fn query(self, from: &str, rest: &str) -> Query {
        let selected: Vec<String> = std::iter::once(FILE.to_owned()).chain(self.selected).collect();
        Query { sql: format!("SELECT {} FROM ({from}) AS files{rest}", selected.join(", ")), outputs: self.outputs }
    }
}

/// 2^40 and 2^31.
const SCALE: &str = "CAST('1099511627776' AS DOUBLE)";
const HALF: &str = "CAST('2147483648' AS DOUBLE)";
/// 2^52.
const WHOLE: &str = "CAST('4503599627370496' AS DOUBLE)";
const HALF_OF_ONE: &str = "CAST('0.5' AS DOUBLE)";
const ONE: &str = "CAST('1' AS DOUBLE)";
const TWO: &str = "CAST('2' AS DOUBLE)";

/// A float rounded to a whole one, to the even one of two that are as near: `RINT` is not the same everywhere.
fn half_even(value: &str) -> String {
    let floor = format!("CAST(FLOOR({value}) AS DOUBLE)");
    let rest = format!("({value} - {floor})");
    let odd = format!("({floor} - CAST(FLOOR({floor} / {TWO}) AS DOUBLE) * {TWO})");
    // From 2^52 on every float is whole, and may be too great for `FLOOR`.
    format!(
        "(CASE WHEN ABS({value}) >= {WHOLE} THEN {value} WHEN {rest} < {HALF_OF_ONE} THEN {floor} WHEN {rest} > {HALF_OF_ONE} THEN {floor} + {ONE} ELSE {floor} + {odd} END)"
    )
}

fn whole_sum(values: &str) -> String {
    format!("CAST(COALESCE(SUM({values}), 0) AS BIGINT)")
}

fn union(files: &[Asked<'_>], branch: impl Fn(&Asked<'_>) -> String) -> String {
    files.iter().map(branch).collect::<Vec<_>>().join(" UNION ALL ")
}

fn number(file: &Asked<'_>) -> String {
    format!("CAST({} AS BIGINT) AS {FILE}", file.number)
}

/// The key of a row as one text, null where a part of it is; as `abmart` compares keys.
fn key_text(source: &Source) -> Option<String> {
    let parts: Vec<String> = source.key.iter().map(|name| format!("CAST({} AS STRING)", quoted(&name.value))).collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("CONCAT({})", several.join(", CHR(31), "))),
    }
}

/// A group key; a bucket as its first day, by a search among the few that the file's rows lie in.
fn key_of(key: &Key, file: &Asked<'_>) -> String {
    if !key.bucket {
        return key.sql.clone();
    }
    let (first, last) = file.days.unwrap_or((i32::MIN, i32::MAX));
    let begins_after = |edge: &&i32| **edge > first && **edge <= last;
    let own = file.edges.iter().filter(begins_after).rev();
    let mut sql = format!("CASE WHEN {} IS NULL THEN CAST(NULL AS DATE)", key.sql);
    for edge in own {
        let _ = write!(sql, " WHEN {0} >= {1} THEN {1}", key.sql, literal_day(*edge));
    }
    // What lies before the first bucket is said to lie on the day before it.
    let around = file.edges.iter().rev().find(|edge| **edge <= first);
    let around = around.copied().unwrap_or_else(|| file.edges.first().map_or(0, |edge| edge - 1));
    let _ = write!(sql, " ELSE {} END", literal_day(around));
    sql
}

fn literal_day(number: i32) -> String {
    day(number).map_or_else(|| "CAST(NULL AS DATE)".to_owned(), date)
}
