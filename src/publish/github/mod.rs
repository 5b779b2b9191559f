//! GitHub and GitHub Enterprise Server.

pub mod check;
pub mod comment;
pub mod job;
pub mod request;

use octocrab::Octocrab;
use serde_json::Value;

use super::http::{Answer, Client, Method, Transport};
use super::token::Token;
use crate::connect::{self, causes};

/// The path of GraphQL.
const GRAPHQL: &str = "/graphql";

/// A repository on a GitHub.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The address of its API, such as `https://api.github.com`.
    pub api: String,
    /// `owner/name`.
    pub name: String,
}

impl Repository {
    /// From an API address and `owner/name`, each checked for its form.
    pub fn new(api: &str, name: &str) -> Option<Self> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !part.bytes().all(|byte| byte == b'.')
        };
        let (owner, repository) = name.split_once('/')?;
        let is_address = api.starts_with("https://") || api.starts_with("http://");
        (is_address && is_part(owner) && is_part(repository))
            .then(|| Self { api: api.trim_end_matches('/').to_owned(), name: name.to_owned() })
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.name)
    }
}

/// A connection to GitHub's API.
pub type Github = Client<Octo>;

/// Connects; nothing is sent yet. It must be called where a runtime is at work. `certificates` are PEM texts that are trusted beside the system's.
///
/// # Errors
/// If the address or the certificates cannot be used.
pub fn connect(repository: &Repository, token: &Token, certificates: Option<&[u8]>) -> Result<Github, String> {
    let client = connect::client(certificates)?;
    let (scheme, rest) = repository.api.split_once("://").ok_or("the address of the API is none")?;
    let (authority, path) =
        rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
    // The path of the address (GitHub Enterprise Server has one) is ours to put in front: GraphQL's is another one.
    let base = format!("{scheme}://{authority}/");
    let crab = Octocrab::builder().base_uri(base.as_str()).map_err(|error| causes(&error))?;
    let crab = crab.personal_token(token.expose().to_owned());
    let crab = crab.build_with_reqwest(client).map_err(|error| causes(&error))?;
    Ok(Client::new(Octo { crab, prefix: path }))
}

/// Octocrab as what carries requests. Its own retries are left out: they send a POST again.
#[derive(Debug)]
pub struct Octo {
    crab: Octocrab,
    prefix: String,
}

impl Transport for Octo {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let prefix = if path == GRAPHQL { self.prefix.trim_end_matches("/v3") } else { &self.prefix };
        let path = format!("{prefix}{path}");
        let sent = match method {
            Method::Get => self.crab._get(path).await,
            Method::Post => self.crab._post(path, body).await,
            Method::Patch => self.crab._patch(path, body).await,
            Method::Put => self.crab._put(path, body).await,
            Method::Delete => self.crab._delete(path, body).await,
        };
        let response = sent.map_err(|error| causes(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.crab.body_to_string(response).await.map_err(|error| causes(&error))?;
        Ok(Answer::new(status, body, |name| headers.get(name)?.to_str().ok().map(str::to_owned)))
    }
}
