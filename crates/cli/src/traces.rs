//! Traces: the spans of a run and its definitions, to an OpenTelemetry collector over HTTP.
//!
//! The standard variables say where (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`,
//! `OTEL_EXPORTER_OTLP_HEADERS`) and as whom (`OTEL_SERVICE_NAME`); without an endpoint nothing is traced.

use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tokio::runtime::Runtime;

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// A tracer, where the environment names a collector.
///
/// # Errors
/// What is wrong with the environment's settings.
pub fn tracer() -> Result<Option<Tracer>, String> {
    let named = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let disabled = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    if disabled || named.iter().all(|name| std::env::var(name).unwrap_or_default().is_empty()) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().with_http_client(Client::new()?).build();
    let exporter = exporter.map_err(|error| crate::exit::chain(&error))?;
    let name = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let resource = Resource::builder().with_service_name(name.unwrap_or_else(|| "abmart".to_owned())).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let tracer = provider.tracer("abmart");
    let _ = PROVIDER.set(provider);
    Ok(Some(tracer))
}

/// Sends what is left. A collector that cannot be reached is no failure of a run.
pub fn finish() {
    if let Some(Err(error)) = PROVIDER.get().map(SdkTracerProvider::shutdown) {
        tracing::warn!("not all traces were sent: {}", crate::exit::chain(&error));
    }
}

/// The program's own HTTP client, on a runtime of its own: the exporter's thread has none.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Runtime,
}

impl Client {
    fn new() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let client = reqwest::Client::builder().build().map_err(|error| error.to_string())?;
        Ok(Self { client, runtime: runtime.map_err(|error| error.to_string())? })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = self.client.execute(request.try_into()?);
        let sent = self.runtime.spawn(async move {
            let answer = request.await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}
