use std::collections::BTreeSet;

use crate::manifest::{INTENT_KEY, Intent, Move};
use crate::mart::{self, STAGING};
use crate::records;
use crate::swap::PROBES;
use crate::{Lease, MartFormat, ObjectInfo, Store, StoreError};

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

/// What [`Lease::recover`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryReport {
    /// How an unfinished publication was settled.
    pub outcome: Recovery,
    /// The runs whose abandoned staging folders were removed.
    pub swept: Vec<String>,
}

/// A settled publication.
pub(crate) struct Settled {
    pub(crate) outcome: Recovery,
    /// Files in the folders of Delta tables that no version of them will ever name.
    pub(crate) strays: Vec<String>,
}

/// The age from which what a run wrote to try the store out has been left behind.
const PROBE_AGE: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

impl Lease {
    /// Finishes what a killed run left behind and removes abandoned staging folders. To be called before
    /// the run stages anything: its own files would look abandoned, too.
    ///
    /// # Errors
    /// [`StoreError::Record`] for a damaged record, [`StoreError::LeaseLost`] when another run has taken over, else the
    /// store's own failures. Calling it again is safe.
    pub fn recover(&self) -> Result<RecoveryReport, StoreError> {
        let store = self.store();
        let outcome = self.settle()?.outcome;
        let keep = match &outcome {
            Recovery::Incomplete { run_id, .. } => Some(run_id.as_str()),
            _ => None,
        };
        let mut swept = store.staged_runs()?;
        swept.retain(|run_id| Some(run_id.as_str()) != keep);
        for run_id in &swept {
            self.check()?;
            tracing::info!(store = store.label(), run_id, "removing the staged files of an abandoned run");
            store.discard_staging(run_id)?;
        }
        // Others may be trying the store out at this moment.
        let old = |object: &ObjectInfo| object.last_modified + PROBE_AGE < jiff::Timestamp::now();
        let probes = store.list_all(PROBES)?.into_iter().filter(old).map(|object| object.key);
        store.delete_all(&probes.collect::<Vec<_>>())?;
        Ok(RecoveryReport { outcome, swept: swept.into_iter().collect() })
    }

    /// Finishes or drops the publication that the intent record speaks of, if there is one.
    pub(crate) fn settle(&self) -> Result<Settled, StoreError> {
        let settled = |outcome| Ok(Settled { outcome, strays: Vec::new() });
        let store = self.store();
        let Some(intent) = self.open_intent()? else {
            return settled(Recovery::Clean);
        };
        self.renew()?;
        let run_id = intent.manifest.run_id.clone();
        let (before, tag) = store.tagged_manifest()?.unzip();
        let finished =
            before.as_ref().is_some_and(|m| m.run_id == run_id && m.published_at == intent.manifest.published_at);
        if finished {
            self.close_intent(&run_id)?;
            return settled(Recovery::RolledForward { run_id, files: intent.moves.len() });
        }
        let (pending, missing) = store.sort_out(&intent)?;
        if missing.is_empty() {
            tracing::info!(store = store.label(), run_id, "finishing an interrupted publication");
            let files = intent.moves.len();
            self.apply(&Intent { moves: pending, ..intent }, tag.as_ref())?;
            return settled(Recovery::RolledForward { run_id, files });
        }
        // Files of a Delta table are seen by nobody before its commit, which comes when all moves are made; those of a
        // run's record by nobody before the manifest names them.
        let unseen = |step: &&Move| intent.is_delta(step) || records::is_one(&step.to);
        let (unseen, plain): (Vec<&Move>, Vec<&Move>) = intent.moves.iter().partition(unseen);
        let strays: Vec<String> = unseen.into_iter().map(|step| step.to.clone()).collect();
        // A file may have had its new content before; only those that differ from the manifest were moved.
        let mut moved = Vec::new();
        for step in plain {
            let old = before.as_ref().and_then(|manifest| manifest.file(&step.to));
            if old.is_none_or(|old| old.sha256 != step.sha256) && store.block_on(store.holds(&step.to, step))? {
                moved.push(step.to.clone());
            }
        }
        if moved.is_empty() {
            store.delete_all(&strays)?;
            self.close_intent(&run_id)?;
            tracing::warn!(
                store = store.label(),
                run_id,
                ?missing,
                "dropped an interrupted publication: staged files are lost, the marts are as before"
            );
            return settled(Recovery::Discarded { run_id, missing });
        }
        tracing::warn!(
            store = store.label(),
            run_id,
            ?missing,
            ?moved,
            intent = INTENT_KEY,
            "an interrupted publication cannot be finished: staged files are lost"
        );
        Ok(Settled { outcome: Recovery::Incomplete { run_id, missing, moved }, strays })
    }
}

impl Store {
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
    /// damaged file, of another content than the record says, counts as absent.
    ///
    /// Where e-tags tell, nothing is read: a place that bears the staged file's is done, a staged file that still does
    /// is moved, once more if need be. Only a file that e-tags do not tell is read and hashed.
    fn sort_out(&self, intent: &Intent) -> Result<(Vec<Move>, Vec<String>), StoreError> {
        let found = self.all_at_once(&intent.moves, |step| self.find(step))?;
        let (mut pending, mut missing) = (Vec::new(), Vec::new());
        for (step, found) in intent.moves.iter().zip(found) {
            match found {
                Found::Done => {}
                Found::Pending => pending.push(step.clone()),
                Found::Missing => missing.push(step.from.clone()),
            }
        }
        Ok((pending, missing))
    }

    async fn find(&self, step: &Move) -> Result<Found, StoreError> {
        Ok(if self.is_staged_version(&step.to, step).await? {
            Found::Done
        } else if self.is_staged_version(&step.from, step).await? {
            Found::Pending
        } else if self.holds(&step.to, step).await? {
            Found::Done
        } else if self.holds(&step.from, step).await? {
            Found::Pending
        } else {
            Found::Missing
        })
    }
}

/// How far a move has come.
enum Found {
    Done,
    Pending,
    Missing,
}

impl Intent {
    /// Whether a move is one into a Delta table.
    fn is_delta(&self, step: &Move) -> bool {
        let marts = &self.manifest.marts;
        let of = |mart: &str| marts.get(mart).is_some_and(|mart| mart.format == MartFormat::Delta);
        step.to.split_once('/').is_some_and(|(mart, _)| of(mart))
    }
}

/// The run that a staged key belongs to.
fn staged_by(key: &str) -> Option<String> {
    let below = key.strip_prefix(STAGING)?.strip_prefix('/')?;
    below.split_once('/').map(|(run_id, _)| run_id.to_owned())
}
