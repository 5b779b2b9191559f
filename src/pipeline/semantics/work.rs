//! What a step does: a command or a model, and one of them only.

use super::{File, Step, llm};
use crate::pipeline::diagnostic::{Diagnostic, Findings};
use crate::pipeline::grammar::{BenchmarkStep, TestStep};
use crate::pipeline::onnx::{OnnxScenario, OnnxStep};

pub(super) fn test(test: &TestStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    one(&[("run", test.run.is_some()), ("onnx", test.onnx.is_some())], step, file, findings);
    if let Some(onnx) = &test.onnx {
        server(onnx, step, file, findings);
        files(onnx, step, file, findings);
        let given =
            [("junit", test.junit.is_some()), ("harness", test.harness.is_some()), ("output", test.output.is_some())];
        not_beside("onnx", &given, step, file, findings);
    }
}

pub(super) fn benchmark(benchmark: &BenchmarkStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let works =
        [("run", benchmark.run.is_some()), ("onnx", benchmark.onnx.is_some()), ("llm", benchmark.llm.is_some())];
    one(&works, step, file, findings);
    if let Some(onnx) = &benchmark.onnx {
        server(onnx, step, file, findings);
        files(onnx, step, file, findings);
    }
    if let Some(llm) = &benchmark.llm {
        llm::check(llm, step, file, findings);
    }
    let own = [
        ("harness", benchmark.harness.is_some()),
        ("output", benchmark.output.is_some()),
        ("metrics", benchmark.metrics.is_some()),
    ];
    let given: Vec<(&str, bool)> = own.into_iter().chain(of_commands(benchmark)).collect();
    if let Some((work, _)) = works.iter().skip(1).find(|(_, is_given)| *is_given) {
        not_beside(work, &given, step, file, findings);
    }
}

/// Keys that only a measured command has, and whether they are given.
pub(super) fn of_commands(benchmark: &BenchmarkStep) -> [(&'static str, bool); 9] {
    [
        ("samples", benchmark.samples.is_some()),
        ("warm_up", benchmark.warm_up.is_some()),
        ("source", benchmark.source.is_some()),
        ("prepare", benchmark.prepare.is_some()),
        ("cleanup", benchmark.cleanup.is_some()),
        ("stdin", benchmark.stdin.is_some()),
        ("pin", benchmark.pin.is_some()),
        ("priority", benchmark.priority.is_some()),
        ("clean_env", benchmark.clean_env),
    ]
}

/// A step does one thing: the first of these that it has.
fn one(works: &[(&'static str, bool)], step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let mut given = works.iter().filter(|(_, is_given)| *is_given).map(|(work, _)| *work);
    match (given.next(), given.next()) {
        (None, _) => {
            let found = Diagnostic::error("no-work", file.at(&step.way("name")), "this step does nothing");
            let llm = if works.len() > 2 { ", or `llm:` with an endpoint" } else { "" };
            findings.push(found.help(format!("add `run:` with a command, or `onnx:` with a model{llm}")));
        }
        (Some(first), Some(second)) => {
            let message = format!("`{second}` cannot stand beside `{first}`: a step is a command or a model");
            let found = Diagnostic::error("two-works", file.at(&step.way(second)), message);
            findings.push(found.help("make two steps of it"));
        }
        (Some(_), None) => {}
    }
}

/// A model is one file, or one for each precision.
fn files(onnx: &OnnxStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let settings = onnx.settings();
    let beside = [("files", !settings.files.is_empty()), ("precisions", settings.precisions.is_some())];
    let beside = beside.into_iter().find(|(_, given)| *given);
    if let Some((key, _)) = beside.filter(|_| settings.model.is_some()) {
        let message = format!("`{key}` cannot stand beside `model`, which is one file");
        let found = Diagnostic::error("one-file", file.at(&step.way_to("onnx", key)), message);
        findings.push(found.help("write `files: { fp32: FILE, int8: FILE }` without `model`"));
    }
}

/// Queries that come by themselves need to know how often.
fn server(onnx: &OnnxStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let settings = onnx.settings();
    let server = settings.scenario == Some(OnnxScenario::Server);
    if server && settings.rate.is_none() {
        let message = "the scenario `server` needs a `rate`: how many queries come in a second";
        findings.push(Diagnostic::error("needs-rate", file.at(&step.way_to("onnx", "scenario")), message));
    } else if !server && settings.rate.is_some() {
        let message = "`rate` means nothing without `scenario: server`";
        findings.push(Diagnostic::error("needs-server", file.at(&step.way_to("onnx", "rate")), message));
    }
}

fn not_beside(work: &str, given: &[(&str, bool)], step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        let message = format!("`{key}` means nothing beside `{work}`");
        let code = if work == "llm" { "not-with-llm" } else { "not-with-onnx" };
        let found = Diagnostic::error(code, file.at(&step.way(key)), message);
        findings.push(found.help(format!("what can be set of a model stands under `{work}:`")));
    }
}
