//! Requests to a platform: bounded in number, time and size, and careful with what writes.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The longest that is waited for a rate limit to end, all requests together.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often reading is tried where the platform stumbles.
const TRIES: u32 = 4;
/// The first wait between two tries; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something new: never sent again unless it is known not to have worked.
    Post,
    /// Sets something to a given state: the same request twice does the same as once.
    Patch,
    /// As [`Self::Patch`].
    Put,
    /// Takes something away.
    Delete,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `X-RateLimit-Remaining` or `RateLimit-Remaining`.
    pub remaining: Option<u64>,
    /// `X-RateLimit-Reset` or `RateLimit-Reset`: when the limit ends, in seconds since 1970.
    pub reset: Option<u64>,
    /// Whether there are more pages.
    pub has_next: bool,
}

impl Answer {
    /// The headers that matter, by a lookup of lower-case names.
    pub fn new(status: u16, body: String, header: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| header(name).and_then(|text| text.trim().parse().ok());
        Self {
            status,
            body,
            retry_after: number("retry-after"),
            remaining: number("x-ratelimit-remaining").or_else(|| number("ratelimit-remaining")),
            reset: number("x-ratelimit-reset").or_else(|| number("ratelimit-reset")),
            has_next: header("link").is_some_and(|link| link.contains("rel=\"next\""))
                || header("x-next-page").is_some_and(|page| !page.trim().is_empty()),
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is something else, such as a proxy's page.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body).map_err(|error| Failure::Odd(format!("its answer is not understood: {error}")))
    }

    /// The platform's own words for what is wrong.
    fn words(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let words = text("message").or_else(|| text("error_description")).or_else(|| text("error"));
        let words = words.or_else(|| json.get("message").map(ToString::to_string)).unwrap_or_default();
        crate::report::escape::cut(&crate::report::escape::line(&words), 300).into_owned()
    }

    fn is_limited(&self) -> bool {
        self.status == 429
            || self.status == 403 && (self.retry_after.is_some() || self.remaining == Some(0))
            || self.status == 403 && self.words().to_lowercase().contains("rate limit")
    }

    /// How long the limit lasts from now.
    fn wait(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let until = self.reset.filter(|_| self.remaining == Some(0)).map(|reset| reset.saturating_sub(now) + 1);
        // Without a word of the platform: it asks for a minute at least.
        Duration::from_secs(self.retry_after.or(until).unwrap_or(60))
    }
}

/// Why a request gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The token may not do this, or there is no valid one.
    #[error("the platform refuses it ({status}): {words}")]
    Refused {
        /// 401 or 403.
        status: u16,
        /// The platform's words.
        words: String,
    },
    /// What was asked for is not there, or the token may not see it.
    #[error("not found, or the token may not see it: {0}")]
    Missing(String),
    /// The platform does not take what was sent.
    #[error("the platform does not take it ({status}): {words}")]
    Invalid {
        /// 4xx.
        status: u16,
        /// The platform's words.
        words: String,
    },
    /// A rate limit that lasts too long.
    #[error("the platform's rate limit is used up for {0} s more")]
    Limited(u64),
    /// The platform stumbled: it may have done what was asked, or not.
    #[error("the platform is down or cannot be reached: {0}")]
    Down(String),
    /// An answer that is not understood.
    #[error("{0}")]
    Odd(String),
}

/// What carries a request to a platform.
pub trait Transport {
    /// Sends one request, once. The path begins with `/` and is below the platform's base address.
    ///
    /// # Errors
    /// Where no answer came, in words without secrets.
    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> impl Future<Output = Result<Answer, String>>;
}

/// A platform, and how long it may keep us waiting.
#[derive(Debug)]
pub struct Client<T> {
    transport: T,
    patience: std::cell::Cell<Duration>,
    requests: std::cell::Cell<u64>,
}

impl<T: Transport> Client<T> {
    /// A client over this transport.
    pub const fn new(transport: T) -> Self {
        Self { transport, patience: std::cell::Cell::new(PATIENCE), requests: std::cell::Cell::new(0) }
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Reads; a platform that stumbles is asked again.
    ///
    /// # Errors
    /// If there is no good answer.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.again_and_again(Method::Get, path, None).await
    }

    /// Sets or removes something: what can be sent twice without harm.
    ///
    /// # Errors
    /// If there is no good answer.
    pub async fn set(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        self.again_and_again(method, path, body).await
    }

    /// Makes something new, and does not try again where it may have worked: [`Failure::Down`] is then for the caller
    /// to look into.
    ///
    /// # Errors
    /// If there is no good answer.
    pub async fn make(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.once(Method::Post, path, Some(body)).await
    }

    /// Sends what must not be sent twice.
    ///
    /// # Errors
    /// If there is no good answer.
    pub async fn once_only(&self, method: Method, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.once(method, path, Some(body)).await
    }

    async fn again_and_again(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.once(method, path, body).await {
                Err(Failure::Down(_)) => tokio::time::sleep(wait).await,
                other => return other,
            }
            wait *= 2;
        }
        self.once(method, path, body).await
    }

    /// One request; where a rate limit says that it was not done, it is sent again when the limit has ended.
    async fn once(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        loop {
            self.requests.set(self.requests.get() + 1);
            let answer = self.transport.send(method, path, body).await.map_err(Failure::Down)?;
            if !answer.is_limited() {
                return judged(answer);
            }
            let wait = answer.wait();
            let left = self.patience.get();
            if wait > left {
                return Err(Failure::Limited(wait.as_secs()));
            }
            self.patience.set(left - wait);
            tokio::time::sleep(wait).await;
        }
    }
}

fn judged(answer: Answer) -> Result<Answer, Failure> {
    let status = answer.status;
    match status {
        200..=299 => Ok(answer),
        401 | 403 => Err(Failure::Refused { status, words: answer.words() }),
        404 | 410 => Err(Failure::Missing(answer.words())),
        400..=499 => Err(Failure::Invalid { status, words: answer.words() }),
        500..=599 => Err(Failure::Down(format!("status {status}"))),
        _ => Err(Failure::Odd(format!("an answer with status {status}"))),
    }
}
