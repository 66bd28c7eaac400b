//! New alerts sent to webhooks, once the marts are published.
//!
//! ```text
//! _abmart/deliveries/<name>.json     which open alerts have arrived there, and what failed last
//! ```
//!
//! What has not arrived is tried again by the next run, for as long as the alert is open. A run that is killed between a
//! message and its record sends that message again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use abmart_engine::OpenAlert;
use abmart_spec::Project;
use abmart_spec::model::{Alert, Delivery};
use abmart_store::{Bytes, Store, StoreError};
use jiff::civil::Date;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::exit::chain;
use crate::http::{PostError, Service};

/// Subjects that a message names.
const NAMED: usize = 20;
/// The version of the records that this build writes.
const VERSION: u32 = 1;

/// What a run sent to one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryResult {
    /// The delivery.
    pub delivery: String,
    /// Alerts that arrived.
    pub sent: usize,
    /// Alerts that did not, and are tried again by the next run.
    pub failed: usize,
    /// Why.
    pub error: Option<String>,
}

/// What has become of the alerts of one delivery.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    version: u32,
    /// The newest day whose alerts were sent.
    as_of: Option<Date>,
    /// Open alerts that have arrived: alert → subjects.
    arrived: BTreeMap<String, BTreeSet<String>>,
    /// What failed last, and since when.
    failed: Option<Failed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Failed {
    since: Date,
    error: String,
}

/// Sends what has not arrived yet to every delivery that is configured. No failure is the run's.
pub fn deliver(project: &Project, store: &Store, alerts: &[OpenAlert], as_of: Date) -> Vec<DeliveryResult> {
    project.deliveries.values().filter_map(|delivery| one(project, delivery, store, alerts, as_of)).collect()
}

fn one(
    project: &Project,
    delivery: &Delivery,
    store: &Store,
    alerts: &[OpenAlert],
    as_of: Date,
) -> Option<DeliveryResult> {
    let Some(url) = std::env::var(&delivery.webhook.value).ok().filter(|url| !url.is_empty()) else {
        tracing::debug!(delivery = delivery.name, variable = delivery.webhook.value, "not configured; nothing is sent");
        return None;
    };
    let mut result = DeliveryResult { delivery: delivery.name.clone(), sent: 0, failed: 0, error: None };
    let key = format!("_abmart/deliveries/{}.json", delivery.name);
    let mut record = match read(store, &key) {
        Ok(record) => record,
        Err(error) => {
            // Without it, everything would be sent again.
            result.error = Some(chain(&error));
            return Some(result);
        }
    };
    if record.as_of.is_some_and(|newest| newest > as_of) {
        tracing::info!(delivery = delivery.name, "alerts of later days were sent already; nothing is sent of this one");
        return None;
    }
    record.as_of = Some(as_of);
    let wanted: Vec<&OpenAlert> = alerts.iter().filter(|alert| wants(delivery, alert)).collect();
    let is_open = |alert: &str, subject: &str| wanted.iter().any(|open| open.alert == alert && open.subject == subject);
    for (alert, subjects) in &mut record.arrived {
        subjects.retain(|subject| is_open(alert, subject));
    }
    record.arrived.retain(|_, subjects| !subjects.is_empty());
    match connect(&url) {
        Err(error) => {
            result.failed = wanted.iter().filter(|open| !has_arrived(&record, open)).count();
            result.error = Some(error);
        }
        Ok((service, runtime)) => {
            for alert in project.alerts.values() {
                let new: Vec<&OpenAlert> = wanted
                    .iter()
                    .copied()
                    .filter(|open| open.alert == alert.name && !has_arrived(&record, open))
                    .collect();
                if new.is_empty() {
                    continue;
                }
                // A service that is away once is not waited for again.
                let away = result.error.is_some();
                let text = message(alert, &new, &delivery.language, as_of);
                let sent = if away {
                    None
                } else {
                    Some(runtime.block_on(service.post(&json!({ "text": text }).to_string())))
                };
                match sent {
                    Some(Ok(())) => {
                        result.sent += new.len();
                        let subjects = new.iter().map(|open| open.subject.clone());
                        record.arrived.entry(alert.name.clone()).or_default().extend(subjects);
                    }
                    Some(Err(error)) => {
                        result.failed += new.len();
                        result.error = Some(said(&error));
                    }
                    None => result.failed += new.len(),
                }
            }
        }
    }
    record.failed = result.error.as_ref().map(|error| {
        let since = record.failed.take().map_or(as_of, |failed| failed.since);
        Failed { since, error: error.clone() }
    });
    if let Some(error) = &result.error {
        tracing::warn!(
            delivery = delivery.name,
            alerts = result.failed,
            error,
            "alerts did not arrive; the next run tries again"
        );
    }
    record.version = VERSION;
    let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
    if let Err(error) = store.put(&key, Bytes::from(text)) {
        tracing::warn!(
            delivery = delivery.name,
            error = chain(&error),
            "what was sent is not recorded and is sent again"
        );
    }
    Some(result)
}

fn wants(delivery: &Delivery, alert: &OpenAlert) -> bool {
    alert.severity >= delivery.at_least
        && (delivery.alerts.is_empty() || delivery.alerts.iter().any(|name| name.value == alert.alert))
}

fn has_arrived(record: &Record, open: &OpenAlert) -> bool {
    record.arrived.get(&open.alert).is_some_and(|subjects| subjects.contains(&open.subject))
}

fn read(store: &Store, key: &str) -> Result<Record, StoreError> {
    match store.get(key) {
        Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!(key, "the record of a delivery is damaged and counts as none: {error}");
            Record::default()
        })),
        Err(error) if error.is_not_found() => Ok(Record::default()),
        Err(error) => Err(error),
    }
}

/// The URL is a secret, so no message shows it.
fn connect(url: &str) -> Result<(Service, Runtime), String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("the webhook is no http:// or https:// URL")?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    Ok((Service::new(url, None)?, runtime))
}

fn said(error: &PostError) -> String {
    error.to_string()
}

/// What Slack shows: the alert, what is to be done, and the first few subjects.
fn message(alert: &Alert, new: &[&OpenAlert], language: &str, as_of: Date) -> String {
    let french = language == "fr";
    let word = |en: &'static str, fr: &'static str| if french { fr } else { en };
    let title = |title: &abmart_spec::model::Title| escaped(if french { &title.fr } else { &title.en });
    let news = word("new on", "en nouveauté le");
    let mut text = format!("*{}* ({}): {} {news} {as_of}", title(&alert.title), alert.severity.name(), new.len());
    if let Some(action) = &alert.action {
        let _ = write!(text, "\n{}", title(action));
        if let Some(due) = new.iter().filter_map(|open| open.due_on).min() {
            let _ = write!(text, " ({} {due})", word("by", "avant le"));
        }
    }
    for open in new.iter().take(NAMED) {
        let _ = write!(text, "\n• {}", escaped(&open.subject));
        let figure = |value: f64| format!("{}", (value * 1000.0).round() / 1000.0);
        match (open.value, open.threshold) {
            (Some(value), Some(limit)) => {
                let _ = write!(text, ": {} ({} {})", figure(value), word("limit", "seuil"), figure(limit));
            }
            (Some(value), None) => {
                let _ = write!(text, ": {}", figure(value));
            }
            _ => {}
        }
        if let Some(owner) = &open.owner {
            let _ = write!(text, " → {}", escaped(owner));
        }
    }
    if new.len() > NAMED {
        let _ = write!(text, "\n{} {} {}", word("and", "et"), new.len() - NAMED, word("more", "autres"));
    }
    text
}

/// The three characters that Slack's texts give a meaning to.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
