//! A runner for composite actions, as far as ours needs one: it reads `action.yml` and runs its steps as they stand there, with
//! the files, the environment and the few expressions that GitHub's runner has.
//!
//! Steps that use another action are imitated by copying folders: artifacts and caches lie beside the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use crate::sandbox::wait_for;

/// What stands for the job's token; nothing that is run may see it.
pub(crate) const TOKEN: &str = "ghs_0123456789abcdefTOKEN";

/// A machine with a workspace, an action and a tool cache.
pub(crate) struct Runner {
    root: tempfile::TempDir,
    pub(crate) event_name: &'static str,
    pub(crate) event: Value,
    pub(crate) reference: &'static str,
    /// Variables that the job has, over the usual ones.
    pub(crate) env: BTreeMap<String, String>,
    /// The step whose shell gets a SIGINT as soon as this file is there.
    pub(crate) interrupt: Option<(&'static str, PathBuf)>,
}

/// A step that was run.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) seconds: f64,
}

/// What a job came to.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) steps: Vec<Done>,
    /// The outputs of each step, by `id.name`.
    inner: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
    is_failed: bool,
}

impl Told {
    /// The exit code of the last step that failed, as the job shows it; 0 if none did.
    pub(crate) fn code(&self) -> i32 {
        self.steps.iter().rev().map(|step| step.code).find(|code| *code != 0).unwrap_or(0)
    }

    /// All that the steps said.
    pub(crate) fn text(&self) -> String {
        self.steps.iter().map(|step| format!("== {} ({})\n{}", step.name, step.code, step.text)).collect()
    }

    pub(crate) fn ran(&self, name: &str) -> bool {
        self.steps.iter().any(|step| step.name == name)
    }

    pub(crate) fn inner(&self, name: &str) -> &str {
        self.inner.get(name).map_or("", String::as_str)
    }
}

impl Runner {
    /// With a copy of the action whose source is a line, and no release that it knows of.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("backsight-runner-").tempdir().unwrap();
        let runner = Self {
            root,
            event_name: "push",
            event: json!({ "repository": { "default_branch": "main", "private": false, "full_name": "octo/demo" } }),
            reference: "refs/heads/main",
            env: BTreeMap::new(),
            interrupt: None,
        };
        for folder in
            ["work", "temp", "tools", "home", "artifacts", "caches", "bin", "action/schemas", "action/templates"]
        {
            fs::create_dir_all(runner.at(folder)).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["action.yml", "Cargo.toml", "Cargo.lock"] {
            fs::copy(source.join(name), runner.at("action").join(name)).unwrap();
        }
        copy(&source.join("scripts/action"), &runner.at("action/scripts/action"));
        runner.write("action/src/main.rs", "fn main() {}\n");
        runner
    }

