//! What an object store's error says, in words that may be shown.

use std::error::Error as _;

use object_store::Error;

/// What went wrong, as far as it is worth telling.
pub(crate) struct Failure {
    /// In one sentence, without addresses, signatures and whatever else a server echoes.
    pub reason: String,
    /// What to do about it; empty where nobody knows.
    pub help: &'static str,
    /// Whether it is the bucket or container that is not there.
    pub no_bucket: bool,
    /// Whether the server said nothing, so that the request may have arrived or not.
    pub unanswered: bool,
}

/// Before the status and body of an answer, in the client's messages.
const ANSWER: &str = "status code: ";

impl Failure {
    /// Reads an error and its causes; no `secret` is in what comes of it.
    pub fn of(error: &Error, secrets: &[String]) -> Self {
        let (mut causes, mut next) = (vec![error.to_string()], error.source());
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let retries = causes.iter().find_map(|text| between(text, ", after ", " retries"));
        let answer = causes.iter().find_map(|text| text.split_once(ANSWER).map(|(_, answer)| answer));
        let mut reason = match answer {
            Some(answer) => answered(answer),
            None => unanswered(&causes),
        };
        if let Some(retries) = retries {
            reason = format!("{reason}, after {retries} retries");
        }
        for secret in secrets.iter().filter(|secret| secret.len() > 3) {
            reason = reason.replace(secret.as_str(), "***");
        }
        let code = |codes: &[&str]| codes.iter().any(|code| answer.is_some_and(|answer| answer.contains(code)));
        let help = if code(&["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]) {
            ""
        } else if code(&[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AuthenticationFailed",
            "ExpiredToken",
            "InvalidToken",
            "401 Unauthorized",
        ]) {
            "the credentials are not accepted: are they complete, of this store, and still valid?"
        } else if code(&["403 Forbidden", "AccessDenied", "AuthorizationFailure", "AuthorizationPermissionMismatch"]) {
            "the credentials lack the right to do it; docs/stores.md lists the rights that are needed"
        } else if matches!(answer, Some(answer) if answer.starts_with('3'))
            || causes.iter().any(|text| text.contains("LOCATION"))
        {
            "the bucket is in another region; set `region` in the store's settings, or AWS_REGION"
        } else if answer.is_none()
            && causes.iter().any(|text| text.contains("(Connect)") || text.contains("connect error"))
        {
            "is the endpoint right, and can this machine reach it?"
        } else {
            ""
        };
        let no_bucket = code(&["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]);
        Self { reason, help, no_bucket, unanswered: answer.is_none() }
    }
}

/// The status, and code and message of the body; the rest of a body may repeat what was signed.
fn answered(answer: &str) -> String {
    let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
    let code = between(body, "<Code>", "</Code>");
    let message = between(body, "<Message>", "</Message>").and_then(|text| text.lines().next());
    let mut text = status.to_owned();
    for part in [code, message].into_iter().flatten() {
        text.push_str(", ");
        text.push_str(part.trim_end_matches('.'));
    }
    text
}

/// The innermost causes, which name what happened to the connection and no address.
fn unanswered(causes: &[String]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for cause in causes.iter().rev() {
        // The outer ones name the request, and repeat the inner ones.
        if cause.contains("://") || parts.iter().any(|part| cause.contains(part)) {
            continue;
        }
        parts.push(cause);
    }
    parts.reverse();
    if parts.is_empty() { "the request failed".to_owned() } else { parts.join(": ") }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
