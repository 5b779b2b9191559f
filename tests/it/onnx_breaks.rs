//! What breaks while a model runs: the runtime, the device under it, the memory. The other steps go on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use backsight::host;
use backsight::results::{Document, StepStatus};
use serde_json::Value;

use crate::onnx::{DIRECTION, packages, runtime, sandbox};
use crate::onnx_files::that_grows;
use crate::sandbox::Sandbox;

const SIZES: &str = "shapes: { x.0: 1, x.2: 48, x.3: 192 }";

/// A library that says it is ONNX Runtime of this version, and then ends the process if `crashes`.
fn fake_runtime(folder: &Path, version: &str, crashes: bool) -> PathBuf {
    let (source, library) = (folder.join(format!("{version}.c")), folder.join(format!("lib-{version}-{crashes}.so")));
    let end = if crashes { "__builtin_trap();" } else { "return 0;" };
    let text = format!(
        "struct api {{ const void *(*get)(unsigned); const char *(*version)(void); }};\n\
         static const void *get(unsigned v) {{ {end} }}\nstatic const char *version(void) {{ return \"{version}\"; }}\n\
         static struct api api = {{ get, version }};\nconst struct api *OrtGetApiBase(void) {{ return &api; }}\n"
    );
    fs::write(&source, text).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(built.success());
    library
}

