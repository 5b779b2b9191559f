//! Speaks HTTP with an endpoint: one request, its answer read as it streams, bounded in size and time.

use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, SERVER};

use super::explain;
use super::prompts::Given;
use super::reading::{Reading, pieces};
use super::request::{Endpoint, Fields, body};
use super::trace::Trace;
use crate::connect;
use crate::execute::Masker;
use crate::report::escape;
use crate::results::Reason;

/// The most that is read of an answer that is an error, in bytes, and for how long.
const ERROR_BODY: usize = 64 << 10;
const ERROR_WAIT: Duration = Duration::from_secs(5);
/// The most that is read of an answer in one document, in bytes.
const LARGEST_DOCUMENT: usize = 64 << 20;
/// How long the end of an answer is waited for once the stream has said that it is over, so that its connection can be
/// used again.
const REST: Duration = Duration::from_millis(10);

/// How an endpoint is reached.
#[derive(Default)]
pub struct Access {
    /// The variable that holds the key, and the key.
    pub key: Option<(String, String)>,
    /// PEM texts of certificates that are trusted beside the system's.
    pub certificates: Option<Vec<u8>>,
    /// The longest time of one request.
    pub timeout: Duration,
    /// The longest wait for the first or the next piece of an answer.
    pub silence: Duration,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.key.as_ref().map(|(name, _)| name);
        f.debug_struct("Access").field("key", &key).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// An endpoint that can be asked.
#[derive(Debug)]
pub struct Wire {
    client: reqwest::Client,
    /// Keeps no connection: what it sends comes on a new one.
    fresh: reqwest::Client,
    endpoint: Endpoint,
    fields: Fields,
    headers: HeaderMap,
    key_name: Option<String>,
    masker: Masker,
    timeout: Duration,
    silence: Duration,
}

impl Wire {
    /// Prepares; nothing is sent yet.
    ///
    /// # Errors
    /// If the key can be no header, or the certificates cannot be read.
    pub fn new(endpoint: Endpoint, fields: Fields, access: Access) -> Result<Self, String> {
        let certificates = access.certificates.as_deref();
        let built = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| connect::causes(&error));
        let client = built(connect::builder(certificates)?)?;
        let fresh = built(connect::builder(certificates)?.pool_max_idle_per_host(0))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let (key_name, key) = access.key.unzip();
        if let Some(key) = &key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
                .map_err(|_| "the key holds what no header can hold; is it in one line?")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let masker = Masker::new(key.as_deref());
        let Access { timeout, silence, .. } = access;
        Ok(Self { client, fresh, endpoint, fields, headers, key_name, masker, timeout, silence })
    }

    /// The request and its answer. Times count from `clock`; `due` is when it was to be sent, if that was fixed before.
    pub(super) async fn ask(&self, prompt: &Given, seed: u64, clock: Instant, due: Option<Duration>) -> Trace {
        self.read(Reading::new(self.fields.max_tokens), prompt, seed, clock, due).await
    }

    /// The request and its answer, whose text is kept; it need not be streamed.
    pub(super) async fn complete(&self, prompt: &Given, seed: u64, clock: Instant) -> Trace {
        self.read(Reading::keeping(self.fields.max_tokens), prompt, seed, clock, None).await
    }

    async fn read(
        &self,
        mut reading: Reading,
        prompt: &Given,
        seed: u64,
        clock: Instant,
        due: Option<Duration>,
    ) -> Trace {
        let body = body(&self.fields, prompt, seed).to_string();
        let mut trace = Trace { sent: clock.elapsed(), ..Trace::default() };
        trace.due = due.unwrap_or(trace.sent);
        let until = Instant::now() + self.timeout;
        let streamed = self.stream(body, clock, until, &mut reading, &mut trace).await;
        trace.end = clock.elapsed();
        match streamed {
            Ok(mut response) => {
                let _ = tokio::time::timeout(REST, response.chunk()).await;
            }
            Err(mut reason) => {
                self.masker.mask(&mut reason.text);
                trace.failure = Some(reason);
            }
        }
        Trace { pieces: reading.pieces, usage: reading.usage, said: reading.said, ..trace }
    }

