//! One session: the channel to the server, who asks, and the small requests around a query.

use std::error::Error as _;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use proto::spark_connect_service_client::SparkConnectServiceClient;
use spark_connect_proto as proto;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use uuid::Uuid;

use super::{engine, failure};
use crate::{Remote, Settings, SparkError};

pub(super) type Stub = SparkConnectServiceClient<InterceptedService<Channel, Headers>>;

/// A session on a server.
pub(super) struct Session {
    stub: Stub,
    server: String,
    id: String,
    /// What the server calls the session: another name means that it was started anew.
    server_side: OnceLock<String>,
    user_id: String,
    engine: String,
}

/// The headers of every request, the token among them.
#[derive(Clone)]
pub(super) struct Headers(Vec<(AsciiMetadataKey, AsciiMetadataValue)>);

/// How often a silent connection is asked whether it is still there, and how long it may take to say so.
pub(super) const ALIVE_EVERY: Duration = Duration::from_secs(20);
pub(super) const ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// How long requests that are a courtesy may take.
const COURTESY: Duration = Duration::from_secs(2);
/// What the server is told of the client.
const CLIENT: &str = concat!("abmart/", env!("CARGO_PKG_VERSION"));
/// The user of a session whose address names none.
const USER: &str = "abmart";
/// Servers send batches of some megabytes; more than this in one is not held in memory.
const LARGEST_MESSAGE: usize = 512 << 20;

impl Session {
    pub(super) async fn open(remote: &Remote, settings: &Settings) -> Result<Self, SparkError> {
        let server = remote.server();
        let limit = settings.connect_timeout;
        let silent = || SparkError::Unreachable {
            server: server.clone(),
            reason: format!("it said nothing within {} s", limit.as_secs_f32()),
        };
        let stub = tokio::time::timeout(limit, stub(remote, limit)).await.map_err(|_| silent())??;
        let session = Self {
            stub,
            server: server.clone(),
            id: Uuid::new_v4().to_string(),
            server_side: OnceLock::new(),
            user_id: remote.user_id().unwrap_or(USER).to_owned(),
            engine: engine::UNKNOWN.to_owned(),
        };
        // The first of them: a server that is no server of Spark Connect, or wants another token, says so here.
        tokio::time::timeout(limit, session.configure(&settings.config)).await.map_err(|_| silent())??;
        let engine = tokio::time::timeout(limit, session.explain(engine::QUESTION)).await;
        let engine = engine.ok().flatten().and_then(|plan| engine::named(&plan));
        Ok(Self { engine: engine.unwrap_or_else(|| engine::UNKNOWN.to_owned()), ..session })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn engine(&self) -> &str {
        &self.engine
    }

    /// Whether the engine overlooks that a query is to be stopped whose first job it has not submitted yet.
    pub(super) fn stops_only_what_runs(&self) -> bool {
        self.engine.starts_with("Spark ")
    }

    pub(super) fn stub(&self) -> Stub {
        self.stub.clone()
    }

    /// The request that begins a query.
    pub(super) fn execute(&self, query_id: &str, plan: proto::Plan) -> proto::ExecutePlanRequest {
        use proto::execute_plan_request::{RequestOption, request_option};
        let reattach = request_option::RequestOption::ReattachOptions(proto::ReattachOptions { reattachable: true });
        proto::ExecutePlanRequest {
            session_id: self.id.clone(),
            client_observed_server_side_session_id: self.server_side.get().cloned(),
            user_context: Some(self.user()),
            operation_id: Some(query_id.to_owned()),
            plan: Some(plan),
            client_type: Some(CLIENT.to_owned()),
            request_options: vec![RequestOption { request_option: Some(reattach) }],
            ..proto::ExecutePlanRequest::default()
        }
    }

    /// The request that takes a query's answer up after the last response that came.
    pub(super) fn reattach(&self, query_id: &str, after: Option<&str>) -> proto::ReattachExecuteRequest {
        proto::ReattachExecuteRequest {
            session_id: self.id.clone(),
            client_observed_server_side_session_id: self.server_side.get().cloned(),
            user_context: Some(self.user()),
            operation_id: query_id.to_owned(),
            client_type: Some(CLIENT.to_owned()),
            last_response_id: after.map(ToOwned::to_owned),
        }
    }

    /// Has the server stop a query; whether it does is not waited for long.
    pub(super) async fn interrupt(&self, query_id: &str) {
        let request = proto::InterruptRequest {
            session_id: self.id.clone(),
            client_observed_server_side_session_id: self.server_side.get().cloned(),
            user_context: Some(self.user()),
            client_type: Some(CLIENT.to_owned()),
            interrupt_type: proto::interrupt_request::InterruptType::OperationId.into(),
            interrupt: Some(proto::interrupt_request::Interrupt::OperationId(query_id.to_owned())),
        };
        let answer = tokio::time::timeout(COURTESY, self.stub().interrupt(request)).await;
        if !matches!(answer, Ok(Ok(_))) {
            tracing::warn!(
                server = self.server,
                query_id,
                "the server was asked to stop the query, and did not confirm it"
            );
        }
    }

    /// Tells the server that nobody waits for more of a query.
    pub(super) fn release(&self, query_id: &str) -> impl Future<Output = ()> + Send + use<> {
        let request = proto::ReleaseExecuteRequest {
            session_id: self.id.clone(),
            client_observed_server_side_session_id: self.server_side.get().cloned(),
            user_context: Some(self.user()),
            operation_id: query_id.to_owned(),
            client_type: Some(CLIENT.to_owned()),
            release: Some(proto::release_execute_request::Release::ReleaseAll(
                proto::release_execute_request::ReleaseAll {},
            )),
        };
        let mut stub = self.stub();
        async move {
            let answer = tokio::time::timeout(COURTESY, stub.release_execute(request)).await;
            tracing::trace!(released = matches!(answer, Ok(Ok(_))), "end of a query");
        }
    }

    pub(super) async fn close(&self) {
        let request = proto::ReleaseSessionRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user()),
            client_type: Some(CLIENT.to_owned()),
            allow_reconnect: false,
        };
        let answer = tokio::time::timeout(COURTESY, self.stub().release_session(request)).await;
        tracing::trace!(closed = matches!(answer, Ok(Ok(_))), "end of the session");
    }

    fn user(&self) -> proto::UserContext {
        proto::UserContext {
            user_id: self.user_id.clone(),
            user_name: self.user_id.clone(),
            ..proto::UserContext::default()
        }
    }

    async fn configure(&self, config: &[(String, String)]) -> Result<(), SparkError> {
        use proto::config_request::{Operation, Set, operation::OpType};
        let pairs = config
            .iter()
            .map(|(key, value)| proto::KeyValue { key: key.clone(), value: Some(value.clone()) })
            .collect();
        let request = proto::ConfigRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user()),
            client_type: Some(CLIENT.to_owned()),
            operation: Some(Operation { op_type: Some(OpType::Set(Set { pairs, silent: None })) }),
            ..proto::ConfigRequest::default()
        };
        let answer = self.stub().config(request).await.map_err(|status| failure::opening(&status, &self.server))?;
        let answer = answer.into_inner();
        for warning in &answer.warnings {
            tracing::warn!(server = self.server, "{warning}");
        }
        if !answer.server_side_session_id.is_empty() {
            self.server_side.get_or_init(|| answer.server_side_session_id);
        }
        Ok(())
    }

    /// The plan of a query as text: what the engine calls itself stands there, and no row need be decoded.
    async fn explain(&self, sql: &str) -> Option<String> {
        use proto::analyze_plan_request::{Analyze, Explain, explain::ExplainMode};
        let plan = proto::Plan { op_type: Some(proto::plan::OpType::Root(super::query(sql))) };
        let explain = Explain { plan: Some(plan), explain_mode: ExplainMode::Simple.into() };
        let request = proto::AnalyzePlanRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user()),
            client_type: Some(CLIENT.to_owned()),
            analyze: Some(Analyze::Explain(explain)),
            ..proto::AnalyzePlanRequest::default()
        };
        match Box::pin(self.stub().analyze_plan(request)).await.ok()?.into_inner().result? {
            proto::analyze_plan_response::Result::Explain(explain) => Some(explain.explain_string),
            _ => None,
        }
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (key, value) in &self.0 {
            request.metadata_mut().insert(key.clone(), value.clone());
        }
        Ok(request)
    }
}

