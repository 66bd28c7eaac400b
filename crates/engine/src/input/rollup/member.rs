//! The rows that one file gives to a rollup, and the clusters in which rows of several files meet.

use std::sync::{Arc, Mutex, PoisonError};

use abmart_store::CacheKey;
use polars::prelude::*;

use super::compiled::Compiled;
use super::shelf::{Piece, Shelf, Span};
use crate::cache::RunCache;
use crate::context::Context;
use crate::error::EngineError;

/// The rows of one file.
#[derive(Debug, Clone)]
pub struct Member {
    /// What the rows are: equal for equal rows, in every run.
    pub id: CacheKey,
    /// First and last bucket, where the rollup has one as a key.
    pub span: Option<Span>,
    /// How many rows.
    pub rows: usize,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// With this run.
    Held(Piece),
    /// In the cache, under the id.
    Stored,
}

impl Member {
    /// Rows that this run holds.
    pub fn held(id: CacheKey, piece: Piece) -> Self {
        Self { id, span: piece.span, rows: piece.rows, place: Place::Held(piece) }
    }

    /// Rows in the cache.
    pub fn stored(id: CacheKey, rows: usize, span: Option<Span>) -> Self {
        Self { id, span, rows, place: Place::Stored }
    }

    /// In a run that does not trust the cache to hold what it says: the rows held, none where they are not there.
    ///
    /// # Errors
    /// When the scratch folder cannot be written.
    pub fn checked(self, context: &Context<'_>, rollup: &str) -> Result<Option<Self>, EngineError> {
        if context.cache.trusts() || matches!(self.place, Place::Held(_)) {
            return Ok(Some(self));
        }
        let Some(rows) = from_cache(context.cache, self.id) else { return Ok(None) };
        let piece = context.shelf.keep(rollup, rows, self.span)?;
        Ok(Some(Self::held(self.id, piece)))
    }

    /// The rows, in parts.
    ///
    /// # Errors
    /// When they are gone from the cache or the scratch folder.
    pub fn parts(&self, cache: &RunCache) -> Result<Vec<LazyFrame>, EngineError> {
        match &self.place {
            Place::Held(piece) => piece.parts(),
            Place::Stored => Ok(vec![from_cache(cache, self.id).ok_or(EngineError::CacheLost(self.id))?.lazy()]),
        }
    }

    fn piece(&self, cache: &RunCache, shelf: &Shelf, rollup: &str) -> Result<Piece, EngineError> {
        match &self.place {
            Place::Held(piece) => Ok(piece.clone()),
            Place::Stored => {
                let rows = from_cache(cache, self.id).ok_or(EngineError::CacheLost(self.id))?;
                shelf.keep(rollup, rows, self.span)
            }
        }
    }
}

fn from_cache(cache: &RunCache, id: CacheKey) -> Option<DataFrame> {
    let ((), mut frames) = cache.frames(id)?;
    frames.pop()
}

/// Members whose buckets overlap; those of different clusters cannot share a group and stay apart.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// First and last bucket of all members, where the rollup has one as a key.
    pub reach: Option<Span>,
    members: Vec<Member>,
    /// The members' rows merged, once somebody has asked for them.
    merged: Arc<Mutex<Option<Piece>>>,
}

impl Cluster {
    /// Puts members that overlap together, in the order of time.
    pub fn all(members: Vec<Member>) -> Vec<Self> {
        let mut members: Vec<Member> = members.into_iter().filter(|member| member.rows > 0).collect();
        members.sort_by_key(|member| (member.span, member.id));
        let mut clusters: Vec<Self> = Vec::new();
        for member in members {
            match clusters.last_mut() {
                Some(cluster) if overlap(cluster.reach, member.span) => {
                    cluster.reach = cluster.reach.zip(member.span).map(|(reach, span)| (reach.0, reach.1.max(span.1)));
                    cluster.members.push(member);
                }
                _ => clusters.push(Self { reach: member.span, members: vec![member], merged: Arc::default() }),
            }
        }
        clusters
    }

    /// What the rows of the members with a wanted span are.
    pub fn ids(&self, wanted: impl Fn(Option<Span>) -> bool) -> Vec<String> {
        self.members.iter().filter(|member| wanted(member.span)).map(|member| member.id.to_string()).collect()
    }

    /// Rows of all members, before those of one group are merged.
    pub fn rows(&self) -> usize {
        self.members.iter().map(|member| member.rows).sum()
    }

    /// The rows of all members merged.
    ///
    /// # Errors
    /// When rows are gone from the cache or the scratch folder, or do not merge.
    pub fn piece(&self, rollup: &Compiled, cache: &RunCache, shelf: &Shelf) -> Result<Piece, EngineError> {
        // Whoever comes second waits for the first instead of doing the same.
        let mut merged = self.merged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = merged.as_ref() {
            return Ok(piece.clone());
        }
        let piece = match self.members.as_slice() {
            [alone] => alone.piece(cache, shelf, &rollup.name)?,
            several => {
                let parts = several.iter().map(|member| member.parts(cache)).collect::<Result<Vec<_>, _>>()?;
                shelf.keep(&rollup.name, rollup.merge(parts.concat())?, self.reach)?
            }
        };
        *merged = Some(piece.clone());
        Ok(piece)
    }
}

/// Rows without buckets may share groups with all others.
fn overlap(reach: Option<Span>, span: Option<Span>) -> bool {
    reach.zip(span).is_none_or(|(reach, span)| span.0 <= reach.1)
}
