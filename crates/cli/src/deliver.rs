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
use abmart_store::Store;
use jiff::civil::Date;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::exit::chain;
use crate::http::{Service, is_web};
use crate::record;

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
    let mut record: Record = match record::get(store, &key) {
        Ok(record) => record.unwrap_or_default(),
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
    let open: BTreeSet<(&str, &str)> = wanted.iter().map(|open| (open.alert.as_str(), open.subject.as_str())).collect();
    for (alert, subjects) in &mut record.arrived {
        subjects.retain(|subject| open.contains(&(alert.as_str(), subject.as_str())));
    }
    record.arrived.retain(|_, subjects| !subjects.is_empty());
    match connect(&url) {
        Err(error) => {
            result.failed = wanted.iter().filter(|open| !has_arrived(&record, open)).count();
            result.error = Some(error);
        }
        Ok(service) => {
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
                if result.error.is_some() {
                    result.failed += new.len();
                    continue;
                }
                let text = message(alert, &new, &delivery.language, as_of);
                match service.post(&json!({ "text": text }).to_string()) {
                    Ok(()) => {
                        result.sent += new.len();
                        let subjects = new.iter().map(|open| open.subject.clone());
                        record.arrived.entry(alert.name.clone()).or_default().extend(subjects);
                    }
                    Err(error) => {
                        result.failed += new.len();
                        result.error = Some(error.to_string());
                    }
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
    if let Err(error) = record::put(store, &key, &record) {
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

/// The URL is a secret, so no message shows it.
fn connect(url: &str) -> Result<Service, String> {
    let url = Url::parse(url).ok().filter(is_web);
    Service::new(url.ok_or("the webhook is no http:// or https:// URL")?, None)
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
