//! What a step does: a command or a model, and one of them only.

use super::{File, Step};
use crate::pipeline::diagnostic::{Diagnostic, Findings};
use crate::pipeline::grammar::{BenchmarkStep, TestStep};
use crate::pipeline::onnx::{OnnxScenario, OnnxStep};

pub(super) fn test(test: &TestStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    one(test.run.is_some(), test.onnx.as_ref(), step, file, findings);
    if test.onnx.is_some() {
        let given =
            [("junit", test.junit.is_some()), ("harness", test.harness.is_some()), ("output", test.output.is_some())];
        not_beside_onnx(&given, step, file, findings);
    }
}

pub(super) fn benchmark(benchmark: &BenchmarkStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    one(benchmark.run.is_some(), benchmark.onnx.as_ref(), step, file, findings);
    if benchmark.onnx.is_some() {
        let given = [
            ("harness", benchmark.harness.is_some()),
            ("output", benchmark.output.is_some()),
            ("metrics", benchmark.metrics.is_some()),
            ("samples", benchmark.samples.is_some()),
            ("warm_up", benchmark.warm_up.is_some()),
            ("source", benchmark.source.is_some()),
            ("prepare", benchmark.prepare.is_some()),
            ("cleanup", benchmark.cleanup.is_some()),
            ("stdin", benchmark.stdin.is_some()),
            ("pin", benchmark.pin.is_some()),
            ("priority", benchmark.priority.is_some()),
            ("clean_env", benchmark.clean_env),
        ];
        not_beside_onnx(&given, step, file, findings);
    }
}

fn one(run: bool, onnx: Option<&OnnxStep>, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    match (run, onnx) {
        (true, None) => {}
        (false, None) => {
            let found = Diagnostic::error("no-work", file.at(&step.way("name")), "this step does nothing");
            findings.push(found.help("add `run:` with a command, or `onnx:` with a model"));
        }
        (true, Some(_)) => {
            let message = "`onnx` cannot stand beside `run`: a step is a command or a model";
            let found = Diagnostic::error("two-works", file.at(&step.way("onnx")), message);
            findings.push(found.help("make two steps of it"));
        }
        (false, Some(onnx)) => server(onnx, step, file, findings),
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

fn not_beside_onnx(given: &[(&str, bool)], step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        let message = format!("`{key}` means nothing beside `onnx`");
        let found = Diagnostic::error("not-with-onnx", file.at(&step.way(key)), message);
        findings.push(found.help("what can be set of a model stands under `onnx:`"));
    }
}
