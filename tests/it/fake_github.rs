//! A GitHub that keeps what is written to it: comments, checks, statuses, and the faults that a test asks for.
//!
//! With `BACKSIGHT_GITHUB_DESCRIPTION` (an address, see `tests/platforms/`) each request is also held against GitHub's own
//! description of its API; one that this does not allow fails the test.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its server has failed")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

/// What a request meets instead of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Which requests: the method and the beginning of the path.
    pub(crate) on: (&'static str, &'static str),
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
    /// Whether the request is carried out all the same.
    pub(crate) is_done: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) login: String,
    pub(crate) body: String,
    pub(crate) minimized: bool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) comments: Vec<Comment>,
    pub(crate) checks: Vec<Value>,
    pub(crate) statuses: Vec<Value>,
    pub(crate) pulls: Vec<Value>,
    pub(crate) requests: Vec<String>,
    /// The paths as they were asked for.
    pub(crate) asked: Vec<String>,
    pub(crate) faults: VecDeque<Fault>,
    /// Who the token's user is; absent for an app's token, which may not ask.
    pub(crate) user: Option<String>,
    /// The longest time that an answer takes, in milliseconds; half before and half after it is carried out.
    pub(crate) latency: u64,
    /// Requests that GitHub's description does not allow.
    violations: Vec<String>,
    next: u64,
}

/// A running server.
pub(crate) struct FakeGithub {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl FakeGithub {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { next: 1000, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// A comment that somebody else wrote.
    pub(crate) fn comment(&self, pull: u64, login: &str, body: &str) {
        self.state().add_comment(pull, login, body);
    }

    /// The comments that begin with the mark of ours.
    pub(crate) fn ours(&self) -> Vec<Comment> {
        let all = self.state().comments.clone();
        all.into_iter().filter(|comment| comment.body.starts_with("<!-- backsight:report:")).collect()
    }

    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }
}

impl Drop for FakeGithub {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = self.state().violations.clone();
            assert!(violations.is_empty(), "GitHub's description does not allow: {violations:#?}");
        }
    }
}

impl State {
    fn add_comment(&mut self, pull: u64, login: &str, body: &str) -> Value {
        self.next += 1;
        let comment = Comment { id: self.next, pull, login: login.into(), body: body.into(), minimized: false };
        self.comments.push(comment.clone());
        told(&comment)
    }
}

fn told(comment: &Comment) -> Value {
    let kind = if comment.login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({
        "id": comment.id, "node_id": format!("IC_{}", comment.id), "body": comment.body,
        "html_url": format!("https://github.test/octo/demo/pull/{}#issuecomment-{}", comment.pull, comment.id),
        "user": { "login": comment.login, "type": kind, "id": 1 },
    })
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => token = value.trim().to_owned(),
            "transfer-encoding" => length = usize::MAX,
            _ => {}
        }
    }
    let body = if length == usize::MAX { chunked(&mut reader) } else { exactly(&mut reader, length) };
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = path;
    // Asked as a proxy, or as an Enterprise Server.
    let path = asked.strip_prefix("http://github.invalid").unwrap_or(&asked).to_owned();
    let path = path.strip_prefix("/api/v3").map_or_else(|| path.replace("/api/graphql", "/graphql"), str::to_owned);
    if let Some(violation) = refused_by_description(&method, &path, &body) {
        state.lock().unwrap().violations.push(violation);
    }
    let latency = state.lock().unwrap().latency;
    pause(latency);
    state.lock().unwrap().asked.push(asked);
    let (status, headers, answer) = answer(&mut state.lock().unwrap(), &method, &path, &json, &token);
    pause(latency);
    let text = if answer.is_null() { String::new() } else { answer.to_string() };
    let mut head =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nContent-Type: application/json\r\n", text.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{text}").as_bytes());
}

/// What the server of GitHub's description says against a request, if there is such a server.
fn refused_by_description(method: &str, path: &str, body: &[u8]) -> Option<String> {
    let address = std::env::var("BACKSIGHT_GITHUB_DESCRIPTION").ok().filter(|address| !address.is_empty())?;
    // GraphQL has a description of its own, and webhooks are not GitHub's.
    if path == "/graphql" || path.starts_with("/hooks/") {
        return None;
    }
    let mut stream = TcpStream::connect(&address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer x\r\nAccept: application/vnd.github+json\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_to_string(&mut answer).unwrap();
    let status: u16 = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status >= 400).then(|| format!("{method} {path}: {answer}"))
}

fn pause(latency: u64) {
    if latency > 0 {
        let random = uuid::Uuid::now_v7().as_u128() as u64;
        std::thread::sleep(Duration::from_millis(random % (latency / 2 + 1)));
    }
}

fn exactly(reader: &mut impl Read, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

fn chunked(reader: &mut impl BufRead) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        body.extend(exactly(reader, length));
        let mut end = String::new();
        reader.read_line(&mut end).unwrap();
        if length == 0 {
            return body;
        }
    }
}

