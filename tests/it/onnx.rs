//! ONNX models in the real runtime: right and wrong answers, figures, other hardware, and everything that can break.
//!
//! `scripts/test` installs the models and runtimes (packages of PyPI). Where they are missing, these tests say so and do
//! nothing, but not in a CI job and not below `scripts/test`: there they fail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use backsight::results::{Document, Matrix, MatrixOutcome, StepStatus, Validity, Verdict};
use serde_json::Value;

use crate::onnx_files::{that_adds, with_weights};
use crate::sandbox::Sandbox;

/// Where packages with models and runtimes are.
pub(crate) fn packages() -> Option<PathBuf> {
    let told = env::var_os("BACKSIGHT_TEST_MODELS").map(PathBuf::from);
    let insists = told.is_some() || env::var_os("CI").is_some();
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let found =
        told.or_else(|| Some(cache?.join("backsight/models"))).filter(|folder| folder.join(".installed").is_file());
    assert!(found.is_some() || !insists, "models and runtimes are not installed; scripts/test installs them");
    if found.is_none() {
        eprintln!("not tested with a runtime: models and runtimes are not installed; scripts/test installs them");
    }
    found
}

/// The usual runtime, and the one with OpenVINO.
pub(crate) fn runtime(packages: &Path, name: &str) -> String {
    packages.join(name).join("lib/python3/site-packages/onnxruntime/capi").display().to_string()
}

pub(crate) fn sandbox(packages: &Path, pipeline: &str) -> Sandbox {
    let sandbox = Sandbox::with(pipeline).env("BACKSIGHT_ONNXRUNTIME", &runtime(packages, "cpu"));
    std::os::unix::fs::symlink(packages.join("models"), sandbox.path(".models")).unwrap();
    sandbox
}

pub(crate) const DIRECTION: &str = ".models/rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx";
const GOLDEN: &str = ".models/onnx/backend/test/data";

/// A step's status by the model it was for.
fn by_model(document: &Document) -> BTreeMap<String, StepStatus> {
    document.steps.iter().filter_map(|step| Some((step.model.clone()?, step.status))).collect()
}

fn code<'a>(document: &'a Document, step: &str) -> &'a str {
    let step = document.steps.iter().find(|known| known.id.contains(step)).unwrap();
    step.reason.as_ref().map_or("", |reason| reason.code.as_str())
}

/// All golden operator models of the onnx wheel: each is right, wrong, or not supported; none breaks the run.
#[test]
fn the_golden_operator_models() {
    let Some(packages) = packages() else { return };
    let sandbox = sandbox(
        &packages,
        "version: 1\nmodels: [models.json]\ntests:\n  - name: golden\n    for_each: models\n    onnx: '{{ model.path }}'\n",
    );
    let data = packages.join("models/onnx/backend/test/data");
    let mut models = Vec::new();
    for group in fs::read_dir(&data).unwrap().flatten() {
        for model in fs::read_dir(group.path()).into_iter().flatten().flatten() {
            if model.path().join("model.onnx").is_file() {
                let (group, name) = (group.file_name(), model.file_name());
                let id = format!("{}/{}", group.to_string_lossy(), name.to_string_lossy());
                models.push(serde_json::json!({ "id": id, "path": format!("{GOLDEN}/{id}/model.onnx") }));
            }
        }
    }
    assert_eq!(models.len(), 140);
    sandbox.write("models.json", serde_json::to_string(&models).unwrap());
    let outcome = sandbox.run(&["run", "--jobs", "2", "--quiet"]);
    let document = sandbox.document();
    let count = |wanted: StepStatus| by_model(&document).values().filter(|status| **status == wanted).count();
    let (passed, skipped, failed) = (count(StepStatus::Passed), count(StepStatus::Skipped), count(StepStatus::Failed));
    assert_eq!(passed + skipped + failed, 140, "{:?}", by_model(&document));
    // 1.32.0 was seen to get 97 to 100 right, depending on the locales of the system, and to refuse 40.
    assert!(
        passed >= 97 && skipped >= 36,
        "{passed} right, {skipped} not supported, {failed} wrong\n{}",
        outcome.stdout
    );
    let unsupported = document.steps.iter().filter(|step| step.status == StepStatus::Skipped);
    for step in unsupported {
        assert_eq!(step.reason.as_ref().unwrap().code, "unsupported_op", "{step:?}");
    }
    assert_eq!(outcome.code, i32::from(failed > 0));
}

