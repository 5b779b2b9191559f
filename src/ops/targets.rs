//! Which targets this host can execute, found out rung by rung: device, driver, library, provider, one operation.
//!
//! The lower rungs are read from files. The upper ones load drivers, which can hang or end a process, so each target is
//! tried in a process of its own with a time limit.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::load::Loaded;
use crate::host::{self, BrowserFacts};
use crate::onnx::{climb, find};
use crate::pipeline::TARGETS;
use crate::results::TargetProbe;

/// How long one target may take.
pub const LIMIT: Duration = Duration::from_secs(20);
/// How often it is looked whether it is done.
const TICK: Duration = Duration::from_millis(5);
/// The most that is read of an answer, in bytes.
const MOST: u64 = 1 << 20;

/// What the browser told: it is asked once, whatever many targets live in it.
static ASKED: OnceLock<Result<BrowserFacts, String>> = OnceLock::new();

/// How far up a ladder is climbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Height {
    /// Device and driver: all that commands need to be started.
    Driver,
    /// One operation by ONNX Runtime, too.
    Operation,
}

/// Where targets are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `/` in life.
    pub root: &'a Path,
    /// The folder in which a virtual environment may be.
    pub folder: &'a Path,
    /// Our own program.
    pub program: &'a Path,
    /// How long one target may take.
    pub limit: Duration,
}

/// Our own program.
pub(super) fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "backsight".into())
}

/// Whether a target lives in a browser.
fn is_of_browser(target: &str) -> bool {
    matches!(target, "webgpu" | "webnn" | "wasm")
}

/// What is found out of a target.
pub fn probe(target: &str, height: Height, place: Place<'_>) -> TargetProbe {
    let ladder = host::device(place.root, target);
    match (is_of_browser(target), height) {
        (true, Height::Driver) => match host::browser(&|name| std::env::var(name).ok()) {
            Some(browser) => ladder.climbed("library", format!("{}; not asked yet", browser.display())),
            None => ladder.lacks("library", "no_runtime", host::BrowserError::Missing.to_string()),
        },
        (true, Height::Operation) => {
            let told = ASKED.get_or_init(|| asked(place.limit));
            of_browser(ladder, told.as_ref().map_err(String::as_str))
        }
        (false, Height::Operation) if ladder.is_available() => apart(ladder, target, place),
        (false, _) => ladder,
    }
}

/// What is found out of the targets that a pipeline asks for. A target that models run on by ONNX Runtime is tried up to
/// an operation; not so the processor, where a runtime that is missing is the fault of the step, not a lack of the host.
pub(super) fn of_pipeline(loaded: &Loaded, height: Height) -> Vec<TargetProbe> {
    let (pipeline, program) = (loaded.pipeline(), program());
    let place = Place { root: Path::new("/"), folder: &loaded.workspace, program: &program, limit: LIMIT };
    let tests = pipeline.tests.iter().map(|step| (&step.common, step.onnx.is_some()));
    let benchmarks = pipeline.benchmarks.iter().map(|step| (&step.common, step.onnx.is_some()));
    let generations = pipeline.generations.iter().map(|step| (&step.common, false));
    let mut wanted: BTreeMap<&str, bool> = [("cpu", false)].into();
    wanted.extend(pipeline.require.iter().map(|target| (target.as_str(), false)));
    for (common, onnx) in generations.chain(tests).chain(benchmarks) {
        for target in &common.targets {
            *wanted.entry(target).or_default() |= onnx && target != "cpu";
        }
    }
    let one = |target: &str| {
        let own = if *wanted.get(target)? || is_of_browser(target) { height } else { Height::Driver };
        Some(probe(target, own, place))
    };
    TARGETS.into_iter().filter_map(one).collect()
}

