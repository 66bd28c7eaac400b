//! Leases: one writer at a time, and nothing that a former one still tries comes through.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{Arc, Barrier};

use abmart_store::{Claim, Lease, Publication, Store, StoreError};
use object_store::ObjectStore;
use serde_json::json;
use support::failing::{Failing, Sleep};
use support::place::{Place, assert_manifest_is_what_is_there, assert_tidy, publication, publish, visible};
use support::{acquire, bury, record, stage};

const LEASE: &str = "_abmart/lease.json";

/// Changes the lease in the store behind its holder's back.
fn tamper(store: &Store, change: impl Fn(&mut serde_json::Value)) {
    let mut lease = record(store, LEASE);
    change(&mut lease);
    store.put(LEASE, lease.to_string().into()).unwrap();
}

fn places() -> [Place; 2] {
    [Place::local(), Place::memory()]
}

#[test]
fn of_two_runs_one_gets_the_lease_and_the_other_hears_who_has_it_and_until_when() {
    for place in places() {
        let lease = acquire(&place.open(), "r1").unwrap();
        let error = acquire(&place.open(), "r2").unwrap_err();
        assert!(error.is_environment());
        let until = record(&place.open(), LEASE)["until"].as_str().unwrap()[..19].to_owned();
        let me = format!("run r1 (process {} on ", std::process::id());
        for words in ["store `marts` is in use", &me, &until] {
            assert!(error.to_string().contains(words), "`{words}` is not in: {error}");
        }
        lease.check().unwrap();
    }
}

#[test]
fn of_many_that_come_at_once_exactly_one_gets_it() {
    for place in places() {
        for round in 0..20 {
            let (begin, end) = (Barrier::new(8), Barrier::new(8));
            let won = |number: usize| {
                let store = place.open();
                begin.wait();
                let lease = acquire(&store, &format!("r{round}-{number}"));
                // Nobody gives it back before all have asked.
                end.wait();
                match lease {
                    Ok(_) => 1,
                    Err(StoreError::LeaseHeld { .. }) => 0,
                    Err(error) => unreachable!("{error}"),
                }
            };
            let winners: usize = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || won(number))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(winners, 1, "round {round}");
        }
    }
}

#[test]
fn a_lease_is_given_back_and_its_tokens_grow() {
    for place in places() {
        let store = place.open();
        for token in 1..4 {
            let lease = acquire(&store, "r").unwrap();
            assert_eq!(lease.token(), token);
            assert!(store.lease().unwrap().unwrap().is_held());
            match token {
                2 => lease.release().unwrap(),
                _ => drop(lease),
            }
            assert!(!store.lease().unwrap().unwrap().is_held());
        }
    }
}

#[test]
fn a_lease_is_renewed_while_its_run_works() {
    let store = Place::memory().open();
    let lease = store.acquire(&Claim { seconds: 1, ..Claim::of("r1") }).unwrap();
    let first = store.lease().unwrap().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let now = store.lease().unwrap().unwrap();
    assert!(now.is_held() && now.until > first.until && now.token == first.token);
    assert!(matches!(acquire(&store, "r2"), Err(StoreError::LeaseHeld { .. })));
    lease.check().unwrap();
}

#[test]
fn a_lease_that_has_expired_is_taken_over_and_its_former_holder_hears_of_it() {
    for place in places() {
        let store = place.open();
        let former = acquire(&store, "r1").unwrap();
        tamper(&store, |lease| {
            lease["until"] = json!("2026-01-01T00:00:00Z");
            // On a machine of which nothing is known.
            lease["process"]["boot"] = json!("another");
        });
        let lease = acquire(&store, "r2").unwrap();
        assert_eq!(lease.token(), former.token() + 1);
        let message = former.renew().unwrap_err().to_string();
        assert!(message.starts_with("run r1 has lost the lease of store `marts` to run r2 (process "), "{message}");
        assert!(former.check().is_err(), "what is lost stays lost");
        drop(former);
        lease.renew().unwrap();
    }
}