/// The example that the README of `examples/models` shows, on two kinds of hardware as far as this host has them.
#[test]
fn the_example_runs_on_what_is_there() {
    let Some(packages) = packages() else { return };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/models");
    let text = fs::read_to_string(example.join("backsight.yml")).unwrap();
    let text = text.replace("budget: 4s", "budget: 1s").replace("duration: 12s", "duration: 2s");
    let sandbox = Sandbox::with(&text).env("BACKSIGHT_ONNXRUNTIME", &runtime(&packages, "openvino"));
    sandbox.write("test_model.py.j2", fs::read(example.join("test_model.py.j2")).unwrap());
    std::os::unix::fs::symlink(packages.join("models"), sandbox.path(".models")).unwrap();
    let outcome = sandbox.run(&["run"]);
    let document = sandbox.document();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(document.host.targets.contains(&"openvino".to_owned()), "{:?}", document.host.probes);
    let of = |model: &str, target: &str| {
        let found = document
            .benchmarks
            .iter()
            .find(|benchmark| benchmark.model.as_deref() == Some(model) && benchmark.target.as_deref() == Some(target));
        found.unwrap_or_else(|| panic!("{model} on {target}"))
    };
    for model in ["google/magika", "snakers4/silero-vad", "paddleocr/text-direction", "paddleocr/text-recognition"] {
        let measured = of(model, "cpu");
        let execution = measured.execution.as_ref().unwrap();
        assert_eq!(execution.share("CPUExecutionProvider"), Some(1.0));
        assert!(measured.metric("latency").is_some_and(|latency| latency.value > 0.0 && !latency.samples.is_empty()));
        assert!(measured.metric("throughput").is_some() && measured.metric("load_time").is_some());
    }
    let other = of("paddleocr/text-recognition", "openvino");
    let execution = other.execution.as_ref().unwrap();
    assert!(execution.share("OpenVINOExecutionProvider").is_some_and(|share| share >= 0.9), "{execution:?}");
    let correctness = execution.correctness.as_ref().unwrap();
    assert!(correctness.against == "cpu" && correctness.used <= 1.0, "{correctness:?}");
    assert_eq!(code(&document, "latency[model=google/magika,target=cuda]"), "no_device");
    assert_eq!(code(&document, "latency[model=snakers4/silero-vad,target=openvino]"), "unsupported_op");

    let matrix: Matrix = serde_json::from_str(&sandbox.run(&["matrix", "--format", "json"]).stdout).unwrap();
    assert_eq!((matrix.targets.join(" "), matrix.models.len()), ("cpu cuda openvino".to_owned(), 4));
    let row = matrix.models.iter().find(|row| row.model == "snakers4/silero-vad").unwrap();
    let outcomes: Vec<MatrixOutcome> = row.cells.iter().map(|cell| cell.as_ref().unwrap().outcome).collect();
    assert_eq!(outcomes, [MatrixOutcome::Passed, MatrixOutcome::Skipped, MatrixOutcome::Skipped]);
    let html = sandbox.run(&["matrix", "--format", "html"]).stdout;
    assert!(html.contains("class=\"passed\"") && html.contains("unsupported_op"));
    assert!(sandbox.run(&["matrix", "--format", "markdown"]).stdout.contains("| `google/magika` | `passed"));

    let again = sandbox.run(&["run", "--only", "benchmarks", "-k", "latency*"]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    let rows = &sandbox.document().comparison.unwrap().rows;
    assert!(rows.iter().any(|row| row.metric == "latency" && row.base.is_some() && row.head.is_some()));
}

/// Answers that are stored and wrong, no numbers at all, and what a rule says of them.
#[test]
fn wrong_answers_fail_the_run_and_rules_know_them() {
    let Some(packages) = packages() else { return };
    let sandbox = sandbox(
        &packages,
        "version: 1
tests:
  - { name: right, onnx: right/model.onnx }
  - { name: wrong, onnx: wrong/model.onnx }
  - name: known
    targets: [cpu]
    onnx: wrong/model.onnx
  - { name: healed, onnx: right/model.onnx }
benchmarks:
  - { name: nan, onnx: { model: nan.onnx, inputs: { '0': -1 }, duration: 50ms } }
rules:
  - { when: { step: known }, then: xfail, code: wrong_rounding, reason: known to be off, issue: '#7' }
  - { when: { step: healed }, then: xfail, code: gone, reason: was broken }
",
    );
    let from = packages.join("models/onnx/backend/test/data/pytorch-operator/test_operator_sqrt");
    for folder in ["right", "wrong"] {
        sandbox.write(&format!("{folder}/model.onnx"), fs::read(from.join("model.onnx")).unwrap());
        for file in ["input_0.pb", "output_0.pb"] {
            let mut bytes = fs::read(from.join("test_data_set_0").join(file)).unwrap();
            if folder == "wrong" && file == "output_0.pb" {
                // The sign of the first of twelve numbers, which end the file.
                let high = bytes.len() - 12 * 4 + 3;
                bytes[high] ^= 0x80;
            }
            sandbox.write(&format!("{folder}/test_data_set_0/{file}"), bytes);
        }
    }
    sandbox.write("nan.onnx", fs::read(from.join("model.onnx")).unwrap());
    let inspected = sandbox.run(&["onnx", "inspect", "nan.onnx", "--format", "json"]).stdout;
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    let input = inspected["inputs"][0]["name"].as_str().unwrap().to_owned();
    sandbox.write("backsight.yml", sandbox.read("backsight.yml").replace("'0': -1", &format!("'{input}': -1")));
    let alone = sandbox.run(&["onnx", "check", "wrong/model.onnx"]);
    assert!(alone.code == 1 && alone.stderr.contains("test_data_set_0: output `"), "{}", alone.stderr);
    let outcome = sandbox.run(&["run"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let document = sandbox.document();
    let status = |step: &str| document.steps.iter().find(|known| known.name == step).unwrap().status;
    assert_eq!(status("right"), StepStatus::Passed);
    assert_eq!(status("wrong"), StepStatus::Failed);
    let failed = document.cases.iter().find(|case| case.step == "tests/wrong").unwrap();
    let message = failed.failures[0].message.as_deref().unwrap();
    assert!(message.starts_with("wrong_answer: output `") && message.contains("elements are off"), "{message}");
    assert_eq!((status("known"), code(&document, "known")), (StepStatus::Skipped, "wrong_rounding"));
    assert_eq!((status("healed"), code(&document, "healed")), (StepStatus::Failed, "unexpected_pass"));
    assert_eq!((status("nan"), code(&document, "nan")), (StepStatus::Failed, "nan_output"));
}

/// What a hand without a file, with a wrong one, or with an old runtime gets to read.
#[test]
fn bad_input_is_told_plainly() {
    let Some(packages) = packages() else { return };
    let sandbox = sandbox(&packages, "version: 1\ntests: [{ run: 'true' }]\n");
    let whole = fs::read(packages.join("models").join(DIRECTION.trim_start_matches(".models/"))).unwrap();
    sandbox.write("cut.onnx", &whole[..whole.len() / 2]);
    sandbox.write("pointer.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
    sandbox.write("noise.onnx", (0..5000_u32).map(|n| (n * 7919 % 251) as u8).collect::<Vec<_>>());
    sandbox.write("external.onnx", with_weights("away.bin", 4));
    sandbox.write("outside.onnx", with_weights("../../etc/passwd", 4));
    sandbox.write("huge.onnx", with_weights("huge.bin", 1 << 50));
    sandbox.write("huge.bin", "x");
    for (args, code, words) in [
        (&["gone.onnx"][..], 2, "gone.onnx: No such file"),
        (&["."], 2, "it is no file"),
        (&["cut.onnx"], 2, "is it a whole download"),
        (&["pointer.onnx"], 2, "no Git LFS pointer"),
        (&["noise.onnx"], 2, "no ONNX model"),
        (&["external.onnx"], 2, "its weights are in `away.bin`, which is not there"),
        (&["outside.onnx"], 2, "outside of its folder"),
        (&["huge.onnx"], 3, "it needs at least"),
        (&[DIRECTION], 2, "the dimension number 0 of no fixed size; say how large it is, as in `--dimension batch=1`"),
        (&[DIRECTION, "--dimension", "hight=48"], 2, "no input has the dimension `hight`"),
        (&[DIRECTION, "--input", "y=1"], 2, "the model has no input `y`; its inputs are x"),
        (&[DIRECTION, "--dimension", "x.0=0"], 2, "sizes above 0"),
        (&[DIRECTION, "--target", "webnn"], 3, "does not serve the target `webnn`"),
        (&[DIRECTION, "--target", "cuda"], 3, "`pip install onnxruntime-gpu` has it"),
        (&[DIRECTION, "--onnxruntime", "nowhere.so"], 2, "--onnxruntime names nowhere.so, which is no file"),
        (&[DIRECTION, "--golden", "."], 2, "no stored set"),
    ] {
        let mut all = vec!["onnx", "check", "--dimension", "x.1=3"];
        if !args.contains(&"--dimension") && args.len() > 1 {
            all = vec!["onnx", "check", "--dimension", "x.0=1", "--dimension", "x.2=48", "--dimension", "x.3=192"];
        } else {
            all.truncate(2);
        }
        all.extend(args);
        let outcome = sandbox.run(&all);
        let code = if words.contains("names nowhere") { 4 } else { code };
        assert!(
            outcome.code == code && outcome.stderr.contains(words),
            "{all:?}: {}\n{}",
            outcome.code,
            outcome.stderr
        );
    }
    let without = sandbox.env("BACKSIGHT_ONNXRUNTIME", "").env("LD_LIBRARY_PATH", "");
    let sizes = ["--dimension", "x.0=1", "--dimension", "x.2=48", "--dimension", "x.3=192", DIRECTION];
    let none = without.run(&[&["onnx", "check"][..], &sizes].concat());
    assert!(
        none.code == 4 && none.stderr.contains("`pip install onnxruntime` in the active virtual environment"),
        "{}",
        none.stderr
    );
}

/// What the scenarios report, and when a result does not count.
#[test]
fn scenarios_have_their_figures_and_their_validity() {
    let Some(packages) = packages() else { return };
    let sandbox = sandbox(&packages, "version: 1\ntests: [{ run: 'true' }]\n");
    let measure = |more: &[&str]| {
        let sizes = ["--size", "x.2=48", "--size", "x.3=192", "--threads", "1"];
        let batch = if more.contains(&"--dimension") { &[][..] } else { &["--size", "x.0=1"] };
        let time = if more.contains(&"--time") { &[][..] } else { &["--time", "300ms"] };
        let outcome = sandbox.run(&[&["onnx", "measure"][..], &sizes, batch, time, more, &[DIRECTION]].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        document["benchmarks"].as_array().unwrap().clone()
    };
    let metric = |benchmark: &Value, name: &str| {
        let found = benchmark["metrics"].as_array().unwrap().iter().find(|metric| metric["metric"] == name).cloned();
        found.map(|metric| metric["value"].as_f64().unwrap())
    };
    let both = measure(&["--dimension", "x.0=1,4"]);
    assert_eq!((both.len(), both[1]["parameters"]["x.0"].as_str()), (2, Some("4")));
    assert!(metric(&both[1], "latency") > metric(&both[0], "latency"), "four take longer than one");
    let few = &measure(&["--queries", "20", "--time", "1ms", "--most", "1ms"])[0];
    assert_eq!(few["validity"]["reason"]["code"], "too_few_queries");
    let note = few["metrics"][0]["note"].as_str().unwrap();
    assert!(note.contains("p90: insufficient samples") && metric(few, "latency_p90").is_none(), "{note}");
    let offline = &measure(&["--scenario", "offline", "--streams", "2"])[0];
    assert!(metric(offline, "latency").is_none() && metric(offline, "throughput").is_some_and(|n| n > 1.0));
    let several = &measure(&["--scenario", "multi_stream", "--streams", "2"])[0];
    assert_eq!(
        (several["parameters"]["streams"].as_str(), several["validity"]["state"].as_str()),
        (Some("2"), Some("valid"))
    );
    let rush = &measure(&["--scenario", "server", "--rate", "1000000", "--queries", "2000"])[0];
    assert_eq!(rush["validity"]["reason"]["code"], "overloaded", "{rush:#}");
    let strict = &measure(&[
        "--scenario",
        "server",
        "--rate",
        "100",
        "--queries",
        "460",
        "--time",
        "1s",
        "--most",
        "30s",
        "--latency-limit",
        "1ms",
    ])[0];
    assert_eq!(strict["validity"]["reason"]["code"], "latency_limit");
    let refused = sandbox.run(&["onnx", "measure", "--scenario", "server", DIRECTION]);
    assert!(refused.code == 2 && refused.stderr.contains("needs --rate"), "{}", refused.stderr);
}

/// Precision by threads: each file a step of its own, each number of threads a benchmark in it.
#[test]
fn a_model_has_a_file_for_each_precision() {
    let Some(packages) = packages() else { return };
    let sandbox = sandbox(
        &packages,
        "version: 1
models:
  - id: adds
    onnx: { files: { fp16: half.onnx, fp32: whole.onnx, bf16: whole.onnx } }
tests:
  - { name: answers, for_each: models, onnx: { precisions: [fp32, fp16] } }
benchmarks:
  - { name: speed, for_each: models, onnx: { threads: [1, 2], duration: 50ms } }
",
    );
    sandbox.write("half.onnx", that_adds(10));
    sandbox.write("whole.onnx", that_adds(1));
    let outcome = sandbox.run(&["run"]);
    assert_eq!(outcome.code, 3, "one was not measured: {}", outcome.stdout);
    let document = sandbox.document();
    let status: BTreeMap<&str, StepStatus> =
        document.steps.iter().map(|step| (step.id.as_str(), step.status)).collect();
    for id in ["tests/answers", "benchmarks/speed"] {
        for precision in ["fp16", "fp32"] {
            let id = format!("{id}[model=adds,precision={precision}]");
            assert_eq!(status[id.as_str()], StepStatus::Passed, "{id}: {}", outcome.stdout);
        }
    }
    assert_eq!(code(&document, "speed[model=adds,precision=bf16]"), "wrong_precision", "its weights say otherwise");
    let series: Vec<String> = document
        .benchmarks
        .iter()
        .map(|benchmark| format!("{} {}", benchmark.parameters["precision"], benchmark.parameters["threads"]))
        .collect();
    assert_eq!(series, ["fp16 1", "fp16 2", "fp32 1", "fp32 2"]);
    let both = Sandbox::with("version: 1\ntests: [{ onnx: { model: a.onnx, files: { fp32: b.onnx } } }]\n");
    let refused = both.run(&["check"]);
    assert!(refused.code == 2 && refused.stderr.contains("`files` cannot stand beside `model`"), "{}", refused.stderr);
}

/// A model that became slower is found in pairs, like any harness.
#[test]
fn a_slower_model_is_found_against_its_base() {
    let Some(packages) = packages() else { return };
    let models = packages.join("models/rapidocr_onnxruntime/models");
    let sandbox = sandbox(
        &packages,
        "version: 1
benchmarks:
  - name: direction
    budget: 40s
    onnx: { model: model.onnx, shapes: { x.0: 1, x.2: 48, x.3: 192 }, duration: 30ms, threads: [1] }
",
    );
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let outcome = sandbox.finish(&mut sandbox.command_of("git", &[&identity[..], args].concat()));
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    };
    git(&["init", "-q", "-b", "main"]);
    sandbox.write(".gitignore", ".backsight\n.models\n");
    sandbox.write("model.onnx", fs::read(models.join("ch_ppocr_mobile_v2.0_cls_infer.onnx")).unwrap());
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "fast"]);
    sandbox.write("model.onnx", fs::read(models.join("ch_PP-OCRv4_rec_infer.onnx")).unwrap());
    git(&["commit", "-q", "-am", "slow"]);
    let outcome = sandbox.run(&["run", "--against", "HEAD~1"]);
    let document = sandbox.document();
    assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
    let row = document.comparison.as_ref().unwrap().rows.iter().find(|row| row.metric == "latency").unwrap();
    assert_eq!(row.verdict, Verdict::Regressed, "{row:?}");
    assert!(row.change.is_some_and(|change| change > 1.0), "{row:?}");
    assert!(document.benchmarks.iter().all(|benchmark| !matches!(benchmark.validity, Validity::Invalid { .. })));
    let execution = document.benchmarks[0].execution.as_ref().unwrap();
    assert_eq!(execution.share("CPUExecutionProvider"), Some(1.0));
}

/// A real browser says what it can compute with, and steps are told.
#[test]
fn browser_targets_are_asked_of_a_real_browser() {
    let pipeline = "version: 1
tests:
  - name: page
    targets: [webgpu, wasm, webnn, rocm]
    run: test \"$BACKSIGHT_TARGET\" = wasm || printf '%s' \"$BACKSIGHT_DEVICE\" > device.txt
";
    let sandbox = Sandbox::with(pipeline);
    let outcome = sandbox.run(&["run"]);
    let document = sandbox.document();
    let probe = |target: &str| document.host.probes.iter().find(|probe| probe.target == target).unwrap();
    if probe("wasm").reason.as_ref().is_some_and(|reason| reason.text.contains("no browser was found")) {
        assert!(env::var_os("CI").is_none(), "no browser was found; scripts/test installs one");
        return;
    }
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(probe("wasm").is_available(), "{:?}", probe("wasm"));
    assert_eq!(probe("rocm").reason.as_ref().unwrap().code, "no_device");
    if probe("webgpu").is_available() {
        let device = probe("webgpu").device.clone().unwrap();
        assert_eq!(sandbox.read("device.txt"), device);
        if device.contains("swiftshader") {
            assert!(device.contains("(software: the processor does its work)"), "{device}");
        }
    }
    let missing = sandbox.finish(sandbox.command(&["run"]).env("BACKSIGHT_BROWSER", "/nowhere/chromium"));
    assert!(missing.stderr.contains("/nowhere/chromium cannot be started"), "{}{}", missing.stdout, missing.stderr);
}