async fn stub(remote: &Remote, limit: Duration) -> Result<Stub, SparkError> {
    let unreachable = |reason: String| SparkError::Unreachable { server: remote.server(), reason };
    let scheme = if remote.uses_tls() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{}", remote.server()))
        .and_then(|endpoint| endpoint.user_agent(remote.user_agent().unwrap_or(CLIENT)))
        .map_err(|source| SparkError::Address { reason: source.to_string() })?
        .connect_timeout(limit)
        .http2_keep_alive_interval(ALIVE_EVERY)
        .keep_alive_timeout(ALIVE_WITHIN)
        .tcp_nodelay(true);
    if remote.uses_tls() {
        let host = remote.host().trim_start_matches('[').trim_end_matches(']');
        let tls = ClientTlsConfig::new().domain_name(host).with_native_roots();
        endpoint = endpoint.tls_config(tls).map_err(|source| unreachable(causes(&source)))?;
    }
    let channel = endpoint.connect().await.map_err(|source| unreachable(causes(&source)))?;
    let stub = SparkConnectServiceClient::with_interceptor(channel, headers(remote)?);
    Ok(stub.max_decoding_message_size(LARGEST_MESSAGE).max_encoding_message_size(LARGEST_MESSAGE))
}

fn headers(remote: &Remote) -> Result<Headers, SparkError> {
    let token = remote.token().map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
    let mut headers = Vec::new();
    for (name, value) in remote.headers().iter().cloned().chain(token) {
        let refused = || SparkError::Address { reason: format!("`{name}` cannot be sent as a header") };
        let key = AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = AsciiMetadataValue::try_from(value.as_str()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.push((key, value));
    }
    Ok(Headers(headers))
}

/// What the transport says went wrong, innermost last.
fn causes(error: &tonic::transport::Error) -> String {
    let (mut last, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        last = cause.to_string();
        next = cause.source();
    }
    last
}
