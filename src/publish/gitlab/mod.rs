//! GitLab, on gitlab.com or self-managed, also below a path of its host.

pub mod note;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::http::{Answer, Client, Method, Transport};
use super::token::Token;
use crate::connect::{self, causes};

/// The largest answer that is read, in bytes: a page of a hundred long notes.
const LARGEST: usize = 128 << 20;

/// A project on a GitLab.
#[derive(Debug, Clone)]
pub struct Project {
    /// The address of its API: `https://gitlab.com/api/v4`.
    pub api: String,
    /// Its number, or its path with `%2F`.
    pub id: String,
}

impl Project {
    /// From an API address, and a number or a path, each checked for its form.
    pub fn new(api: &str, id: &str) -> Option<Self> {
        let is_address = api.starts_with("https://") || api.starts_with("http://");
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        let id = id.replace('/', "%2F");
        (is_address && is_id).then(|| Self { api: api.trim_end_matches('/').to_owned(), id })
    }

    fn path(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.id)
    }
}

/// A connection to GitLab's API.
pub type Gitlab = Client<Plain>;

/// Connects; nothing is sent yet. `certificates` are PEM texts that are trusted beside the system's.
///
/// # Errors
/// If the token or the certificates cannot be used.
pub fn connect(project: &Project, token: &Token, certificates: Option<&[u8]>) -> Result<Gitlab, String> {
    let mut value = HeaderValue::from_str(token.expose()).map_err(|_| "the token holds what no header can hold")?;
    value.set_sensitive(true);
    let headers = HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("private-token"), value)]);
    Ok(Client::new(Plain { client: connect::client(certificates)?, headers, api: project.api.clone() }))
}

/// Reqwest as what carries requests.
#[derive(Debug)]
pub struct Plain {
    client: reqwest::Client,
    headers: HeaderMap,
    api: String,
}

impl Transport for Plain {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.client.request(method, format!("{}{path}", self.api)).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| causes(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| causes(&error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST {
                return Err("an answer of more than 128 MiB".into());
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer::new(status, text, |name| headers.get(name)?.to_str().ok().map(str::to_owned)))
    }
}
