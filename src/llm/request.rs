//! What is asked of an endpoint: its address, and the body of a request.

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::prompts::Given;

/// Which of OpenAI's two interfaces is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Api {
    /// `/chat/completions`: messages; the server puts them into the model's template.
    #[default]
    Chat,
    /// `/completions`: a text that is gone on with.
    Completions,
}

impl Api {
    /// The end of its path.
    const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
        }
    }

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
        }
    }
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address.
    #[error("`{0}` is no address: it wants one such as http://127.0.0.1:8000/v1")]
    NotAnAddress(String),
    /// It holds a password, which would stand in logs and in the list of processes.
    #[error("the address holds a name or a password; hand the key over with --api-key-env instead")]
    Secret,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// From a base address. Without a path, `/v1` is put in; the path of the interface is added unless it stands there.
    ///
    /// # Errors
    /// If it is no http or https address, or holds a secret.
    pub fn new(text: &str, api: Api) -> Result<Self, EndpointError> {
        let wrong = || EndpointError::NotAnAddress(crate::report::escape::line(text).into_owned());
        let mut url = Url::parse(text.trim()).map_err(|_| wrong())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Secret);
        }
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        let path = match path.as_str() {
            "" => format!("/v1{}", api.path()),
            whole if whole.ends_with(api.path()) => path,
            base => format!("{base}{}", api.path()),
        };
        url.set_path(&path);
        Ok(Self { url })
    }

    /// The whole address.
    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    /// The address for people and for the record: without a query, which may hold a key.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.url.host_str().unwrap_or_default())
    }
}

/// What is the same in all requests.
#[derive(Debug, Clone)]
pub struct Fields {
    /// The interface.
    pub api: Api,
    /// The model, as the server calls it.
    pub model: String,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// Whether the server is asked to tell what was used.
    pub usage: bool,
    /// Further fields of the body; `null` takes one away.
    pub extra: Map<String, Value>,
}

/// The body of one request: streamed, without chance in the choice of words, and with a seed for what chance is left.
pub(super) fn body(fields: &Fields, prompt: &Given, seed: u64) -> Value {
    let mut body = json!({
        "model": fields.model,
        "stream": true,
        "temperature": 0,
        // Some servers keep the seed in 32 bits with a sign.
        "seed": seed & 0x7fff_ffff,
        "max_tokens": fields.max_tokens,
    });
    let Some(map) = body.as_object_mut() else { return body };
    match (fields.api, prompt) {
        (Api::Chat, Given::Messages(messages)) => map.insert("messages".into(), messages.clone()),
        (Api::Chat, Given::Text(text)) => map.insert("messages".into(), json!([{ "role": "user", "content": text }])),
        (Api::Completions, prompt) => map.insert("prompt".into(), prompt.text().into()),
    };
    if fields.usage {
        map.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    for (name, value) in &fields.extra {
        match value {
            Value::Null => map.shift_remove(name),
            value => map.insert(name.clone(), value.clone()),
        };
    }
    body
}

#[cfg(test)]
mod tests {
    use super::{Api, Endpoint, EndpointError, Fields, body};
    use crate::llm::prompts::Given;
    use serde_json::{Map, json};

    fn shown(text: &str, api: Api) -> String {
        Endpoint::new(text, api).unwrap().shown()
    }

    #[test]
    fn the_path_is_found_from_what_is_given() {
        assert_eq!(shown("http://h:8000", Api::Chat), "http://h:8000/v1/chat/completions");
        assert_eq!(shown("http://h:8000/", Api::Completions), "http://h:8000/v1/completions");
        assert_eq!(shown("https://h/v1/", Api::Chat), "https://h/v1/chat/completions");
        assert_eq!(shown("https://h/openai/v1/chat/completions", Api::Chat), "https://h/openai/v1/chat/completions");
        assert_eq!(shown("https://h/v1?key=secret#x", Api::Chat), "https://h/v1/chat/completions");
        assert_eq!(Endpoint::new("http://[::1]:8000", Api::Chat).unwrap().host(), "[::1]:8000");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "h:8000", "ftp://h/", "file:///etc/passwd", "/v1"] {
            assert!(matches!(Endpoint::new(wrong, Api::Chat), Err(EndpointError::NotAnAddress(_))), "{wrong}");
        }
        let error = Endpoint::new("http://user:hunter2@h/", Api::Chat).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn bodies_of_both_interfaces() {
        let mut fields = Fields { api: Api::Chat, model: "m".into(), max_tokens: 8, usage: true, extra: Map::new() };
        let text = Given::Text("hello".into());
        assert_eq!(
            body(&fields, &text, 1 << 40 | 5),
            json!({"model": "m", "stream": true, "temperature": 0, "seed": 5, "max_tokens": 8,
                "messages": [{"role": "user", "content": "hello"}], "stream_options": {"include_usage": true}})
        );
        fields.api = Api::Completions;
        fields.usage = false;
        fields.extra = json!({"ignore_eos": true, "seed": null, "temperature": 1}).as_object().unwrap().clone();
        assert_eq!(
            body(&fields, &text, 5),
            json!({"model": "m", "stream": true, "temperature": 1, "max_tokens": 8, "prompt": "hello", "ignore_eos": true})
        );
    }
}
