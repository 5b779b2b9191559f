//! A workspace in a temporary folder and the real binary in it, its environment empty but for what a test sets: the CI
//! that runs these tests must not be seen by the runs they start.
//!
//! Each results document that comes to light is read back through the types, and copied to the folder in
//! `$BACKSIGHT_TEST_DOCUMENTS`, where `scripts/test` has all of them validated by a program that is not ours.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use backsight::results::{Case, Document, Step};
use backsight::store::{FolderState, RunFolder};

const BINARY: &str = env!("CARGO_BIN_EXE_backsight");
/// After this time a wait has failed; nothing that passes takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A workspace.
pub(crate) struct Sandbox {
    root: tempfile::TempDir,
    env: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that still runs; its output goes to files beside the workspace.
pub(crate) struct Running<'a> {
    sandbox: &'a Sandbox,
    child: Child,
}

impl Sandbox {
    /// An empty workspace.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("backsight-test-").tempdir().unwrap();
        fs::create_dir_all(root.path().join("work")).unwrap();
        fs::create_dir_all(root.path().join("home")).unwrap();
        Self { root, env: Vec::new() }
    }

    /// A workspace with this `backsight.yml`.
    pub(crate) fn with(pipeline: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("backsight.yml", pipeline);
        sandbox
    }

    /// Sets a variable for all commands that follow.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder of the pipeline file.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// A path in the workspace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    /// Writes a file, its folders with it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned()
    }

    /// A command that is ours, with a clean environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(BINARY, args)
    }

    /// Another program in the workspace, in the same environment; `$BACKSIGHT` is our binary.
    pub(crate) fn command_of(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.work()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.root.path().join("home"));
        command.env("LANG", "C.UTF-8").env("BACKSIGHT", BINARY);
        // Where a coverage tool looks on, its counters must find their place.
        if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
            command.env("LLVM_PROFILE_FILE", profile);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs backsight to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        self.finish(&mut self.command(args))
    }

    /// Runs any command to its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let outcome = Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
        self.keep_documents();
        outcome
    }

    /// Runs backsight to its end, with its largest resident size in KiB: by the system's own account, which counts the
    /// largest of a process and the children that it waited for.
    pub(crate) fn measured(&self, args: &[&str]) -> (u64, Outcome) {
        let script = "import os, sys; pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n\
                      status, usage = os.wait4(pid, 0)[1:]\n\
                      print(usage.ru_maxrss); sys.exit(os.waitstatus_to_exitcode(status))";
        let all: Vec<&str> = ["-c", script, BINARY].into_iter().chain(args.iter().copied()).collect();
        let outcome = self.finish(&mut self.command_of("python3", &all));
        let last = outcome.stdout.lines().last().unwrap_or_default();
        (last.parse().unwrap_or_else(|_| panic!("{outcome:?}")), outcome)
    }

    /// Starts backsight and leaves it running.
    pub(crate) fn start(&self, args: &[&str]) -> Running<'_> {
        let file = |name: &str| File::create(self.root.path().join(name)).unwrap();
        let child = self.command(args).stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Running { sandbox: self, child }
    }

    /// The folders of all runs, the oldest first.
    pub(crate) fn run_folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(".backsight/runs")).into_iter().flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    }

    /// The folder of the newest run.
    pub(crate) fn newest(&self) -> PathBuf {
        self.run_folders().pop().unwrap_or_else(|| panic!("no run left a folder"))
    }

    /// The document of the newest run.
    pub(crate) fn document(&self) -> Document {
        read_document(&fs::read_to_string(self.newest().join("results.json")).unwrap())
    }

    /// A file of the newest run's folder.
    pub(crate) fn report(&self, name: &str) -> String {
        fs::read_to_string(self.newest().join(name)).unwrap()
    }

    fn keep_documents(&self) {
        for folder in self.run_folders() {
            if let Ok(text) = fs::read_to_string(folder.join("results.json")) {
                read_document(&text);
            }
        }
    }

    /// Everything below the workspace, as bytes, with its path.
    pub(crate) fn all_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.work()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => open.push(entry.path()),
                    kind if kind.is_file() => found.push((entry.path(), fs::read(entry.path()).unwrap())),
                    _ => {}
                }
            }
        }
        found
    }
}

impl Running<'_> {
    /// What it has said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.sandbox.root.path().join("stderr")).unwrap()).into_owned()
    }

    /// Sends a signal to the process itself.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it at once, with SIGKILL, and tells what it had said. A child that it was just starting may hold its lock
    /// until that child executes its program, so the end of that is waited for too.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let runs = self.sandbox.path(".backsight/runs");
        let goes_on = |folder: &RunFolder| matches!(folder.state().unwrap(), FolderState::Running(_));
        wait_for(|| !RunFolder::all(&runs).unwrap().iter().any(goes_on), "the lock of a run that is dead");
        self.stderr()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Outcome {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => {
                    self.child.kill().unwrap();
                    panic!("it does not end:\n{}", self.stderr());
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let stdout = fs::read(self.sandbox.root.path().join("stdout")).unwrap();
        let stdout = String::from_utf8_lossy(&stdout).into_owned();
        self.sandbox.keep_documents();
        Outcome { code: status.code().unwrap_or(-1), stdout, stderr: self.stderr() }
    }
}

impl Outcome {
    /// Asserts the exit code and that standard error holds these words.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "standard error lacks `{word}`:\n{}", self.stderr);
        }
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    /// The document on standard output.
    pub(crate) fn document(&self) -> Document {
        read_document(&self.stdout)
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_for(holds: impl Fn() -> bool, what: &str) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads a document, and leaves a copy for the validator of `scripts/test`.
pub(crate) fn read_document(text: &str) -> Document {
    let document: Document = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    if let Some(folder) = std::env::var_os("BACKSIGHT_TEST_DOCUMENTS") {
        let name = format!("{}-{}.json", document.run.id, document.run.status.as_str());
        fs::write(Path::new(&folder).join(name), text).unwrap();
    }
    document
}

/// The step with this id.
#[track_caller]
pub(crate) fn step<'a>(document: &'a Document, id: &str) -> &'a Step {
    let found = document.steps.iter().find(|step| step.id == id);
    found.unwrap_or_else(|| panic!("no step {id} in {:?}", document.steps))
}

/// The case with this name.
#[track_caller]
pub(crate) fn case<'a>(document: &'a Document, name: &str) -> &'a Case {
    let found = document.cases.iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("no case {name} in {:?}", document.cases))
}

/// Asserts that a text is well-formed XML, by another parser than ours.
#[track_caller]
pub(crate) fn assert_xml(text: &str) {
    use std::io::Write;
    let parse = "import sys, xml.dom.minidom; xml.dom.minidom.parseString(sys.stdin.buffer.read())";
    let mut python = Command::new("python3").args(["-c", parse]).stdin(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success(), "not well-formed:\n{text}");
}

/// A JUnit file of passed cases with these names; names are escaped.
pub(crate) fn junit(cases: &[&str]) -> String {
    let case = |name: &&str| format!("<testcase classname=\"c\" name=\"{name}\" time=\"0.01\"/>");
    let cases: String = cases.iter().map(case).collect();
    format!("<testsuite name=\"s\" tests=\"1\">{cases}</testsuite>")
}
