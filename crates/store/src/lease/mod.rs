//! One writer at a time: whoever changes a store of marts holds its lease.

mod held;
mod record;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::manifest::json;
use crate::process::Process;
use crate::swap::{Swap, Tag};
use crate::{Store, StoreError, mart};

use held::{Held, State, after, lock, renewal};
pub use record::LeaseRecord;

/// What a run asks for when it wants to be the only writer of a store.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The run.
    pub run_id: String,
    /// How long the lease holds without renewal, in seconds; it is renewed after each quarter of that.
    pub seconds: u32,
    /// Goes without a lease: the caller sees to it that no two runs write at once. For stores without conditional puts.
    pub unguarded: bool,
}

/// The right to write to a store, given back when dropped. Meanwhile a thread renews it.
pub struct Lease {
    held: Arc<Held>,
    renewal: Option<JoinHandle<()>>,
}

/// How long a lease holds without renewal unless something else is asked for, in seconds.
pub const LEASE_SECONDS: u32 = 60;
/// Where the lease is, in the mart store.
pub(crate) const LEASE_KEY: &str = "_abmart/lease.json";
/// How often another writer may come first before giving up.
const ATTEMPTS: usize = 5;

impl Claim {
    /// A claim for the usual time.
    #[must_use]
    pub fn of(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), seconds: LEASE_SECONDS, unguarded: false }
    }
}

impl Store {
    /// Takes the lease of this store, of which there is one, and has it renewed until it is dropped.
    ///
    /// A lease that was given back, has expired, or whose process is certainly dead is taken over; from then on nothing
    /// that its former holder still tries to publish comes through.
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`] when another run has it, [`StoreError::NoConditionalPut`] for a store that cannot hold
    /// one, [`StoreError::Record`] for a damaged record, else the store's own failures.
    pub fn acquire(&self, claim: &Claim) -> Result<Lease, StoreError> {
        mart::check_name(&claim.run_id, "run id")?;
        let term = Duration::from_secs(claim.seconds.max(1).into());
        let state = if claim.unguarded {
            None
        } else {
            self.probe_conditional_puts(&claim.run_id)?;
            Some(Mutex::new(self.take(claim, term)?))
        };
        let held = Held {
            store: self.clone(),
            run_id: claim.run_id.clone(),
            term,
            state,
            intent: Mutex::new(None),
            wake: Condvar::new(),
        };
        let mut lease = Lease { held: Arc::new(held), renewal: None };
        lease.fence()?;
        lease.renewal = lease.held.state.is_some().then(|| renewal(&lease.held)).transpose()?;
        Ok(lease)
    }

    fn take(&self, claim: &Claim, term: Duration) -> Result<State, StoreError> {
        for _ in 0..ATTEMPTS {
            let before = self.tagged_lease()?;
            if let Some((record, _)) = &before
                && record.is_held()
            {
                return Err(self.held_by(record));
            }
            let begun = Instant::now();
            let record = LeaseRecord {
                version: crate::manifest::VERSION,
                token: before.as_ref().map_or(0, |(record, _)| record.token) + 1,
                run_id: claim.run_id.clone(),
                process: Process::this(),
                since: Timestamp::now(),
                until: after(term),
                released: false,
            };
            if let Some((former, _)) = before.as_ref().filter(|(former, _)| !former.released) {
                tracing::warn!(store = self.label(), former = %former, until = %former.until, "taking over the lease of a run that has ended without giving it back");
            }
            let tag = before.as_ref().map(|(_, tag)| tag);
            match self.swap(LEASE_KEY, tag, json(LEASE_KEY, self, &record)?)? {
                Swap::Done(tag) => {
                    return Ok(State { record, tag, good_until: begun + term, lost: None, closing: false });
                }
                Swap::Changed => {} // another run was faster; who it is stands there now
            }
        }
        match self.lease()? {
            Some(record) => Err(self.held_by(&record)),
            None => Err(self.bad_record(LEASE_KEY, "it comes and goes".to_owned())),
        }
    }
}

impl Lease {
    /// The store that it is for.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.held.store
    }

    /// The run that holds it.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.held.run_id
    }

    /// Its token, which grows with every holder of the store's lease; 0 when going without one.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.held.state.as_ref().map_or(0, |state| lock(state).record.token)
    }

    /// Whether it is a lease at all, and not the promise to be the only writer.
    pub(crate) fn is_guarded(&self) -> bool {
        self.held.state.is_some()
    }

    /// What the store calls the intent record as this lease's holder wrote or read it last.
    pub(crate) fn intent_tag(&self) -> MutexGuard<'_, Option<Tag>> {
        lock(&self.held.intent)
    }

    /// Makes sure, without asking the store as long as there is time left, that nobody else has the right to write.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another run has taken over, else the store's own failures.
    pub fn check(&self) -> Result<(), StoreError> {
        self.held.check()
    }

    /// Renews the lease, which proves that it is held.
    ///
    /// # Errors
    /// As [`Lease::check`].
    pub fn renew(&self) -> Result<(), StoreError> {
        self.held.renew()
    }

    /// Gives the lease back. Dropping does the same, but keeps silent about failures.
    ///
    /// # Errors
    /// The store's own failures; the lease then ends by itself in time.
    pub fn release(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let Some(state) = &self.held.state else { return Ok(()) };
        let first = !std::mem::replace(&mut lock(state).closing, true);
        self.held.wake.notify_all();
        if let Some(thread) = self.renewal.take() {
            let _ = thread.join();
        }
        if first { self.held.give_back() } else { Ok(()) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(store = self.held.store.label(), %error, "the lease could not be given back; it ends in time");
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("store", &self.held.store)
            .field("run_id", &self.held.run_id)
            .finish_non_exhaustive()
    }
}