    /// A path beside the workspace.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.at(name)).unwrap()).into_owned()
    }

    /// A program on the path of every step.
    pub(crate) fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(&format!("bin/{name}"), script);
        fs::set_permissions(self.at(&format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Every file below the root whose name ends so.
    pub(crate) fn files_named(&self, end: &str) -> Vec<PathBuf> {
        let (mut found, mut open) = (Vec::new(), vec![self.root.path().to_owned()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.file_name().to_string_lossy().ends_with(end) {
                    found.push(entry.path());
                }
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                }
            }
        }
        found
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=T", "-c", "user.email=t@t.test", "-c", "init.defaultBranch=main"]);
        let told = git.args(arguments).current_dir(self.at("work")).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }

    /// Runs the action with these inputs, in a job of its own.
    pub(crate) fn run(&self, given: &[(&str, &str)]) -> Told {
        let action = read_action();
        let mut inputs: BTreeMap<String, String> = BTreeMap::new();
        let mut told = Told::default();
        for (name, input) in action["inputs"].as_object().unwrap() {
            let default = input["default"].as_str().unwrap();
            inputs.insert(name.clone(), self.filled(default, &BTreeMap::new(), &told));
        }
        for (name, value) in given {
            assert!(inputs.insert((*name).to_owned(), (*value).to_owned()).is_some(), "no input {name}");
        }
        self.write("event.json", self.event.to_string());
        for file in ["github_env", "github_path", "summary.md"] {
            self.write(&format!("temp/{file}"), "");
        }
        for step in action["runs"]["steps"].as_array().unwrap() {
            self.step(step, &inputs, &mut told);
        }
        for (name, output) in action["outputs"].as_object().unwrap() {
            let value = self.filled(output["value"].as_str().unwrap(), &inputs, &told);
            told.outputs.insert(name.clone(), value);
        }
        told.summary = self.read("temp/summary.md");
        told
    }

    fn step(&self, step: &Value, inputs: &BTreeMap<String, String>, told: &mut Told) {
        let condition = step["if"].as_str().unwrap_or("");
        let inside = condition.trim_start_matches("${{").trim_end_matches("}}").trim().to_owned();
        let asks = inside.contains("always()") || inside.contains("cancelled()");
        if (told.is_failed && !asks) || (!inside.is_empty() && !is_true(&self.value(&inside, inputs, told))) {
            return;
        }
        let began = Instant::now();
        let (code, text, outputs) = match step["uses"].as_str() {
            Some(uses) => self.imitate(uses, &step["with"], inputs, told),
            None => self.shell(step, inputs, told),
        };
        let seconds = began.elapsed().as_secs_f64();
        if let Some(id) = step["id"].as_str() {
            told.inner.extend(outputs.into_iter().map(|(name, value)| (format!("{id}.{name}"), value)));
        }
        told.is_failed |= code != 0;
        told.steps.push(Done { name: step["name"].as_str().unwrap().to_owned(), code, text, seconds });
    }

    fn shell(&self, step: &Value, inputs: &BTreeMap<String, String>, told: &Told) -> Answer {
        assert_eq!(step["shell"], "bash");
        self.write("temp/step.sh", step["run"].as_str().unwrap());
        self.write("temp/github_output", "");
        let mut path = self.read("temp/github_path").lines().rev().map(PathBuf::from).collect::<Vec<_>>();
        path.push(self.at("bin"));
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(self.at("temp/step.sh"));
        bash.env_clear().current_dir(self.at("work")).stdin(Stdio::null());
        bash.env("PATH", std::env::join_paths(path).unwrap()).envs(self.surroundings()).envs(&self.env);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            bash.env(name, self.filled(value.as_str().unwrap(), inputs, told));
        }
        let (out, error) = (self.at("temp/said"), fs::File::create(self.at("temp/said")).unwrap());
        bash.stdout(error.try_clone().unwrap()).stderr(error);
        let mut child = bash.spawn().unwrap();
        if let Some((_, sign)) = self.interrupt.as_ref().filter(|(id, _)| step["id"] == *id) {
            wait_for(|| sign.exists(), "the step that is to be interrupted");
            rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
                .unwrap();
        }
        let code = child.wait().unwrap().code().unwrap_or(-1);
        let text = String::from_utf8_lossy(&fs::read(out).unwrap()).into_owned();
        (code, text, outputs(&self.read("temp/github_output")))
    }

    /// What the runner sets for every step.
    fn surroundings(&self) -> Vec<(String, String)> {
        let place = |name: &str| self.at(name).display().to_string();
        let arch = if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" };
        [
            ("HOME", place("home")),
            ("LANG", "C.UTF-8".into()),
            ("CI", "true".into()),
            ("GITHUB_ACTIONS", "true".into()),
            ("GITHUB_ACTION_PATH", place("action")),
            ("GITHUB_WORKSPACE", place("work")),
            ("GITHUB_EVENT_NAME", self.event_name.into()),
            ("GITHUB_EVENT_PATH", place("event.json")),
            ("GITHUB_REF", self.reference.into()),
            ("GITHUB_REF_NAME", self.reference.trim_start_matches("refs/heads/").into()),
            ("GITHUB_REPOSITORY", "octo/demo".into()),
            ("GITHUB_SERVER_URL", "https://github.test".into()),
            ("GITHUB_API_URL", "http://127.0.0.1:9".into()),
            ("GITHUB_RUN_ID", "99".into()),
            ("GITHUB_ENV", place("temp/github_env")),
            ("GITHUB_PATH", place("temp/github_path")),
            ("GITHUB_OUTPUT", place("temp/github_output")),
            ("GITHUB_STEP_SUMMARY", place("temp/summary.md")),
            ("RUNNER_OS", "Linux".into()),
            ("RUNNER_ARCH", arch.into()),
            ("RUNNER_TEMP", place("temp")),
            ("RUNNER_TOOL_CACHE", place("tools")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Other people's actions, by what they would leave.
    fn imitate(&self, uses: &str, with: &Value, inputs: &BTreeMap<String, String>, told: &Told) -> Answer {
        let with = |name: &str| self.filled(with[name].as_str().unwrap_or_default(), inputs, told);
        let failed = |text: String| (1, text, BTreeMap::new());
        let artifacts = self.at("artifacts");
        match uses.split('@').next().unwrap() {
            "actions/upload-artifact" => {
                let to = artifacts.join(with("name"));
                if to.exists() {
                    return failed(format!("an artifact {} is there already", to.display()));
                }
                fs::create_dir_all(&to).unwrap();
                copy(Path::new(&with("path")), &to);
            }
            "actions/download-artifact" if !with("name").is_empty() => {
                let from = artifacts.join(with("name"));
                if !from.exists() {
                    return failed(format!("Artifact not found for name: {}", with("name")));
                }
                copy(&from, Path::new(&with("path")));
            }
            "actions/download-artifact" => {
                let pattern = with("pattern");
                let start = pattern.strip_suffix('*').unwrap();
                for entry in fs::read_dir(&artifacts).unwrap().flatten() {
                    if entry.file_name().to_string_lossy().starts_with(start) {
                        copy(&entry.path(), &Path::new(&with("path")).join(entry.file_name()));
                    }
                }
            }
            "actions/cache" => return self.cache(&with("key"), &with("path")),
            other => panic!("{other} is not imitated"),
        }
        (0, String::new(), BTreeMap::new())
    }

    /// Restores; what is to be saved at the job's end is saved by [`Self::save`].
    fn cache(&self, key: &str, paths: &str) -> Answer {
        let kept = self.at("caches").join(key);
        let hit = kept.exists();
        for (nth, path) in paths.lines().enumerate().filter(|_| hit) {
            copy(&kept.join(nth.to_string()), Path::new(path.trim()));
        }
        fs::write(self.at("temp").join(format!("cache-{key}")), paths).unwrap();
        (0, format!("cache hit: {hit}"), BTreeMap::from([("cache-hit".to_owned(), hit.to_string())]))
    }

    /// What the cache action does when the job has ended.
    pub(crate) fn save(&self, key: &str) {
        let paths = self.read(&format!("temp/cache-{key}"));
        for (nth, path) in paths.lines().enumerate() {
            copy(Path::new(path.trim()), &self.at("caches").join(key).join(nth.to_string()));
        }
    }

    /// A text with its `${{ }}`.
    fn filled(&self, text: &str, inputs: &BTreeMap<String, String>, told: &Told) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (inside, after) = after.split_once("}}").unwrap();
            out.push_str(before);
            out.push_str(&self.value(inside.trim(), inputs, told));
            rest = after;
        }
        out + rest
    }

    /// The value of an expression: `||`, `&&`, `==`, `!=`, `!`, the two status functions, texts and contexts.
    fn value(&self, expression: &str, inputs: &BTreeMap<String, String>, told: &Told) -> String {
        let value = |part: &str| self.value(part.trim(), inputs, told);
        if let Some((left, right)) = expression.split_once("||") {
            let left = value(left);
            return if is_true(&left) { left } else { value(right) };
        }
        if let Some((left, right)) = expression.split_once("&&") {
            let left = value(left);
            return if is_true(&left) { value(right) } else { left };
        }
        for (sign, same) in [("==", true), ("!=", false)] {
            if let Some((left, right)) = expression.split_once(sign) {
                return ((value(left) == value(right)) == same).to_string();
            }
        }
        if let Some(rest) = expression.strip_prefix('!') {
            return (!is_true(&value(rest))).to_string();
        }
        if let Some(text) = expression.strip_prefix('\'') {
            return text.strip_suffix('\'').unwrap().to_owned();
        }
        let parts: Vec<&str> = expression.split('.').collect();
        match parts.as_slice() {
            ["always()"] => "true".into(),
            ["cancelled()"] => "false".into(),
            ["inputs", name] => inputs.get(*name).unwrap_or_else(|| panic!("no input {name}")).clone(),
            ["steps", id, "outputs", name] => told.inner(&format!("{id}.{name}")).to_owned(),
            ["github", "token"] => TOKEN.into(),
            ["github", "action_path"] => self.at("action").display().to_string(),
            ["github", "action_repository"] => "octo/backsight".into(),
            ["github", "event", rest @ ..] => {
                told_as_text(self.event.pointer(&format!("/{}", rest.join("/"))).unwrap_or(&Value::Null))
            }
            _ => panic!("the runner of the tests does not know `{expression}`"),
        }
    }
}

