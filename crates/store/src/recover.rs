use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use sha2::{Digest as _, Sha256};

use crate::manifest::{INTENT_KEY, Intent, Move};
use crate::mart::{self, STAGING};
use crate::store::object_key;
use crate::{Store, StoreError};

/// How an unfinished publication was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// There was none.
    Clean,
    /// It was finished: its marts are published.
    RolledForward {
        /// The run that began it.
        run_id: String,
        /// How many files it publishes anew.
        files: usize,
    },
    /// Its staged files were lost before any became visible; it was dropped and the marts are as before.
    Discarded {
        /// The run that began it.
        run_id: String,
        /// The staged files that were missing or damaged.
        missing: Vec<String>,
    },
    /// Some of its files are visible and others are lost, so the marts are a mix of two runs until the next
    /// publication, which replaces every file of its marts. The intent record stays to say so.
    Incomplete {
        /// The run that began it.
        run_id: String,
        /// The staged files that were missing or damaged.
        missing: Vec<String>,
        /// The keys of the files that are visible already.
        moved: Vec<String>,
    },
}

/// What [`Store::recover`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryReport {
    /// How an unfinished publication was settled.
    pub outcome: Recovery,
    /// The runs whose abandoned staging folders were removed.
    pub swept: Vec<String>,
}

impl Store {
    /// Finishes what a killed run left behind and removes abandoned staging folders. To be called before
    /// a run stages anything, and by one run at a time: the files of a run under way look abandoned.
    ///
    /// # Errors
    /// [`StoreError::Record`] for a damaged record, else the store's own failures. Calling it again is safe.
    pub fn recover(&self) -> Result<RecoveryReport, StoreError> {
        let outcome = self.settle()?;
        let keep = match &outcome {
            Recovery::Incomplete { run_id, .. } => Some(run_id.as_str()),
            _ => None,
        };
        let mut swept = self.staged_runs()?;
        swept.retain(|run_id| Some(run_id.as_str()) != keep);
        for run_id in &swept {
            tracing::info!(store = self.label(), run_id, "removing the staged files of an abandoned run");
            self.discard_staging(run_id)?;
        }
        Ok(RecoveryReport { outcome, swept: swept.into_iter().collect() })
    }

    /// Finishes or drops the publication that the intent record speaks of, if there is one.
    pub(crate) fn settle(&self) -> Result<Recovery, StoreError> {
        let Some(intent) = self.intent()? else {
            return Ok(Recovery::Clean);
        };
        let run_id = intent.manifest.run_id.clone();
        let before = self.manifest()?;
        let finished =
            before.as_ref().is_some_and(|m| m.run_id == run_id && m.published_at == intent.manifest.published_at);
        if finished {
            self.close_intent(&run_id)?;
            return Ok(Recovery::RolledForward { run_id, files: intent.moves.len() });
        }
        let (pending, missing) = self.sort_out(&intent)?;
        if missing.is_empty() {
            tracing::info!(store = self.label(), run_id, "finishing an interrupted publication");
            let files = intent.moves.len();
            self.apply(&Intent { moves: pending, ..intent })?;
            return Ok(Recovery::RolledForward { run_id, files });
        }
        // A file may have had its new content before; only those that differ from the manifest were moved.
        let mut moved = Vec::new();
        for step in &intent.moves {
            let old = before.as_ref().and_then(|manifest| manifest.file(&step.to));
            if old.is_none_or(|old| old.sha256 != step.sha256) && self.holds(&step.to, step)? {
                moved.push(step.to.clone());
            }
        }
        if moved.is_empty() {
            self.close_intent(&run_id)?;
            tracing::warn!(
                store = self.label(),
                run_id,
                ?missing,
                "dropped an interrupted publication: staged files are lost, the marts are as before"
            );
            return Ok(Recovery::Discarded { run_id, missing });
        }
        tracing::warn!(
            store = self.label(),
            run_id,
            ?missing,
            ?moved,
            intent = INTENT_KEY,
            "an interrupted publication cannot be finished: staged files are lost"
        );
        Ok(Recovery::Incomplete { run_id, missing, moved })
    }

    /// The runs that have a staging folder. A local one may be left without any file in it.
    fn staged_runs(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut runs: BTreeSet<String> =
            self.list_all(STAGING)?.iter().filter_map(|object| staged_by(&object.key)).collect();
        if let Some(path) = self.local_path(STAGING).filter(|path| path.is_dir()) {
            let listed = |source| StoreError::io(format!("listing folder `{}`", path.display()), source);
            for entry in std::fs::read_dir(&path).map_err(listed)? {
                let entry = entry.map_err(listed)?;
                if entry.path().is_dir() {
                    runs.extend(entry.file_name().into_string());
                }
            }
        }
        // Whatever bears no run's name was not staged by this program.
        runs.retain(|run_id| mart::check_name(run_id, "run id").is_ok());
        Ok(runs)
    }

    /// The moves still to be made, and the staged files that are neither in staging nor in their place. A
    /// file that is in its place is left alone, whatever has become of its staged copy.
    fn sort_out(&self, intent: &Intent) -> Result<(Vec<Move>, Vec<String>), StoreError> {
        let (mut pending, mut missing) = (Vec::new(), Vec::new());
        for step in &intent.moves {
            if self.holds(&step.to, step)? {
                continue;
            }
            if self.holds(&step.from, step)? {
                pending.push(step.clone());
            } else {
                missing.push(step.from.clone());
            }
        }
        Ok((pending, missing))
    }

    /// Whether the object `key` has exactly the bytes that `step` moves.
    fn holds(&self, key: &str, step: &Move) -> Result<bool, StoreError> {
        if self.head(key)?.is_none_or(|object| object.size != step.size) {
            return Ok(false);
        }
        let path = object_key(key)?;
        let hash = async {
            let mut hash = Sha256::new();
            let mut parts = self.objects().get(&path).await?.into_stream();
            while let Some(part) = parts.try_next().await? {
                hash.update(&part);
            }
            Ok::<_, object_store::Error>(hash.finalize())
        };
        let hash = self.block_on(hash).map_err(|source| self.failed("reading", key, source))?;
        Ok(format!("{hash:x}") == step.sha256)
    }
}

/// The run that a staged key belongs to.
fn staged_by(key: &str) -> Option<String> {
    let below = key.strip_prefix(STAGING)?.strip_prefix('/')?;
    below.split_once('/').map(|(run_id, _)| run_id.to_owned())
}
