//! Texts held as numbers. The id of an account or a person stands in every row of every event: as a number it takes a
//! quarter of the memory, and rows are joined and grouped by it several times faster.
//!
//! Inside the engine the ids of entities are always coded, wherever a column has an entity key's name. Other texts are
//! coded only while rows lie in memory. A query that asks of an id what only text can answer (`upper(account_id)`) gets
//! the text: see `sql::query`.

use abmart_spec::model::Project;
use polars::prelude::*;

/// The type of coded texts of a column; columns of one name share their numbers, so they can be joined.
pub fn dtype(name: &str) -> DataType {
    DataType::from_categories(Categories::new(name.into(), "abmart".into(), CategoricalPhysical::U32))
}

/// Whether a type holds coded texts.
pub fn is_coded(dtype: &DataType) -> bool {
    matches!(dtype, DataType::Categorical(_, _))
}

/// Whether a column of this name holds ids of an entity.
pub fn is_id(project: &Project, name: &str) -> bool {
    project.entities.values().any(|entity| entity.key == name)
}

/// All texts coded.
///
/// # Errors
/// When there are more different texts than 32-bit numbers.
pub fn compact(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    change(&mut rows, |name, found| (*found == DataType::String).then(|| dtype(name)))?;
    Ok(rows)
}

/// Ids coded, all other texts plain.
///
/// # Errors
/// As [`compact`].
pub fn only_ids(project: &Project, mut rows: DataFrame) -> PolarsResult<DataFrame> {
    change(&mut rows, |name, found| match (is_id(project, name), is_coded(found)) {
        (true, false) if *found == DataType::String => Some(dtype(name)),
        (false, true) => Some(DataType::String),
        _ => None,
    })?;
    Ok(rows)
}

/// All texts plain.
///
/// # Errors
/// When a number stands for no text, which would be a mistake of this program.
pub fn plain(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    change(&mut rows, |_, found| is_coded(found).then_some(DataType::String))?;
    Ok(rows)
}

/// As [`only_ids`], of rows that are held compact: a text becomes plain only where a query reads it.
///
/// # Errors
/// When the rows have no schema.
pub fn served(project: &Project, rows: LazyFrame) -> PolarsResult<LazyFrame> {
    as_text(rows, |name| !is_id(project, name))
}

/// The coded columns that `chosen` accepts as plain texts.
///
/// # Errors
/// When the rows have no schema.
pub fn as_text(mut rows: LazyFrame, chosen: impl Fn(&str) -> bool) -> PolarsResult<LazyFrame> {
    let schema = rows.collect_schema()?;
    let coded = schema.iter().filter(|(name, found)| is_coded(found) && chosen(name));
    let texts: Vec<Expr> = coded.map(|(name, _)| col(name.clone()).cast(DataType::String)).collect();
    Ok(if texts.is_empty() { rows } else { rows.with_columns(texts) })
}

/// Where each id stands in a column that holds it once: the code is the place to look.
pub struct Index {
    row_of: Vec<IdxSize>,
}

/// The row of an id that has none.
pub const NOWHERE: IdxSize = IdxSize::MAX;

impl Index {
    /// None where the column is not coded, or holds an id twice.
    ///
    /// # Errors
    /// When the column is not what its type says.
    pub fn of(ids: &Column) -> PolarsResult<Option<Self>> {
        let Some(codes) = numbers(ids)? else { return Ok(None) };
        let mut row_of = vec![NOWHERE; codes.max().map_or(0, |greatest| greatest as usize + 1)];
        for (code, row) in codes.iter().zip(0..) {
            let Some(code) = code else { continue };
            let place = &mut row_of[code as usize];
            if *place != NOWHERE {
                return Ok(None);
            }
            *place = row;
        }
        Ok(Some(Self { row_of }))
    }

    /// The row of every id, `nowhere` where there is none; nothing where the ids are not coded.
    ///
    /// # Errors
    /// When the column is not what its type says.
    pub fn rows(&self, ids: &Column, nowhere: IdxSize) -> PolarsResult<Option<Vec<IdxSize>>> {
        let Some(codes) = numbers(ids)? else { return Ok(None) };
        let find = |code: u32| match self.row_of.get(code as usize) {
            Some(row) if *row != NOWHERE => *row,
            _ => nowhere,
        };
        Ok(Some(match codes.cont_slice() {
            Ok(codes) => codes.iter().map(|code| find(*code)).collect(),
            Err(_) => codes.iter().map(|code| code.map_or(nowhere, find)).collect(),
        }))
    }
}

