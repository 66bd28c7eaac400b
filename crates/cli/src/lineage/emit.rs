//! Handing events over, on a thread of its own, so that a slow catalogue does not hold up the run.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use super::settings::{ServiceSettings, Settings};
use crate::http::{Service, is_web};

/// How long the end of a run waits until all is told.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hands events over in their order.
pub struct Emitter {
    events: Sender<Value>,
    finished: Receiver<()>,
}

/// Where events go.
struct Outlets {
    file: Option<PathBuf>,
    service: Option<Service>,
    /// Whether the service has failed for good: the events after that are not tried one by one.
    gone: bool,
}

impl Emitter {
    /// Begins to hand over, or does nothing where the settings name nobody.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn start(settings: &Settings) -> Result<Option<Self>, String> {
        if settings.file.is_none() && settings.service.is_none() {
            return Ok(None);
        }
        let service = settings.service.as_ref().map(connect).transpose()?;
        let mut outlets = Outlets { file: settings.file.clone(), service, gone: false };
        let (events, incoming) = channel::<Value>();
        let (done, finished) = channel();
        std::thread::Builder::new()
            .name("lineage".to_owned())
            .spawn(move || {
                for event in incoming {
                    outlets.hand_over(&event);
                }
                // Nobody waits any more where the patience was over.
                let _ = done.send(());
            })
            .map_err(|error| error.to_string())?;
        Ok(Some(Self { events, finished }))
    }

    /// Hands an event over, later.
    pub fn tell(&self, event: &Value) {
        // The thread ends only after this sender.
        let _ = self.events.send(event.clone());
    }

    /// Waits until all is told, or the patience is over.
    pub fn finish(self) {
        drop(self.events);
        if self.finished.recv_timeout(PATIENCE).is_err() {
            tracing::warn!("the last OpenLineage events were not told within {} s", PATIENCE.as_secs());
        }
    }
}

impl Outlets {
    fn hand_over(&mut self, event: &Value) {
        let text = event.to_string();
        if let Some(file) = &self.file
            && let Err(error) = append(file, &text)
        {
            tracing::warn!("an OpenLineage event could not be written to {}: {error}", file.display());
        }
        if self.gone {
            return;
        }
        if let Some(service) = &self.service
            && let Err(error) = service.post(&text)
        {
            self.gone = true;
            tracing::warn!("OpenLineage events of this run are not sent to {}: {error}", service.label());
        }
    }
}

fn connect(settings: &ServiceSettings) -> Result<Service, String> {
    let wrong = |reason: String| format!("the URL of the OpenLineage service is no http:// or https:// URL{reason}");
    let base = settings.url.trim_end_matches('/');
    let url = Url::parse(&format!("{base}/{}", settings.endpoint.trim_start_matches('/')))
        .map_err(|error| wrong(format!(": {error}")))?;
    if !is_web(&url) {
        return Err(wrong(String::new()));
    }
    Service::new(url, settings.key.as_deref())
}

/// One line, in one write: runs that append at the same time do not tear each other's lines.
fn append(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(file)?.write_all(format!("{text}\n").as_bytes())
}
