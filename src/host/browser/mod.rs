//! What a real browser can compute with: a headless one is opened on a page of ours that asks for its adapters, lets each
//! do one operation, and tells us.
//!
//! The page is served on the loopback interface to whoever comes first, and the answer is only believed to be text.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::tree::fact;

const PAGE: &str = include_str!("page.html");
/// The longest line and body that are read, in bytes.
const MOST: u64 = 64 * 1024;
/// How often it is looked whether the browser has come.
const TICK: Duration = Duration::from_millis(10);

/// The names under which Chromium and its kin are installed.
const NAMES: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge", "brave-browser"];

/// What a browser told.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BrowserFacts {
    /// The sum that WebAssembly gave of 20 and 22.
    pub wasm_answer: Option<f64>,
    /// Whether WebGPU is there at all.
    pub webgpu: bool,
    /// Its adapter.
    pub adapter: Option<Adapter>,
    /// What the adapter gave for 21 + 21.
    pub webgpu_answer: Option<f64>,
    /// Whether WebNN is there at all.
    pub webnn: bool,
    /// Whether it gave a context.
    pub webnn_context: bool,
    /// Why it gave none.
    pub webnn_error: Option<String>,
    /// What else went wrong.
    pub error: Option<String>,
}

/// A graphics adapter, as the browser names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Adapter {
    /// `nvidia`, `google`, ...
    pub vendor: String,
    /// `ampere`, `swiftshader`, ...
    pub architecture: String,
    /// A number or name.
    pub device: String,
    /// A name for people.
    pub description: String,
    /// Whether the processor does its work.
    pub software: bool,
}

impl Adapter {
    /// For people, a software adapter named as such.
    pub fn title(&self) -> String {
        let words = [&self.vendor, &self.architecture, &self.description, &self.device];
        let words: Vec<String> = words.into_iter().filter_map(|word| fact(word)).collect();
        let name = if words.is_empty() { "unnamed adapter".to_owned() } else { words.join(" ") };
        if self.software || self.architecture == "swiftshader" {
            format!("{name} (software: the processor does its work)")
        } else {
            name
        }
    }
}