/// Environment variables that tell a step of its target.
pub(super) fn environment(probe: &TargetProbe, env: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let visible = match probe.target.as_str() {
        "cuda" | "tensorrt" => env.get("CUDA_VISIBLE_DEVICES").or_else(|| env.get("NVIDIA_VISIBLE_DEVICES")),
        "rocm" | "migraphx" => env.get("ROCR_VISIBLE_DEVICES").or_else(|| env.get("HIP_VISIBLE_DEVICES")),
        _ => None,
    };
    let mut told = vec![("BACKSIGHT_DEVICE_INDEX".to_owned(), "0".to_owned())];
    let found =
        probe.device.clone().or_else(|| Some(probe.rungs.iter().find(|rung| rung.name == "device")?.found.clone()));
    told.extend(found.map(|device| ("BACKSIGHT_DEVICE".to_owned(), device)));
    told.extend(visible.map(|devices| ("BACKSIGHT_VISIBLE_DEVICES".to_owned(), devices.clone())));
    told
}

/// Climbs on in this process; for the process that [`probe`] starts.
pub fn climb_here(target: &str, folder: &Path) -> TargetProbe {
    let ladder = host::device(Path::new("/"), target);
    if !ladder.is_available() {
        return ladder;
    }
    let found = match find(None, &|name| std::env::var(name).ok(), folder) {
        Ok(found) => found,
        Err(error) => return ladder.lacks("library", error.code(), error.to_string()),
    };
    match tempfile::tempdir() {
        Ok(scratch) => climb(ladder, &found, scratch.path()),
        Err(error) => ladder.breaks("operation", "no_place", format!("no folder for a small model: {error}")),
    }
}

fn asked(limit: Duration) -> Result<BrowserFacts, String> {
    let Some(browser) = host::browser(&|name| std::env::var(name).ok()) else {
        return Err(host::BrowserError::Missing.to_string());
    };
    host::ask_browser(&browser, limit).map_err(|error| error.to_string())
}

fn of_browser(ladder: TargetProbe, told: Result<&BrowserFacts, &str>) -> TargetProbe {
    let facts = match told {
        Ok(facts) => facts,
        Err(text) => return ladder.lacks("library", "no_runtime", text),
    };
    let ladder = ladder.climbed("library", "a headless browser");
    match ladder.target.as_str() {
        "wasm" if facts.wasm_answer == Some(42.0) => {
            TargetProbe { device: Some("the processor, in a browser".into()), ..ladder }
                .climbed("operation", "20 + 22 = 42")
        }
        "wasm" => ladder.breaks("operation", "wrong_answer", format!("20 + 22 is {:?} there", facts.wasm_answer)),
        "webgpu" => webgpu(ladder, facts),
        _ if facts.webnn_context => ladder.climbed("operation", "WebNN gave a context"),
        _ if facts.webnn => {
            let why = facts.webnn_error.as_deref().unwrap_or("it gave no context");
            ladder.lacks("provider", "ep_unavailable", format!("the browser knows WebNN, but: {}", short(why)))
        }
        _ => ladder.lacks("provider", "ep_unavailable", "this browser does not know WebNN"),
    }
}

