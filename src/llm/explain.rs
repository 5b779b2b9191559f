//! What a failure of an endpoint means, and what to do: each with a stable word.

use serde_json::Value;

use super::reading::words;
use crate::connect::causes;
use crate::results::Reason;

/// Failures that the next request will meet, too, whatever is waited for.
const LASTING: [&str; 11] = [
    "unreachable",
    "http_301",
    "http_302",
    "http_307",
    "http_308",
    "http_400",
    "http_401",
    "http_403",
    "http_404",
    "http_422",
    "not_started",
];

/// Whether another request has no chance.
pub(super) fn is_lasting(reason: &Reason) -> bool {
    LASTING.contains(&reason.code.as_str())
}

/// What a status other than 2xx means. `key` is the variable that the key came from.
pub(super) fn status(status: u16, body: &[u8], key: Option<&str>) -> Reason {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(value) => words(&value),
        Err(_) => words(&Value::String(String::from_utf8_lossy(body).into_owned())),
    };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let access = || match key {
        Some(name) => format!("is the key in {name} right, and may it use this model?"),
        None => "name the environment variable that holds the key with --api-key-env".into(),
    };
    let (what, next) = match status {
        300..=399 => ("the server sends us elsewhere", "give the final address: a key follows no redirect".into()),
        401 | 403 => ("the server refuses access", access()),
        404 => (
            "the server knows no such path or model",
            "the endpoint is the base address, which usually ends in /v1; is the model called so there?".into(),
        ),
        400 | 422 => (
            "the server does not take the request",
            "--no-usage leaves `stream_options` out, --extra changes other fields".into(),
        ),
        408 | 504 => ("the server took too long", "lower --concurrency or --rate, or ask for shorter answers".into()),
        413 => ("the prompt is too large for the server", "ask for shorter prompts".into()),
        429 => ("the server's rate limit is used up", "lower --concurrency or --rate, or have the limit raised".into()),
        503 => (
            "the server is overloaded, or still loads its model",
            "wait until it is ready, or lower --concurrency or --rate".into(),
        ),
        _ => ("the server failed", "its log says more".into()),
    };
    Reason::new(format!("http_{status}"), format!("{what} ({status}{said}); {next}"))
}

/// What an error on the way to an answer means.
pub(super) fn on_the_way(error: reqwest::Error, host: &str) -> Reason {
    let (connect, timeout) = (error.is_connect(), error.is_timeout());
    // The address may hold a key.
    let said = words(&Value::String(causes(&error.without_url())));
    if connect {
        let text = format!(
            "cannot connect to {host} ({said}); does the server run, is the address right, is a proxy in the way?"
        );
        return Reason::new("unreachable", text);
    }
    let code = if timeout { "timeout" } else { "broken_stream" };
    Reason::new(code, format!("the connection to {host} broke off ({said}); the server's log may say why"))
}

#[cfg(test)]
mod tests {
    use super::{is_lasting, status};

    #[test]
    fn each_status_says_what_to_do() {
        let said = |code, body: &str, key| status(code, body.as_bytes(), key).text;
        assert_eq!(
            said(401, "{\"error\":{\"message\":\"no key\"}}", None),
            "the server refuses access (401: no key); name the environment variable that holds the key with --api-key-env"
        );
        assert!(said(403, "", Some("KEY")).ends_with("(403); is the key in KEY right, and may it use this model?"));
        assert!(said(503, "Loading\u{1b} model", None).contains("(503: Loading\\u{1b} model); wait until it is ready"));
        assert!(said(429, "{}", None).contains("rate limit"));
        assert!(said(404, "", None).contains("/v1"));
        assert!(said(500, &"<html>".repeat(10_000), None).len() < 2_000);
        assert!(is_lasting(&status(401, b"", None)) && !is_lasting(&status(503, b"", None)));
    }
}