/// The numbers of a coded column.
///
/// # Errors
/// When the column is not what its type says.
pub fn numbers(column: &Column) -> PolarsResult<Option<UInt32Chunked>> {
    if !is_coded(column.dtype()) {
        return Ok(None);
    }
    let numbers = column.as_materialized_series().to_physical_repr().rechunk();
    Ok(Some(numbers.u32()?.clone()))
}

/// Coded columns as bare numbers, for a file of the run's own.
///
/// # Errors
/// When a column is not what its type says.
pub fn to_numbers(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    let coded: Vec<PlSmallStr> =
        rows.columns().iter().filter(|column| is_coded(column.dtype())).map(|column| column.name().clone()).collect();
    for name in coded {
        if let Some(numbers) = numbers(rows.column(&name)?)? {
            rows.with_column(numbers.into_column())?;
        }
    }
    Ok(rows)
}

/// Numbers that [`to_numbers`] made of columns of this schema as coded columns again.
pub fn from_numbers(rows: LazyFrame, schema: &Schema) -> LazyFrame {
    let coded = schema.iter().filter(|(_, dtype)| is_coded(dtype)).map(|(name, dtype)| {
        let (dtype, field) = (dtype.clone(), Field::new(name.clone(), dtype.clone()));
        let back = move |numbers: Column| {
            let numbers = numbers.u32()?.clone();
            Ok(CategoricalChunked::<Categorical32Type>::from_cats_and_dtype(numbers, dtype.clone()).into_column())
        };
        col(name.clone()).map(back, move |_, _| Ok(field.clone()))
    });
    let coded: Vec<Expr> = coded.collect();
    if coded.is_empty() { rows } else { rows.with_columns(coded) }
}

/// The numbers of a coded column counted anew from 0, with the texts that they stand for, in that order.
///
/// # Errors
/// When the column is not what its type says.
pub fn local(column: &Column) -> PolarsResult<(UInt32Chunked, Column)> {
    let codes = numbers(column)?.unwrap_or_else(|| UInt32Chunked::full_null(column.name().clone(), column.len()));
    let mut place_of: Vec<u32> = vec![u32::MAX; codes.max().map_or(0, |greatest| greatest as usize + 1)];
    let mut known: Vec<u32> = Vec::new();
    let mut place = |code: u32| {
        let place = &mut place_of[code as usize];
        if *place == u32::MAX {
            *place = u32::try_from(known.len()).unwrap_or(u32::MAX);
            known.push(code);
        }
        *place
    };
    let renumbered: UInt32Chunked = codes.iter().map(|code| code.map(&mut place)).collect();
    let known = UInt32Chunked::from_vec(column.name().clone(), known);
    let known = CategoricalChunked::<Categorical32Type>::from_cats_and_dtype(known, column.dtype().clone());
    Ok((renumbered.with_name(column.name().clone()), known.into_column().cast(&DataType::String)?))
}

/// The coded column that [`local`] took apart.
///
/// # Errors
/// When a number stands for none of the texts.
pub fn global(local: &Column, texts: &Column, categories: &str) -> PolarsResult<Column> {
    let known = texts.cast(&dtype(categories))?;
    let codes = numbers(&known)?.unwrap_or_default();
    let codes: Vec<u32> = codes.iter().map(|code| code.unwrap_or(u32::MAX)).collect();
    let find = |place: Option<u32>| match place {
        None => Ok(None),
        Some(place) => match codes.get(place as usize) {
            Some(code) => Ok(Some(*code)),
            None => Err(polars_err!(ComputeError: "column `{}` holds a number without a text", local.name())),
        },
    };
    let found = local.u32()?.iter().map(find).collect::<PolarsResult<UInt32Chunked>>()?;
    let found = found.with_name(local.name().clone());
    Ok(CategoricalChunked::<Categorical32Type>::from_cats_and_dtype(found, known.dtype().clone()).into_column())
}

fn change(rows: &mut DataFrame, wanted: impl Fn(&str, &DataType) -> Option<DataType>) -> PolarsResult<()> {
    let changes: Vec<(PlSmallStr, DataType)> = rows
        .columns()
        .iter()
        .filter_map(|column| Some((column.name().clone(), wanted(column.name(), column.dtype())?)))
        .collect();
    for (name, dtype) in changes {
        let changed = rows.column(&name)?.cast(&dtype)?;
        rows.with_column(changed)?;
    }
    Ok(())
}