type Answer = (i32, String, BTreeMap<String, String>);

fn told_as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_true(value: &str) -> bool {
    !value.is_empty() && value != "false"
}

/// The action of this repository.
pub(crate) fn read_action() -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    backsight::pipeline::yaml(&text).unwrap()
}

/// Reads a step's outputs: a value between delimiters, or in a line.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, value) = match (line.split_once("<<"), line.split_once('=')) {
            (Some((name, end)), _) if !name.contains('=') => {
                (name, lines.by_ref().take_while(|line| *line != end).collect::<Vec<_>>().join("\n"))
            }
            (_, Some((name, value))) => (name, value.to_owned()),
            _ => panic!("not a step's output: {line}"),
        };
        found.insert(name.to_owned(), value);
    }
    found
}

/// A file, or what is in a folder.
fn copy(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    let mut command = Command::new("cp");
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        command.arg("-a").arg(from.join(".")).arg(to);
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        command.arg("-a").arg(from).arg(to);
    }
    assert!(command.status().unwrap().success(), "{} to {}", from.display(), to.display());
}

/// A server that has files, and counts who asks.
pub(crate) struct Release {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Release {
    /// Every path is answered with these bytes; where there are none, nothing is there.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/releases/download", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &bytes, &shared);
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, bytes: &[u8], asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
    }
    asked.lock().unwrap().push(first.split_whitespace().nth(1).unwrap_or_default().to_owned());
    let status = if bytes.is_empty() { "404 Not Found" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(bytes));
}