    async fn stream(
        &self,
        body: String,
        clock: Instant,
        until: Instant,
        reading: &mut Reading,
        trace: &mut Trace,
    ) -> Result<Response, Reason> {
        let mut response = self.send(body, until, trace).await?;
        let is_document = kind(&response).starts_with("application/json");
        if kind(&response).starts_with("text/html") || (is_document && reading.said.is_none()) {
            let text = format!(
                "the answer is no stream of events but {}; is this an OpenAI-compatible interface that streams?",
                escape::cut(&escape::line(kind(&response)), 60)
            );
            return Err(Reason::new("not_streamed", text));
        }
        trace.server = response.headers().get(SERVER).and_then(|name| name.to_str().ok()).map(|name| {
            let mut name = escape::cut(&escape::line(name), 80).into_owned();
            self.masker.mask(&mut name);
            name
        });
        let mut document = Vec::new();
        while !reading.done {
            // Asked here and not left to the time limit: what is always ready is never out of time.
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Err(self.too_long(reading.pieces.len(), true));
            };
            let wait = left.min(self.silence);
            match tokio::time::timeout(wait, response.chunk()).await {
                Ok(Ok(Some(bytes))) if is_document => {
                    if document.len() + bytes.len() > LARGEST_DOCUMENT {
                        return Err(Reason::new("too_large", "the answer is larger than 64 MiB"));
                    }
                    document.extend_from_slice(&bytes);
                }
                Ok(Ok(Some(bytes))) => reading.take(&bytes, clock.elapsed())?,
                Ok(Ok(None)) if is_document => {
                    reading.whole(&document, clock.elapsed())?;
                    break;
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    // A stream that is over may be cut off without manners.
                    return match reading.end() {
                        Ok(()) => Ok(response),
                        Err(_) => Err(explain::on_the_way(error, &self.endpoint.host())),
                    };
                }
                Err(_) => return Err(self.too_long(reading.pieces.len(), left <= self.silence)),
            }
        }
        reading.end()?;
        Ok(response)
    }

    /// Sends; gives the answer's head. A server may close a connection that it has kept just as the next request comes on
    /// it: then nothing was answered, and it is sent once more, on a new one. The time goes on.
    async fn send(&self, body: String, until: Instant, trace: &mut Trace) -> Result<Response, Reason> {
        let mut sent = self.send_by(&self.client, body.clone(), until).await;
        if sent.as_ref().is_err_and(Unsent::is_closed) {
            trace.resent = true;
            sent = self.send_by(&self.fresh, body, until).await;
        }
        let response = sent.map_err(|unsent| match unsent {
            Unsent::Error(error) => explain::on_the_way(error, &self.endpoint.host()),
            Unsent::TooLong => self.too_long(0, self.timeout <= self.silence),
        })?;
        let status = response.status();
        if !status.is_success() {
            return Err(explain::status(status.as_u16(), &beginning(response).await, self.key_name.as_deref()));
        }
        Ok(response)
    }

    async fn send_by(&self, client: &reqwest::Client, body: String, until: Instant) -> Result<Response, Unsent> {
        let request = client.post(self.endpoint.url().clone()).headers(self.headers.clone()).body(body);
        let wait = until.saturating_duration_since(Instant::now()).min(self.silence);
        let sent = tokio::time::timeout(wait, request.send()).await;
        sent.map_err(|_| Unsent::TooLong)?.map_err(Unsent::Error)
    }

    /// Time is up: of the whole request, or of waiting for a piece.
    fn too_long(&self, came: usize, whole: bool) -> Reason {
        let (timeout, silence) = (self.timeout, self.silence);
        match (came, whole) {
            (0, true) => Reason::new("timeout", format!("nothing came within {timeout:?}; --timeout allows more")),
            (0, false) => Reason::new("timeout", format!("nothing came within {silence:?}; --silence allows more")),
            (n, true) => {
                let text =
                    format!("the answer was not over after {timeout:?} and {}; --timeout allows more", pieces(n));
                Reason::new("endless", text)
            }
            (n, false) => {
                let text = format!("nothing more came for {silence:?} after {}; --silence allows more", pieces(n));
                Reason::new("stalled", text)
            }
        }
    }
}

/// What the server calls its answer.
fn kind(response: &Response) -> &str {
    response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// Why there is no head of an answer.
enum Unsent {
    Error(reqwest::Error),
    TooLong,
}

impl Unsent {
    /// Whether the connection was closed without an answer.
    fn is_closed(&self) -> bool {
        matches!(self, Self::Error(error) if error.is_request() && !error.is_connect() && !error.is_timeout())
    }
}

/// The beginning of an error's body.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let until = Instant::now() + ERROR_WAIT;
    while bytes.len() < ERROR_BODY {
        let left = until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, response.chunk()).await {
            Ok(Ok(Some(piece))) if !left.is_zero() => bytes.extend_from_slice(&piece),
            _ => break,
        }
    }
    bytes.truncate(ERROR_BODY);
    bytes
}