fn webgpu(ladder: TargetProbe, facts: &BrowserFacts) -> TargetProbe {
    let Some(adapter) = &facts.adapter else {
        let text =
            if facts.webgpu { "the browser has no adapter for WebGPU" } else { "this browser does not know WebGPU" };
        return ladder.lacks("device", "no_device", text);
    };
    let title = adapter.title();
    let ladder = TargetProbe { device: Some(title.clone()), ..ladder }.climbed("device", title);
    match facts.webgpu_answer {
        Some(42.0) => ladder.climbed("operation", "21 + 21 = 42"),
        answer => {
            let why = facts.error.as_deref().map(|error| format!(" ({})", short(error))).unwrap_or_default();
            ladder.breaks("operation", "wrong_answer", format!("21 + 21 is {answer:?} there{why}"))
        }
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Climbs on in a process of its own.
fn apart(ladder: TargetProbe, target: &str, place: Place<'_>) -> TargetProbe {
    let child = Command::new(place.program)
        .args(["onnx", "probe", "--folder"])
        .arg(place.folder)
        .args(["--", target])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            return ladder.breaks("library", "not_started", format!("our own program cannot be started: {error}"));
        }
    };
    let mut output = child.stdout.take();
    // What it says fits into a pipe, so it may be read when it has ended.
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if began.elapsed() < place.limit => std::thread::sleep(TICK),
            Ok(None) => {
                break Err(format!(
                    "it gave no answer within {} s and was ended: its driver hangs",
                    place.limit.as_secs_f64()
                ));
            }
            Err(error) => break Err(format!("it cannot be waited for: {error}")),
        }
    };
    let status = match status {
        Ok(status) => status,
        Err(text) => {
            let _ended = child.kill();
            // One that is stuck in its driver cannot be reaped; waiting for it would hang as well.
            let _reaped = child.try_wait();
            return ladder.breaks("library", "timeout", text);
        }
    };
    let mut text = Vec::new();
    let read = output.as_mut().map(|output| output.take(MOST).read_to_end(&mut text));
    let answer = read.and_then(Result::ok).and_then(|_| serde_json::from_slice::<TargetProbe>(&text).ok());
    answer.unwrap_or_else(|| {
        ladder.breaks("library", "crashed", format!("the process that tried it ended with {status}"))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use super::{Height, Place, of_browser, probe};
    use crate::host::{Adapter, BrowserFacts};
    use crate::results::{TargetProbe, TargetState};

    fn with_program(text: &str, height: Height) -> TargetProbe {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let limit = Duration::from_millis(400);
        let place = Place { root: folder.path(), folder: folder.path(), program: &program, limit };
        probe("cpu", height, place)
    }

    fn code(probe: &TargetProbe) -> (TargetState, &str) {
        (probe.state, probe.reason.as_ref().map_or("", |reason| reason.code.as_str()))
    }

    #[test]
    fn a_driver_that_hangs_or_crashes_is_cut_off() {
        assert_eq!(code(&with_program("sleep 60", Height::Operation)), (TargetState::Broken, "timeout"));
        assert_eq!(code(&with_program("kill -SEGV $$", Height::Operation)), (TargetState::Broken, "crashed"));
        assert_eq!(code(&with_program("echo nonsense", Height::Operation)), (TargetState::Broken, "crashed"));
        assert_eq!(code(&with_program("sleep 60", Height::Driver)), (TargetState::Available, ""));
        let answer = r#"echo '{"target":"cpu","state":"unavailable","reason":{"code":"no_runtime","text":"x"}}'"#;
        assert_eq!(code(&with_program(answer, Height::Operation)), (TargetState::Unavailable, "no_runtime"));
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let root = tempfile::tempdir().unwrap();
        let program = Path::new("/nowhere/backsight");
        let place = Place { root: root.path(), folder: root.path(), program, limit: Duration::from_secs(1) };
        assert_eq!(code(&probe("cpu", Height::Operation, place)), (TargetState::Broken, "not_started"));
    }

    #[test]
    fn a_browser_counts_only_with_an_adapter_that_computes() {
        let of = |target: &str, facts: &BrowserFacts| of_browser(TargetProbe::begin(target), Ok(facts));
        let nothing = BrowserFacts::default();
        assert_eq!(code(&of("webgpu", &nothing)), (TargetState::Unavailable, "no_device"));
        assert_eq!(code(&of("webnn", &nothing)), (TargetState::Unavailable, "ep_unavailable"));
        assert_eq!(code(&of("wasm", &nothing)), (TargetState::Broken, "wrong_answer"));
        let adapter = Adapter { architecture: "swiftshader".into(), software: true, ..Adapter::default() };
        let wrong = BrowserFacts { adapter: Some(adapter), webgpu: true, webgpu_answer: Some(0.0), ..nothing };
        assert_eq!(code(&of("webgpu", &wrong)), (TargetState::Broken, "wrong_answer"));
        let right = BrowserFacts { webgpu_answer: Some(42.0), wasm_answer: Some(42.0), webnn_context: true, ..wrong };
        let found = of("webgpu", &right);
        assert!(found.is_available() && found.device.is_some_and(|device| device.contains("software")));
        assert!(of("wasm", &right).is_available());
        let none = of_browser(TargetProbe::begin("wasm"), Err("no browser"));
        assert_eq!(code(&none), (TargetState::Unavailable, "no_runtime"));
    }
}