type Answer = (u16, Vec<(&'static str, String)>, Value);

fn answer(state: &mut State, method: &str, path: &str, body: &Value, token: &str) -> Answer {
    state.requests.push(format!("{method} {path}"));
    let fault = state.faults.iter().position(|fault| fault.on.0 == method && path.starts_with(fault.on.1));
    if let Some(fault) = fault.and_then(|index| state.faults.remove(index)) {
        if fault.is_done {
            route(state, method, path, body, token);
        }
        return (fault.status, fault.headers, fault.body);
    }
    route(state, method, path, body, token)
}

fn route(state: &mut State, method: &str, path: &str, body: &Value, token: &str) -> Answer {
    if !token.starts_with("Bearer ") {
        return (401, Vec::new(), json!({ "message": "Requires authentication" }));
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let login = state.user.clone().unwrap_or_else(|| "github-actions[bot]".into());
    match (method, parts.as_slice()) {
        ("GET", ["user"]) => match &state.user {
            Some(user) => (200, Vec::new(), json!({ "login": user, "type": "User", "id": 1 })),
            None => (403, Vec::new(), json!({ "message": "Resource not accessible by integration" })),
        },
        ("GET", ["repos", _, _, "issues", number, "comments"]) => page(state, number, query),
        ("POST", ["repos", _, _, "issues", number, "comments"]) => {
            let text = body["body"].as_str().unwrap_or_default().to_owned();
            if text.encode_utf16().count() > 65_536 {
                return (
                    422,
                    Vec::new(),
                    json!({ "message": "Validation Failed: body is too long (maximum is 65536 characters)" }),
                );
            }
            (201, Vec::new(), state.add_comment(number.parse().unwrap(), &login, &text))
        }
        (_, ["repos", _, _, "issues", "comments", id]) => one_comment(state, method, id.parse().unwrap(), body),
        ("POST", ["repos", _, _, "check-runs"]) => {
            state.checks.push(body.clone());
            (201, Vec::new(), json!({ "id": state.checks.len(), "html_url": "https://github.test/check" }))
        }
        ("PATCH", ["repos", _, _, "check-runs", id]) => {
            let index: usize = id.parse().unwrap();
            let more = body["output"]["annotations"].as_array().cloned().unwrap_or_default();
            let all = state.checks[index - 1]["output"]["annotations"].as_array_mut().unwrap();
            all.extend(more);
            (200, Vec::new(), json!({ "id": index }))
        }
        ("POST", ["repos", _, _, "statuses", sha]) => {
            let mut status = body.clone();
            status["sha"] = json!(sha);
            state.statuses.push(status);
            (201, Vec::new(), json!({ "id": 1 }))
        }
        ("GET", ["repos", _, _, "pulls"]) => {
            let wanted =
                query.split('&').find_map(|pair| pair.strip_prefix("head=")).unwrap_or_default().replace("%3A", ":");
            let found = state.pulls.iter().filter(|pull| pull["head"]["label"] == json!(wanted)).cloned();
            (200, Vec::new(), found.collect())
        }
        ("GET", ["repos", _, _, "commits", sha, "pulls"]) => {
            let found = state.pulls.iter().filter(|pull| pull["head"]["sha"] == json!(sha)).cloned();
            (200, Vec::new(), found.collect())
        }
        ("POST", ["graphql"]) => {
            let id = body["variables"]["id"].as_str().unwrap_or_default().trim_start_matches("IC_").to_owned();
            let away = body["query"].as_str().unwrap_or_default().contains("{ minimizeComment");
            let comment = state.comments.iter_mut().find(|comment| comment.id.to_string() == id);
            comment.into_iter().for_each(|comment| comment.minimized = away);
            (200, Vec::new(), json!({ "data": {} }))
        }
        _ => (404, Vec::new(), json!({ "message": "Not Found" })),
    }
}

fn page(state: &State, number: &str, query: &str) -> Answer {
    let value = |name: &str, or: usize| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.and_then(|text| text.parse().ok()).unwrap_or(or)
    };
    let (size, at) = (value("per_page", 30).min(100), value("page", 1));
    let all: Vec<&Comment> = state.comments.iter().filter(|comment| comment.pull.to_string() == number).collect();
    let here: Vec<Value> = all.iter().skip((at - 1) * size).take(size).map(|comment| told(comment)).collect();
    let link = (all.len() > at * size).then(|| ("Link", "<http://next>; rel=\"next\"".to_owned()));
    (200, link.into_iter().collect(), Value::Array(here))
}

fn one_comment(state: &mut State, method: &str, id: u64, body: &Value) -> Answer {
    let Some(index) = state.comments.iter().position(|comment| comment.id == id) else {
        return (404, Vec::new(), json!({ "message": "Not Found" }));
    };
    if method == "DELETE" {
        state.comments.remove(index);
        return (204, Vec::new(), Value::Null);
    }
    let text = body["body"].as_str().unwrap_or_default();
    if text.encode_utf16().count() > 65_536 {
        return (
            422,
            Vec::new(),
            json!({ "message": "Validation Failed: body is too long (maximum is 65536 characters)" }),
        );
    }
    state.comments[index].body = text.to_owned();
    (200, Vec::new(), told(&state.comments[index]))
}