#[test]
fn a_runtime_that_is_old_broken_or_crashes_takes_nothing_along() {
    let Some(packages) = packages() else { return };
    let sandbox = sandbox(&packages, "version: 1\ntests: [{ run: 'true' }]\n");
    let old = fake_runtime(&sandbox.work(), "1.10.0", false);
    sandbox.write("text.so", "this is no library");
    let crashes = fake_runtime(&sandbox.work(), "1.32.0", true);
    let sizes = "shapes: { x.0: 1, x.2: 48, x.3: 192 }";
    sandbox.write(
        "backsight.yml",
        format!(
            "version: 1
tests:
  - {{ name: old, onnx: {{ model: {DIRECTION}, {sizes}, runtime: {old} }} }}
  - {{ name: text, onnx: {{ model: {DIRECTION}, {sizes}, runtime: text.so }} }}
  - {{ name: crashes, onnx: {{ model: {DIRECTION}, {sizes}, runtime: {crashes} }} }}
  - {{ name: good, onnx: {{ model: {DIRECTION}, {sizes} }} }}
benchmarks:
  - {{ name: crash, onnx: {{ model: {DIRECTION}, {sizes}, runtime: {crashes} }} }}
  - {{ name: fine, onnx: {{ model: {DIRECTION}, {sizes}, duration: 100ms }} }}
",
            old = old.display(),
            crashes = crashes.display()
        ),
    );
    let outcome = sandbox.run(&["run"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let document = sandbox.document();
    let message = |step: &str| {
        let case = document.cases.iter().find(|case| case.step == format!("tests/{step}")).unwrap();
        case.failures.first().and_then(|failure| failure.message.clone()).unwrap_or_default()
    };
    assert!(
        message("old").starts_with("runtime_too_old: ") && message("old").contains("is version 1.10.0; 1.17 or newer"),
        "{}",
        message("old")
    );
    assert!(
        message("text").starts_with("no_runtime: ") && message("text").contains("cannot be loaded"),
        "{}",
        message("text")
    );
    assert!(message("crashes").contains("signal"), "{}", message("crashes"));
    let step = |id: &str| document.steps.iter().find(|step| step.id == id).unwrap();
    fs::copy(&old, sandbox.path("near.so")).unwrap();
    a_runtime_without_a_folder_is_here(&sandbox);
    assert_eq!(step("tests/good").status, StepStatus::Passed);
    assert_eq!(step("benchmarks/crash").status, StepStatus::Failed);
    assert!(
        step("benchmarks/crash").reason.as_ref().unwrap().text.contains("signal"),
        "{:?}",
        step("benchmarks/crash")
    );
    assert_eq!(step("benchmarks/fine").status, StepStatus::Passed);
}

/// A name without a folder is a file here, not one that the loader is to look for.
fn a_runtime_without_a_folder_is_here(sandbox: &Sandbox) {
    let sizes = ["--size", "x.0=1", "--size", "x.2=48", "--size", "x.3=192"];
    let near = sandbox.run(&[["onnx", "check", "--onnxruntime", "near.so"].as_slice(), &sizes, &[DIRECTION]].concat());
    assert!(near.code == 4 && near.stderr.contains("near.so is version 1.10.0"), "{}", near.stderr);
}

/// The real runtime with a library between it and us, which does what `FAKE_ORT` says.
fn between(packages: &Path, sandbox: Sandbox) -> Sandbox {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnxruntime/between.c");
    let library = sandbox.path("libonnxruntime.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(built.unwrap().success());
    let real = fs::read_dir(runtime(packages, "cpu")).unwrap().flatten().map(|entry| entry.path());
    let is_library = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("libonnxruntime.so");
    let real = real.into_iter().find(is_library).unwrap();
    sandbox
        .env("BACKSIGHT_ONNXRUNTIME", &library.display().to_string())
        .env("FAKE_ORT_REAL", &real.display().to_string())
}

fn step<'a>(document: &'a Document, id: &str) -> (StepStatus, &'a str, &'a str) {
    let step = document.steps.iter().find(|step| step.id == id).unwrap_or_else(|| panic!("{id}"));
    let (code, text) = step.reason.as_ref().map_or(("", ""), |reason| (&reason.code, &reason.text));
    (step.status, code, text)
}

/// A process that the system ends, and a device that is gone from one query to the next.
#[test]
fn what_ends_in_the_middle_ends_alone() {
    let Some(packages) = packages() else { return };
    let pipeline = format!(
        "version: 1
tests:
  - {{ name: killed, onnx: {{ model: {DIRECTION}, {SIZES} }}, env: {{ FAKE_ORT: killed }} }}
  - {{ name: lost, onnx: {{ model: {DIRECTION}, {SIZES} }}, env: {{ FAKE_ORT: lost }} }}
  - {{ name: fine, onnx: {{ model: {DIRECTION}, {SIZES} }} }}
benchmarks:
  - {{ name: killed, onnx: {{ model: {DIRECTION}, {SIZES} }}, env: {{ FAKE_ORT: killed, FAKE_ORT_AFTER: '30' }} }}
  - {{ name: lost, onnx: {{ model: {DIRECTION}, {SIZES} }}, env: {{ FAKE_ORT: lost, FAKE_ORT_AFTER: '30' }} }}
  - {{ name: fine, onnx: {{ model: {DIRECTION}, {SIZES}, duration: 100ms }} }}
"
    );
    let sandbox = between(&packages, sandbox(&packages, &pipeline));
    let outcome = sandbox.run(&["run"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let document = sandbox.document();
    assert_eq!(step(&document, "tests/fine").0, StepStatus::Passed, "{}", outcome.stdout);
    assert_eq!(step(&document, "benchmarks/fine").0, StepStatus::Passed);
    let case = document.cases.iter().find(|case| case.step == "tests/killed").unwrap();
    let message = case.failures[0].message.as_deref().unwrap();
    // Where a test beside this one lets memory run out in the same moment, the system's count says that it was that.
    let killed = |text: &str| {
        text.contains("signal 9: it was killed from outside, as the system does where memory runs out")
            || text.contains("signal 9: the system killed it because memory ran out")
    };
    assert!(killed(message), "{message}");
    let (status, _, text) = step(&document, "benchmarks/killed");
    assert!(status == StepStatus::Failed && killed(text), "{text}");
    let case = document.cases.iter().find(|case| case.step == "tests/lost").unwrap();
    let message = case.failures[0].message.as_deref().unwrap();
    assert!(message.starts_with("device_failed: Conv: CUDA failure 999"), "{message}");
    let (status, code, text) = step(&document, "benchmarks/lost");
    assert_eq!((status, code), (StepStatus::Errored, "device_failed"), "{text}");
    let measured: Vec<&str> = document.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect();
    assert_eq!(measured, ["fine"], "what broke has no figures");
}

/// A control group of our own with so much memory, where the system lets us have one.
struct Group(PathBuf, &'static str);

impl Group {
    fn with(bytes: u64) -> Option<Self> {
        let made = |parent: PathBuf, limit: &'static str| {
            let folder = parent.join(format!("backsight-test-{}", std::process::id()));
            fs::create_dir(&folder).ok()?;
            let group = Self(folder, "cgroup.procs");
            fs::write(group.0.join(limit), bytes.to_string()).ok().map(|()| group)
        };
        let first = host::groups("memory").pop().and_then(|parent| made(parent, "memory.limit_in_bytes"));
        first.or_else(|| host::groups("").pop().and_then(|parent| made(parent, "memory.max")))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// A model of a hundred bytes that needs two gigabytes, in a control group that has 400 MiB: the system ends the process
/// that runs it, and nothing else.
#[test]
fn a_model_that_needs_more_memory_than_there_is() {
    let Some(packages) = packages() else { return };
    let Some(group) = Group::with(400 << 20) else {
        assert!(env::var_os("CI").is_none() || host::groups("memory").is_empty(), "no control group can be made");
        return eprintln!("not tested: the system lets us have no control group");
    };
    let pipeline = format!(
        "version: 1
tests:
  - {{ name: grows, onnx: grows.onnx }}
  - {{ name: fine, onnx: {{ model: {DIRECTION}, {SIZES} }} }}
benchmarks:
  - {{ name: grows, onnx: grows.onnx }}
  - {{ name: fine, onnx: {{ model: {DIRECTION}, {SIZES}, duration: 100ms }} }}
"
    );
    let sandbox = sandbox(&packages, &pipeline);
    sandbox.write("grows.onnx", that_grows(1 << 28));
    let tasks = group.0.join(group.1).display().to_string();
    let script = format!("echo $$ > {tasks} && exec \"$BACKSIGHT\" run");
    let outcome = sandbox.finish(&mut sandbox.command_of("sh", &["-c", &script]));
    assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
    let document = sandbox.document();
    assert_eq!(document.host.memory_bytes, Some(400 << 20), "the group's limit is the host's memory");
    for id in ["tests/grows", "benchmarks/grows"] {
        let (status, code, text) = step(&document, id);
        assert_eq!((status, code), (StepStatus::Failed, "out_of_memory"), "{id}: {text}");
        assert!(text.contains("signal 9: the system killed it because memory ran out"), "{text}");
    }
    for id in ["tests/fine", "benchmarks/fine"] {
        assert_eq!(step(&document, id).0, StepStatus::Passed, "{id}: {}", outcome.stdout);
    }
    // Where there is enough, the same model runs.
    sandbox.write("grows.onnx", that_grows(1 << 10));
    assert_eq!(sandbox.run(&["onnx", "check", "grows.onnx"]).code, 0);
}

/// Figures of a device, by a driver and a runtime that are built here; what runs is the real runtime on the processor.
#[test]
fn a_model_on_a_device_tells_memory_and_energy() {
    let Some(packages) = packages() else { return };
    let sandbox = between(&packages, sandbox(&packages, "version: 1\ntests: [{ run: 'true' }]\n"));
    let driver = crate::devices::library(&sandbox.work(), false).display().to_string();
    let measured = |kind: &str, more: &[&str]| {
        let sizes = ["--size", "x.0=1", "--size", "x.2=48", "--size", "x.3=192", "--time", "400ms", "--target", "cuda"];
        let mut command = sandbox.command(&[&["onnx", "measure"][..], &sizes, more, &[DIRECTION]].concat());
        let outcome = sandbox.finish(command.env("BACKSIGHT_NVML", &driver).env("FAKE_NVML", kind));
        (serde_json::from_str::<Value>(&outcome.stdout).unwrap(), outcome)
    };
    let metric = |document: &Value, name: &str| {
        let metrics = document["benchmarks"][0]["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["metric"] == name)?["value"].as_f64()
    };
    let (document, outcome) = measured("h200", &["--placement", "0%"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(metric(&document, "device_memory"), Some(3.0 * f64::from(1 << 30)), "what the driver says we hold");
    // The driver's counter goes up by a hundred joules a second, and is read in a process before and after.
    let watts = metric(&document, "device_energy").unwrap() * metric(&document, "throughput").unwrap();
    assert!((80.0..250.0).contains(&watts), "{watts} W");
    let correctness = &document["benchmarks"][0]["execution"]["correctness"];
    assert_eq!(correctness["against"], "cpu", "{document:#}");
    let (document, _) = measured("lost", &["--placement", "0%"]);
    assert!(metric(&document, "device_energy").is_none() && metric(&document, "device_memory").is_none());
    let note = document["benchmarks"][0]["metrics"][0]["note"].as_str().unwrap();
    assert!(note.contains("of the device: device fell off the bus"), "{note}");
    // And nodes that run elsewhere than they are to are a failure.
    let (document, outcome) = measured("h200", &[]);
    assert_eq!((outcome.code, &document["outcome"]["reason"]["code"]), (1, &"cpu_fallback".into()), "{document:#}");
}