#[test]
fn a_holder_elsewhere_is_waited_for_until_its_lease_expires() {
    let store = Place::memory().open();
    std::mem::forget(acquire(&store, "r1").unwrap());
    tamper(&store, |lease| {
        lease["process"]["boot"] = json!("another");
        lease["process"]["pid"] = json!(u32::MAX);
    });
    assert!(matches!(acquire(&store, "r2"), Err(StoreError::LeaseHeld { .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn the_lease_of_a_process_that_died_on_this_machine_is_taken_over_at_once() {
    for place in places() {
        let store = place.open();
        let former = acquire(&store, "r1").unwrap();
        // Numbers of processes are used again, so that it is not this one that holds it.
        tamper(&store, |lease| lease["process"]["started"] = json!(1));
        assert_eq!(acquire(&store, "r2").unwrap().token(), former.token() + 1);
    }
}

#[test]
fn a_damaged_lease_is_not_guessed_at() {
    let store = Place::memory().open();
    store.put(LEASE, "{".into()).unwrap();
    assert!(matches!(acquire(&store, "r1"), Err(StoreError::Record { .. })));
    drop(store);
    let store = Place::memory().open();
    drop(acquire(&store, "r1").unwrap());
    tamper(&store, |lease| lease["version"] = json!(9));
    let message = acquire(&store, "r2").unwrap_err().to_string();
    assert!(message.contains("it has version 9"), "{message}");
}

#[test]
fn without_a_lease_publishing_goes_on_the_caller_s_word() {
    for place in places() {
        let store = place.open();
        let lease = store.acquire(&Claim { unguarded: true, ..Claim::of("r1") }).unwrap();
        let files = vec![stage(&store, "r1", "accounts", "part-0.parquet", 10, 1)];
        let published = lease.publish(&publication("r1", files)).unwrap();
        assert_eq!((published.manifest.token, store.lease().unwrap()), (0, None));
        assert_manifest_is_what_is_there(&store);
        assert_tidy(&place, &store);
    }
}

// ---- Zombies --------------------------------------------------------------------------------------------------------

fn night(store: &Store, number: i64) -> Publication {
    let run = format!("r{number}");
    let files = vec![
        stage(store, &run, "accounts", "part-0.parquet", 30, number),
        stage(store, &run, "kpi_values", "part-0.parquet", 20, number),
        stage(store, &run, "scores", "part-0.parquet", 20, number),
    ];
    Publication { delta: ["scores".to_owned()].into(), ..publication(&run, files) }
}

/// Takes the lease from a run that sleeps, finishes what it began, and publishes the third night.
fn third_night(objects: Arc<dyn ObjectStore>, root: Option<std::path::PathBuf>) {
    let store = Store::from_object_store(objects, "marts", root).unwrap();
    bury(&store);
    let lease = acquire(&store, "r3").unwrap();
    lease.recover().unwrap();
    lease.publish(&night(&store, 3)).unwrap();
}

/// The run wakes up before any of its changes and believes that it still has the lease. Whatever it tries to do next,
/// the marts stay those of the third night.
#[test]
fn a_run_that_slept_through_the_loss_of_its_lease_changes_nothing() {
    for make in [Place::local, Place::memory] {
        let mut refused = 0;
        for before in 0.. {
            let place = make();
            let store = place.open();
            publish(&store, &night(&store, 1)).unwrap();
            let second = night(&store, 2);
            let (objects, root) = (Arc::clone(&place.objects), place.root());
            let records = root.is_none();
            let interlude = Box::new(move || third_night(objects, root));
            let sleeping = Failing::sleeping(Arc::clone(&place.objects), Sleep { before, records, interlude });
            let woken = Store::from_object_store(Arc::new(sleeping.clone()), "marts", place.root()).unwrap();
            let outcome = acquire(&woken, "r2").and_then(|lease: Lease| {
                let published = lease.publish(&second);
                if published.is_err() {
                    lease.abandon();
                }
                published
            });
            if !sleeping.has_slept() {
                outcome.unwrap();
                break;
            }
            refused += usize::from(matches!(outcome, Err(StoreError::LeaseLost { .. })));
            let manifest = store.manifest().unwrap().unwrap();
            if manifest.run_id == "r2" {
                // It slept before it had the lease, and took it after the third night was over.
                assert!(manifest.token > 2, "before change {before}");
                continue;
            }
            assert_eq!(manifest.run_id, "r3", "before change {before}: {outcome:?}");
            let versions = usize::try_from(manifest.marts["scores"].delta_version.unwrap()).unwrap() + 1;
            assert_eq!(visible(&store).len(), 2 + versions, "no stray file beside those of the table's versions");
            for mart in ["accounts", "kpi_values"] {
                let key = format!("{mart}/part-0.parquet");
                let bytes = store.get(&key).unwrap();
                assert_eq!(support::sha256(&bytes), manifest.file(&key).unwrap().sha256, "before change {before}");
            }
        }
        assert!(refused > 2, "refused {refused} times");
    }
}
