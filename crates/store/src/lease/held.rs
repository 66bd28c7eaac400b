use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::{ATTEMPTS, LEASE_KEY, LeaseRecord};
use crate::manifest::json;
use crate::swap::{Swap, Tag};
use crate::{Store, StoreError};

/// What the holder of a lease and the thread that renews it share.
pub(super) struct Held {
    pub(super) store: Store,
    pub(super) run_id: String,
    pub(super) term: Duration,
    /// `None` goes without a lease.
    pub(super) state: Option<Mutex<State>>,
    pub(super) intent: Mutex<Option<Tag>>,
    pub(super) wake: Condvar,
}

/// The lease as its holder knows it.
pub(super) struct State {
    pub(super) record: LeaseRecord,
    pub(super) tag: Tag,
    /// Until when nobody else takes the lease, by this process's own clock.
    pub(super) good_until: Instant,
    /// Who took it, once it is lost.
    pub(super) lost: Option<String>,
    pub(super) closing: bool,
}

impl Held {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let Some(state) = &self.state else { return Ok(()) };
        let (late, lost) = {
            let state = lock(state);
            // Asking again a while before the end: what is done next takes its time, too. The second clock goes on
            // while a machine sleeps.
            let margin = self.term / 3;
            let late = Instant::now() + margin > state.good_until || after(margin) > state.record.until;
            (late, state.lost.clone())
        };
        match lost {
            Some(by) => Err(self.lost_to(by)),
            None if late => self.renew(),
            None => Ok(()),
        }
    }

    pub(super) fn renew(&self) -> Result<(), StoreError> {
        let Some(state) = &self.state else { return Ok(()) };
        let mut state = lock(state);
        if let Some(by) = &state.lost {
            return Err(self.lost_to(by.clone()));
        }
        for _ in 0..ATTEMPTS {
            let begun = Instant::now();
            let record = LeaseRecord { until: after(self.term), ..state.record.clone() };
            if let Swap::Done(tag) =
                self.store.swap(LEASE_KEY, Some(&state.tag), json(LEASE_KEY, &self.store, &record)?)?
            {
                state.record = record;
                state.tag = tag;
                state.good_until = begun + self.term;
                return Ok(());
            }
            match self.store.tagged_lease()? {
                // An attempt of this process arrived although the store had said that it failed.
                Some((found, tag)) if found.token == state.record.token && found.run_id == self.run_id => {
                    state.tag = tag;
                }
                Some((found, _)) => return Err(self.lost_to(state.lost.insert(found.to_string()).clone())),
                None => return Err(self.lost_to(state.lost.insert("someone who removed it".to_owned()).clone())),
            }
        }
        Err(self.lost_to(state.lost.insert("writes that come and go".to_owned()).clone()))
    }

    pub(super) fn give_back(&self) -> Result<(), StoreError> {
        let Some(state) = &self.state else { return Ok(()) };
        let mut state = lock(state);
        if state.lost.is_some() {
            return Ok(());
        }
        state.record = LeaseRecord { until: Timestamp::now(), released: true, ..state.record.clone() };
        // Whoever has taken it meanwhile has no need of this.
        self.store.swap(LEASE_KEY, Some(&state.tag), json(LEASE_KEY, &self.store, &state.record)?).map(drop)
    }

    fn lost_to(&self, by: String) -> StoreError {
        StoreError::LeaseLost { store: self.store.label().to_owned(), run_id: self.run_id.clone(), by }
    }
}

/// The thread that renews a lease.
pub(super) fn renewal(held: &Arc<Held>) -> Result<JoinHandle<()>, StoreError> {
    let held = Arc::clone(held);
    let work = move || {
        let Some(state) = &held.state else { return };
        loop {
            {
                let (state, _) = held
                    .wake
                    .wait_timeout_while(lock(state), held.term / 4, |state| !state.closing)
                    .unwrap_or_else(PoisonError::into_inner);
                if state.closing || state.lost.is_some() {
                    return;
                }
            }
            if let Err(error) = held.renew() {
                tracing::warn!(store = held.store.label(), run_id = held.run_id, %error, "the lease could not be renewed");
            }
        }
    };
    let thread = std::thread::Builder::new().name("lease".to_owned());
    thread.spawn(work).map_err(|source| StoreError::io("starting the thread that renews a lease", source))
}

pub(super) fn after(term: Duration) -> Timestamp {
    let term = SignedDuration::try_from(term).unwrap_or(SignedDuration::MAX);
    Timestamp::now().saturating_add(term).unwrap_or(Timestamp::MAX)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
