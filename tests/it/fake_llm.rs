//! A server that speaks as OpenAI's interface does, with answers whose delays are known, and with every fault that a test
//! asks for.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its server has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What a request meets, one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Nothing happens for so many milliseconds.
    Wait(u64),
    /// The head of a stream of events.
    Head,
    /// A piece of output.
    Piece,
    /// The end: the reason, the usage and `[DONE]`.
    End,
    /// Bytes as they are.
    Raw(String),
}

/// A whole answer of so many tokens: the first after `first` milliseconds, the others `gap` apart.
pub(crate) fn answer(first: u64, gap: u64, tokens: usize) -> Vec<Act> {
    let mut acts = vec![Act::Head, Act::Wait(first), Act::Piece];
    acts.extend((1..tokens).flat_map(|_| [Act::Wait(gap), Act::Piece]));
    acts.push(Act::End);
    acts
}

/// An answer that is no stream.
pub(crate) fn status(status: u16, kind: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![Act::Raw(format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))]
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl Asked {
    /// The prompt of a chat.
    pub(crate) fn prompt(&self) -> &str {
        self.body["messages"][0]["content"].as_str().unwrap_or_default()
    }
}

type Script = dyn Fn(usize, &Asked) -> Vec<Act> + Send + Sync;

/// A running server.
pub(crate) struct FakeLlm {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl FakeLlm {
    /// Starts it; the script is told the request's number from zero.
    pub(crate) fn start(script: impl Fn(usize, &Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            script: Box::new(script),
            asked: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, state }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// How many requests were under way at once at the most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state.most_under_way.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, state: &State) {
    stream.set_nodelay(true).unwrap();
    let Some(asked) = read(&stream) else { return };
    let number = {
        let mut all = state.asked.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let now = state.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_under_way.fetch_max(now, Ordering::SeqCst);
    let mut tokens = 0_u64;
    for act in (state.script)(number, &asked) {
        let text = match act {
            Act::Wait(ms) => {
                std::thread::sleep(Duration::from_millis(ms));
                continue;
            }
            Act::Head => {
                "HTTP/1.1 200 OK\r\nServer: fake\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\
                          data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
                    .to_owned()
            }
            Act::Piece => {
                tokens += 1;
                format!("data: {}\n\n", json!({"choices": [{"delta": {"content": format!(" word{tokens}")}}]}))
            }
            Act::End => {
                let usage = json!({"choices": [], "usage": {"completion_tokens": tokens, "prompt_tokens": 21}});
                let last = json!({"choices": [{"delta": {}, "finish_reason": "length"}]});
                format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
            }
            Act::Raw(text) => text,
        };
        // Counted out before the last bytes go: whoever has the answer may send the next request at once.
        if matches!(text.as_str(), text if text.ends_with("[DONE]\n\n")) {
            state.under_way.fetch_sub(1, Ordering::SeqCst);
            let _ = stream.write_all(text.as_bytes());
            return;
        }
        if stream.write_all(text.as_bytes()).is_err() {
            break;
        }
    }
    state.under_way.fetch_sub(1, Ordering::SeqCst);
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return None;
    }
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => authorization = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.split_whitespace().nth(1)?.to_owned();
    Some(Asked { path, authorization, body: serde_json::from_slice(&body).unwrap(), at: Instant::now() })
}
