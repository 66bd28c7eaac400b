//! What a server's error says: whether another connection may help, and if not, in words that may be shown.

use std::collections::HashMap;
use std::error::Error as _;

use prost::Message as _;
use tonic::{Code, Status};

use super::session::Session;
use crate::SparkError;

/// What to do about an error in the middle of a query.
pub(super) enum Meaning {
    /// The connection or the server is gone; both may come back.
    Gone(String),
    /// The session is there and the server has not heard of the query.
    UnknownQuery(String),
    /// The server has the query already.
    KnownQuery,
    /// The session is not there any more.
    SessionGone(String),
    /// The query itself is the matter.
    Refused,
}

/// Classes of errors by which Spark says that it lacks something.
const LACKS: [&str; 5] = [
    "UNRESOLVED_ROUTINE",
    "UNSUPPORTED_",
    "NOT_SUPPORTED_",
    "PARQUET_TYPE_ILLEGAL",
    "UNRESOLVABLE_TABLE_VALUED_FUNCTION",
];
/// What a server says of the queries that it drops when it is stopped in an orderly way.
const STOPPED: [&str; 3] = ["SparkContext was shut down", "stopped SparkContext", "SparkContext has been shutdown"];
/// Servers' messages may hold whole plans and stack traces.
const LONGEST: usize = 400;

/// Reads an error in the middle of a query.
pub(super) fn meaning(status: &Status) -> Meaning {
    let said = Said::of(status);
    match said.class.as_str() {
        "INVALID_CURSOR.DISCONNECTED" => return Meaning::Gone(said.message),
        "INVALID_HANDLE.OPERATION_NOT_FOUND" => return Meaning::UnknownQuery(said.message),
        "INVALID_HANDLE.OPERATION_ALREADY_EXISTS" => return Meaning::KnownQuery,
        class if class.starts_with("INVALID_HANDLE.") => return Meaning::SessionGone(said.message),
        _ => {}
    }
    // An error that the transport made has a cause on this side; one that the server sent has none.
    let transport = status.source().is_some() || status.code() == Code::Unavailable;
    if transport && said.class.is_empty() {
        return Meaning::Gone(cause(status));
    }
    if STOPPED.iter().any(|text| status.message().contains(text)) {
        return Meaning::Gone("it was stopped".to_owned());
    }
    Meaning::Refused
}

/// An error that ends a query, with the server's reason.
pub(super) fn of_query(status: &Status, session: &Session, query_id: &str) -> SparkError {
    let said = Said::of(status);
    let (server, query_id, engine) = (session.server().to_owned(), query_id.to_owned(), session.engine().to_owned());
    if is_denied(status) {
        return SparkError::Credentials { server, reason: said.message };
    }
    if said.lacks_something || status.code() == Code::Unimplemented {
        return SparkError::Unsupported { server, engine, query_id, reason: said.message };
    }
    SparkError::Failed { server, engine, query_id, class: said.class, message: said.message }
}

/// An error of the first request of a session.
pub(super) fn opening(status: &Status, server: &str) -> SparkError {
    let said = Said::of(status);
    let server = server.to_owned();
    if is_denied(status) {
        SparkError::Credentials { server, reason: said.message }
    } else if !said.class.is_empty() {
        SparkError::Refused { server, reason: format!("[{}] {}", said.class, said.message) }
    } else if status.source().is_some() || status.code() == Code::Unavailable {
        SparkError::Unreachable { server, reason: cause(status) }
    } else {
        SparkError::Protocol { server, reason: said.message }
    }
}

fn is_denied(status: &Status) -> bool {
    matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied)
}

/// The innermost of the transport's reasons.
fn cause(status: &Status) -> String {
    let (mut last, mut next) = (status.message().to_owned(), status.source());
    while let Some(cause) = next {
        last = cause.to_string();
        next = cause.source();
    }
    shortened(&last)
}

/// A server's error, read.
struct Said {
    /// The class, such as `DIVIDE_BY_ZERO`; empty where there is none.
    class: String,
    /// The server's words without class, plan and stack trace.
    message: String,
    lacks_something: bool,
}

impl Said {
    fn of(status: &Status) -> Self {
        let detail = Detail::of(status);
        let text = status.message().trim_start();
        let (in_text, rest) = match text.strip_prefix('[').and_then(|text| text.split_once("] ")) {
            Some((class, rest)) if is_class(class) => (class, rest),
            _ => ("", text),
        };
        let class = detail.metadata.get("errorClass").map_or(in_text, String::as_str);
        let class = if is_class(class) { class } else { in_text };
        let java = detail.metadata.get("classes").map_or(detail.reason.as_str(), String::as_str);
        let lacks_something = LACKS.iter().any(|lack| class.starts_with(lack))
            || (class.is_empty() && java.contains("UnsupportedOperationException"));
        let message = match shortened(rest) {
            empty if empty.is_empty() => status.code().description().to_owned(),
            message => message,
        };
        Self { class: class.to_owned(), message, lacks_something }
    }
}

fn is_class(text: &str) -> bool {
    let of_class = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_.".contains(&byte);
    !text.is_empty() && text.bytes().all(of_class)
}

/// What a person reads of a message: without the query, plan and stack trace after it, and not too long.
fn shortened(text: &str) -> String {
    let ends = ["SQLSTATE:", "\n\nJVM stacktrace", "\n\tat ", "\n== SQL", "\n'", "\n+-"];
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    let line = text[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.trim_end_matches('.').to_owned(),
    }
}

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, prost::Message)]
struct RichStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Packed>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Packed {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`: Spark's class of an error is in its metadata.
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

impl Detail {
    fn of(status: &Status) -> Self {
        let details = RichStatus::decode(status.details()).map(|status| status.details).unwrap_or_default();
        let info = details.into_iter().find(|packed| packed.type_url.ends_with("/google.rpc.ErrorInfo"));
        info.and_then(|packed| Self::decode(packed.value.as_slice()).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plan(
        "[UNRESOLVED_ROUTINE] Cannot resolve `f`. SQLSTATE: 42883; line 1 pos 7\n'Project [1]\n",
        "UNRESOLVED_ROUTINE",
        "Cannot resolve `f`"
    )]
    #[case::stack("Job aborted\n\tat org.apache.Spark.run(X.scala:1)", "", "Job aborted")]
    #[case::no_class("[a note] of no class", "", "[a note] of no class")]
    #[case::nothing("", "", "Internal error")]
    fn a_message_is_read(#[case] text: &str, #[case] class: &str, #[case] message: &str) {
        let said = Said::of(&Status::internal(text));
        assert_eq!((said.class.as_str(), said.message.as_str()), (class, message));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = shortened(&"é".repeat(LONGEST + 1));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn what_the_server_says_of_the_query_is_no_lost_connection() {
        assert!(matches!(meaning(&Status::unknown("wrong")), Meaning::Refused));
        assert!(matches!(meaning(&Status::unavailable("no route")), Meaning::Gone(_)));
        assert!(matches!(
            meaning(&Status::internal("Job 3 cancelled because SparkContext was shut down")),
            Meaning::Gone(_)
        ));
        assert!(matches!(
            meaning(&Status::internal("[INVALID_HANDLE.SESSION_CHANGED] other")),
            Meaning::SessionGone(_)
        ));
    }
}
