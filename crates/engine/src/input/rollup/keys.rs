//! Keys that occur twice in an events source, in whatever files and slices they lie.
//!
//! Most sources number their events, so that keys only grow inside a file and the files' keys lie apart: then nothing
//! can repeat, and two comparisons a row have shown it. Only stretches of rows whose keys may have been met before are
//! looked at again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use abmart_plan::PlannedFile;
use abmart_spec::model::{Column as SourceColumn, Source};
use polars::prelude::*;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::remote::Reducer;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::{load, scan};

/// What is known of the keys of consecutive rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first row, counted from 0.
    start: u64,
    rows: usize,
    least: String,
    greatest: String,
    /// Whether it is known that no key occurs twice: each is greater than the one before, or an engine has compared them.
    distinct: bool,
}

impl Stretch {
    /// All rows of a file, as an engine found their keys.
    pub fn of_file(rows: u64, least: String, greatest: String, distinct: bool) -> Self {
        Self { start: 0, rows: usize::try_from(rows).unwrap_or(usize::MAX), least, greatest, distinct }
    }
}

/// Looks at the keys of rows that begin at row `start` of their file; none where no row has a key.
///
/// # Errors
/// When the key's columns are missing.
pub fn stretch(source: &Source, frame: &DataFrame, start: u64) -> Result<Option<Stretch>, EngineError> {
    if source.key.is_empty() {
        return Ok(None);
    }
    let keys = key_of(source, frame)?;
    let mut found: Option<(&str, &str)> = None;
    let (mut grows, mut previous) = (true, None);
    for key in keys.iter().flatten() {
        grows &= previous.is_none_or(|previous| previous < key);
        previous = Some(key);
        if !grows {
            break;
        }
        found = Some(found.map_or((key, key), |(least, _)| (least, key)));
    }
    if !grows {
        found = keys.iter().flatten().min().zip(keys.iter().flatten().max());
    }
    Ok(found.map(|(least, greatest)| Stretch {
        start,
        rows: frame.height(),
        least: least.to_owned(),
        greatest: greatest.to_owned(),
        distinct: grows,
    }))
}

/// For files with rows whose key was met before, in the order of files and rows, the numbers of those rows. `reducer`, where
/// there is one, looks first at which of the files hold such a key.
///
/// # Errors
/// When a file cannot be read again.
pub fn repeated(
    context: &Context<'_>,
    source: &Source,
    files: &[PlannedFile],
    stretches: &[&[Stretch]],
    reducer: Option<&Reducer<'_>>,
) -> Result<BTreeMap<usize, Vec<u64>>, EngineError> {
    let mut suspects = suspects(stretches);
    if let Some(reducer) = reducer.filter(|_| !suspects.is_empty()) {
        let suspected: BTreeSet<usize> = suspects.iter().map(|suspect| suspect.file).collect();
        let suspected: Vec<_> = suspected.into_iter().map(|file| (file, &files[file])).collect();
        if let Some(repeating) = reducer.repeating(&suspected)? {
            suspects.retain(|suspect| repeating.contains(&suspect.file));
        }
    }
    if suspects.is_empty() {
        return Ok(BTreeMap::new());
    }
    let hashes = context.parallel(&suspects, |suspect| {
        let rows = suspect.read(context, source, files)?;
        let keys = key_of(source, &rows)?;
        Ok(keys.iter().flatten().map(hash).collect::<Vec<u64>>())
    })?;
    let mut hashes = hashes.concat();
    hashes.par_sort_unstable();
    let twice: HashSet<u64> = hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    drop(hashes);
    let mut repeated: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    if twice.is_empty() {
        return Ok(repeated);
    }
    let mut met: HashMap<u64, Vec<String>> = HashMap::new();
    for suspect in &suspects {
        context.check_interrupted()?;
        let rows = suspect.read(context, source, files)?;
        for (row, key) in (suspect.stretch.start..).zip(key_of(source, &rows)?.iter()) {
            let Some((key, hash)) = key.map(|key| (key, hash(key))).filter(|(_, hash)| twice.contains(hash)) else {
                continue;
            };
            let same_hash = met.entry(hash).or_default();
            if same_hash.iter().any(|known| known == key) {
                repeated.entry(suspect.file).or_default().push(row);
            } else {
                same_hash.push(key.to_owned());
            }
        }
    }
    Ok(repeated)
}

/// The rows of a slice that repeat a key, as a mask; none where no row of the file does.
pub fn mask(repeated: &[u64], start: u64, rows: usize) -> Option<BooleanChunked> {
    if repeated.is_empty() {
        return None;
    }
    let mask = (start..).take(rows).map(|row| repeated.binary_search(&row).is_ok());
    Some(BooleanChunked::from_iter_values("repeated".into(), mask))
}

/// A stretch of rows whose keys may have been met before.
struct Suspect<'a> {
    file: usize,
    stretch: &'a Stretch,
}

impl Suspect<'_> {
    fn read(&self, context: &Context<'_>, source: &Source, files: &[PlannedFile]) -> Result<DataFrame, EngineError> {
        let file = &files[self.file];
        let is_key = |column: &SourceColumn| source.key.iter().any(|name| name.value == column.name);
        let start = i64::try_from(self.stretch.start).unwrap_or(i64::MAX);
        let length = u32::try_from(self.stretch.rows).unwrap_or(u32::MAX);
        let local = context.lake_file(source, file, &is_key)?;
        let rows = scan::file(local.path(), source, context, &is_key)?.slice(start, length);
        let rows = rows.collect().map_err(|error| load::unreadable(source, file, &error))?;
        local.check_unchanged()?;
        Ok(rows)
    }
}

/// Stretches whose keys are not known to differ, and those whose keys reach into another's, in the order of files and rows.
fn suspects<'a>(stretches: &[&'a [Stretch]]) -> Vec<Suspect<'a>> {
    let all = |(file, stretches): (usize, &&'a [Stretch])| {
        stretches.iter().map(move |stretch| Suspect { file, stretch }).collect::<Vec<_>>()
    };
    let all: Vec<Suspect<'_>> = stretches.iter().enumerate().flat_map(all).collect();
    let mut by_key: Vec<usize> = (0..all.len()).collect();
    by_key.sort_by_key(|index| &all[*index].stretch.least);
    let mut suspected: HashSet<usize> = (0..all.len()).filter(|index| !all[*index].stretch.distinct).collect();
    let mut reach: Option<usize> = None;
    for index in by_key {
        let stretch = all[index].stretch;
        if let Some(far) = reach.filter(|far| all[*far].stretch.greatest >= stretch.least) {
            suspected.extend([far, index]);
        }
        if reach.is_none_or(|far| all[far].stretch.greatest < stretch.greatest) {
            reach = Some(index);
        }
    }
    all.into_iter().enumerate().filter(|(index, _)| suspected.contains(index)).map(|(_, suspect)| suspect).collect()
}

/// The key of every row as one text, null where a part of it is.
fn key_of(source: &Source, frame: &DataFrame) -> Result<StringChunked, EngineError> {
    if let [key] = source.key.as_slice() {
        return Ok(frame.column(&key.value)?.cast(&DataType::String)?.str()?.clone());
    }
    let parts: Vec<Expr> = source.key.iter().map(|name| col(name.value.as_str()).cast(DataType::String)).collect();
    let keys = frame.clone().lazy().select([concat_str(parts, "\u{1f}", false).alias("key")]).collect()?;
    Ok(keys.column("key")?.str()?.clone())
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
