//! What the tests share: small marts, and a store that fails when told to.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod failing;
pub mod place;

use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_store::{Claim, Lease, MartColumn, MartSpec, StagedFile, Store, StoreError};
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The mart `name`, with one documented id, one measure and everything that a spec can ask for.
pub fn spec(name: &str) -> MartSpec {
    MartSpec {
        name: name.to_owned(),
        description: "One row per account and day".to_owned(),
        sort: vec!["account_id".to_owned(), "day".to_owned()],
        bloom: vec!["account_id".to_owned()],
        columns: vec![
            MartColumn { name: "account_id".to_owned(), description: "The account".to_owned(), unit: None },
            MartColumn {
                name: "revenue".to_owned(),
                description: "Revenue of the day".to_owned(),
                unit: Some("EUR".to_owned()),
            },
        ],
        metadata: BTreeMap::from([("definition".to_owned(), "3f2c".to_owned())]),
    }
}

/// Sorted rows `from..to`; ten days per account, every third revenue unknown, `seed` in the revenue.
pub fn rows(from: i64, to: i64, seed: i64) -> RecordBatch {
    let numbers = || from..to;
    let accounts: ArrayRef = Arc::new(StringArray::from_iter_values(numbers().map(account)));
    let days: ArrayRef =
        Arc::new(Date32Array::from_iter_values(numbers().map(|n| 20_000 + i32::try_from(n % 10).unwrap())));
    let instants: ArrayRef = Arc::new(
        TimestampMicrosecondArray::from_iter_values(numbers().map(|n| 1_700_000_000_000_000 + n)).with_timezone("UTC"),
    );
    let touches: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers().map(|n| n % 7 - 3)));
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let revenue: Float64Array = numbers().map(|n| (n % 3 != 0).then_some((n * 31 + seed) as f64 / 8.0)).collect();
    let revenue: ArrayRef = Arc::new(revenue);
    RecordBatch::try_from_iter_with_nullable([
        ("account_id", accounts, false),
        ("day", days, false),
        ("seen_at", instants, true),
        ("touches", touches, true),
        ("revenue", revenue, true),
    ])
    .unwrap()
}

pub fn account(row: i64) -> String {
    format!("a{:07}", row / 10)
}

/// Stages `count` rows as one file of a mart.
pub fn stage(store: &Store, run_id: &str, mart: &str, file_name: &str, count: i64, seed: i64) -> StagedFile {
    let batch = rows(0, count, seed);
    store.write_mart(run_id, &spec(mart), file_name, &batch.schema(), [batch]).unwrap()
}

/// The hash that manifests record, computed independently.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The lease for a run.
pub fn acquire(store: &Store, run_id: &str) -> Result<Lease, StoreError> {
    store.acquire(&Claim::of(run_id))
}

/// Lets the holder of the lease be a process that has died.
pub fn bury(store: &Store) {
    if store.head(LEASE).unwrap().is_some() {
        let mut lease = record(store, LEASE);
        lease["until"] = "2026-01-01T00:00:00Z".into();
        store.put(LEASE, lease.to_string().into()).unwrap();
    }
}

/// A record as JSON.
pub fn record(store: &Store, key: &str) -> Value {
    serde_json::from_slice(&store.get(key).unwrap()).unwrap()
}

const LEASE: &str = "_abmart/lease.json";