/// Why a browser told nothing.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// There is none.
    #[error("no browser was found ({}); install chromium, or name one in BACKSIGHT_BROWSER", NAMES.join(", "))]
    Missing,
    /// It does not start.
    #[error("{} cannot be started: {source}", browser.display())]
    Start {
        /// The program.
        browser: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It told nothing in time.
    #[error("{} told nothing within {} s and was ended", browser.display(), limit.as_secs())]
    Silent {
        /// The program.
        browser: PathBuf,
        /// How long it had.
        limit: Duration,
    },
    /// It ended by itself.
    #[error("{} ended before it told anything ({status})", browser.display())]
    Ended {
        /// The program.
        browser: PathBuf,
        /// How it ended.
        status: String,
    },
    /// The system gives no place to talk.
    #[error("no place to talk to a browser: {0}")]
    Io(#[from] io::Error),
}

/// The browser of this host: `BACKSIGHT_BROWSER`, or the first that the path has.
pub fn browser(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(named) = env("BACKSIGHT_BROWSER").filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let path = env("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| NAMES.iter().map(move |name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// Opens a browser and asks it, within a time limit.
///
/// # Errors
/// If it cannot be started, or tells nothing in time.
pub fn ask_browser(browser: &Path, limit: Duration) -> Result<BrowserFacts, BrowserError> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let profile = tempfile::tempdir()?;
    let address = format!("http://127.0.0.1:{}/", listener.local_addr()?.port());
    let started = Command::new(browser)
        .args(["--headless=new", "--no-first-run", "--disable-extensions", "--disable-background-networking"])
        .args(["--enable-unsafe-webgpu", "--enable-features=WebMachineLearningNeuralNetwork"])
        // Chromium's own sandbox refuses root, which containers of CI usually are; the page is ours.
        .args(rustix::process::geteuid().is_root().then_some("--no-sandbox"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started.map_err(|source| BrowserError::Start { browser: browser.to_owned(), source })?;
    let told = listen(&listener, &mut child, browser, limit);
    // It may have ended already; either way it must not stay.
    let _ended = child.kill();
    let _reaped = child.wait();
    told
}

fn listen(
    listener: &TcpListener,
    child: &mut Child,
    browser: &Path,
    limit: Duration,
) -> Result<BrowserFacts, BrowserError> {
    let began = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                // Whatever one connection does wrong, the next may be the answer.
                if let Ok(Some(body)) = serve(stream)
                    && let Ok(facts) = serde_json::from_slice(&body)
                {
                    return Ok(facts);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Some(status) = child.try_wait()? {
                    return Err(BrowserError::Ended { browser: browser.to_owned(), status: status.to_string() });
                }
                std::thread::sleep(TICK);
            }
            Err(error) => return Err(error.into()),
        }
        if began.elapsed() >= limit {
            return Err(BrowserError::Silent { browser: browser.to_owned(), limit });
        }
    }
}

/// Answers one request; gives the body of the one that tells.
fn serve(stream: TcpStream) -> io::Result<Option<Vec<u8>>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream.take(MOST));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<u64>().unwrap_or(0);
        }
    }
    if request.starts_with("POST /told ") {
        let mut body = Vec::new();
        reader.take(length.min(MOST)).read_to_end(&mut body)?;
        writer.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
        return Ok(Some(body));
    }
    let (status, page) = if request.starts_with("GET / ") { ("200 OK", PAGE) } else { ("404 Not Found", "") };
    write!(
        writer,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    )?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    use super::{Adapter, BrowserError, ask_browser, browser, listen};

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("browser");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_browser_that_hangs_or_breaks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let hangs = ask_browser(&script(folder.path(), "exec sleep 60"), Duration::from_millis(300)).unwrap_err();
        assert!(matches!(hangs, BrowserError::Silent { .. }), "{hangs}");
        let ends = ask_browser(&script(folder.path(), "exit 3"), Duration::from_secs(20)).unwrap_err();
        assert!(ends.to_string().contains("exit status: 3"), "{ends}");
        let none = ask_browser(Path::new("/nowhere/browser"), Duration::from_secs(20)).unwrap_err();
        assert!(matches!(none, BrowserError::Start { .. }), "{none}");
    }

    fn asked(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn what_it_tells_is_taken_and_nonsense_is_not() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let path = script(folder.path(), "exec sleep 60");
        let mut child = Command::new(&path).spawn().unwrap();
        let visitor = std::thread::spawn(move || {
            let post = |body: &str| format!("POST /told HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            assert!(asked(port, "nonsense\r\n\r\n").starts_with("HTTP/1.1 404"));
            assert!(asked(port, &post("{")).starts_with("HTTP/1.1 204"));
            assert!(asked(port, "GET / HTTP/1.1\r\n\r\n").contains("requestAdapter"));
            asked(port, &post(r#"{"webgpu":true,"webgpu_answer":42,"more":[1]}"#))
        });
        let facts = listen(&listener, &mut child, &path, Duration::from_secs(20)).unwrap();
        visitor.join().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((facts.webgpu, facts.webgpu_answer), (true, Some(42.0)));
    }

    #[test]
    fn the_named_one_wins_and_software_is_named() {
        let named = |name: &str| (name == "BACKSIGHT_BROWSER").then(|| "/opt/mine".to_owned());
        assert_eq!(browser(&named), Some(PathBuf::from("/opt/mine")));
        assert_eq!(browser(&|_| None), None);
        let adapter = Adapter { vendor: "google".into(), architecture: "swiftshader".into(), ..Adapter::default() };
        assert_eq!(adapter.title(), "google swiftshader (software: the processor does its work)");
        assert_eq!(Adapter::default().title(), "unnamed adapter");
    }
}
