//! What must hold between different parts of the file.

use std::collections::HashMap;

use super::{Body, File, Step, generation, work};
use crate::pipeline::diagnostic::{Diagnostic, Findings, Span, nearest, quote};
use crate::pipeline::fields::{TARGETS, target_meant};
use crate::pipeline::grammar::{BenchmarkStep, CounterSource, MetricName, Pipeline, Rule, TestStep};
use crate::pipeline::syntax::bad_name;
use crate::pipeline::tree::Part;

pub(super) fn check(pipeline: &Pipeline, steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    if steps.is_empty() {
        let found = Diagnostic::error("no-steps", file.root.head(), "this pipeline has no step");
        findings.push(found.help("add an entry to `tests`, `generations` or `benchmarks`, such as `- run: ./app`"));
    }
    for step in steps {
        for_each(pipeline, step, file, findings);
        secrets(pipeline, step, file, findings);
        match step.body {
            Body::Benchmark(benchmark) => {
                work::benchmark(benchmark, step, file, findings);
                harness(benchmark, step, file, findings);
                source(benchmark, step, file, findings);
            }
            Body::Generation(body) => generation::check(body, step, file, findings),
            Body::Test(test) => {
                work::test(test, step, file, findings);
                report(test, step, file, findings);
            }
        }
    }
    same_output(steps, file, findings);
    environment(pipeline, steps, file, findings);
    for (index, rule) in pipeline.rules.iter().enumerate() {
        rule_target(rule, index, file, findings);
    }
    branch(pipeline, file, findings);
}

fn for_each(pipeline: &Pipeline, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    if step.common.for_each.is_some() && pipeline.models.is_empty() {
        let found =
            Diagnostic::error("no-models", file.at(&step.way("for_each")), "this file has no `models` to repeat for");
        findings.push(found.help("add `models:` with entries such as `- id: org/name`, or remove `for_each`"));
    }
}

fn secrets(pipeline: &Pipeline, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    for (index, name) in step.common.secrets.iter().enumerate() {
        if pipeline.secrets.contains(name) || findings.is_full() {
            continue;
        }
        let near = nearest(name, pipeline.secrets.iter().map(String::as_str));
        let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        let message = format!("{} is not one of the file's `secrets`{near}", quote(name));
        let found = Diagnostic::error("unknown-secret", file.at(&step.way_to("secrets", Part::Index(index))), message);
        findings
            .push(found.help("list it under `secrets:` at the top level too, so that its value is masked everywhere"));
    }
}

fn harness(benchmark: &BenchmarkStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let span = |key| file.at(&step.way(key));
    if benchmark.harness.is_none() {
        if benchmark.output.is_some() {
            let found = Diagnostic::error(
                "needs-harness",
                span("output"),
                "`output` says where a harness reports, but there is no `harness`",
            );
            findings.push(found.help("add `harness: libtest` or `harness: pytest-benchmark`, or remove `output`"));
        }
        return;
    }
    for (key, given) in work::of_commands(benchmark) {
        if given {
            let message = format!("`{key}` means nothing beside `harness`: the harness decides it");
            findings.push(
                Diagnostic::error("not-with-harness", span(key), message).help("set it in the harness's own command"),
            );
        }
    }
}

/// `junit: PATH` is short for `harness: junit` and `output: PATH`.
fn report(test: &TestStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let span = |key| file.at(&step.way(key));
    if test.junit.is_some() && (test.harness.is_some() || test.output.is_some()) {
        let key = if test.output.is_some() { "output" } else { "harness" };
        let message = format!("`{key}` cannot stand beside `junit`: that says both where the report is and its format");
        let found = Diagnostic::error("two-reports", span(key), message);
        findings.push(found.help("remove `junit`, and name the format with `harness` and the place with `output`"));
    } else if test.output.is_some() && test.harness.is_none() {
        let message = "`output` says where the framework reports, but there is no `harness`";
        let found = Diagnostic::error("needs-harness", span("output"), message);
        findings.push(found.help("add `harness: junit` or `harness: auto`, or remove `output`"));
    }
}

/// A source of counts is for `instructions`, and callgrind knows nothing else.
fn source(benchmark: &BenchmarkStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let Some(source) = benchmark.source else { return };
    let metrics = benchmark.metrics.as_deref().unwrap_or_default();
    if !metrics.contains(&MetricName::Instructions) {
        let message = "`source` says where `instructions` come from, but `metrics` does not list them";
        let found = Diagnostic::error("needs-instructions", file.at(&step.way("source")), message);
        findings.push(found.help("add `instructions` to `metrics`, or remove `source`"));
    }
    let others = |metric: &&MetricName| metric.is_counter() && **metric != MetricName::Instructions;
    if let Some(other) = metrics.iter().find(others).filter(|_| source == CounterSource::Callgrind) {
        let message = format!("callgrind does not count `{}`", other.as_str());
        let found = Diagnostic::error("unknown-to-callgrind", file.at(&step.way("source")), message);
        findings.push(found.help("it counts `instructions`; the others need `source: perf` or `auto`"));
    }
}

fn same_output(steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for step in steps {
        let Body::Generation(generation) = step.body else { continue };
        let Some(output) = &generation.output else { continue };
        let span = file.at(&step.way("output"));
        if let Some(first) = seen.insert(output, span) {
            let found =
                Diagnostic::error("same-output", span, "two generations write the same file").label("the second");
            findings.push(found.also(first, "the first"));
        }
    }
}

fn environment(pipeline: &Pipeline, steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    for name in pipeline.env.keys() {
        variable(pipeline, name, file.at(&["env".into(), Part::Key(name)]), findings);
    }
    for step in steps {
        for name in step.common.env.keys() {
            variable(pipeline, name, file.at(&step.way_to("env", name.as_str())), findings);
        }
    }
}

fn variable(pipeline: &Pipeline, name: &str, span: Span, findings: &mut Findings) {
    if name == "BACKSIGHT" || name.starts_with("BACKSIGHT_") {
        let message = format!("{} is set by backsight itself", quote(name));
        findings.push(Diagnostic::error("reserved-variable", span, message).help("use a name without `BACKSIGHT_`"));
    } else if pipeline.secrets.iter().any(|secret| secret == name) {
        let message = format!("{} is one of the `secrets`, but its value stands in the file", quote(name));
        let help = "remove it here: a secret's value comes from the environment that backsight is started in";
        findings.push(Diagnostic::error("secret-in-file", span, message).help(help).without_source());
    }
}

/// A rule for a target that there is not would silently never match.
fn rule_target(rule: &Rule, index: usize, file: File<'_>, findings: &mut Findings) {
    let Some(target) = rule.when.get("target") else { return };
    if target.contains(['*', '?', '[', '{']) || TARGETS.contains(&target.as_str()) {
        return;
    }
    let near = target_meant(target).or_else(|| nearest(target, TARGETS));
    let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    let span = file.at(&["rules".into(), Part::Index(index), "when".into(), "target".into()]);
    let found = Diagnostic::error("unknown-value", span, format!("unknown value {} for `target`{near}", quote(target)));
    findings.push(found.help(format!("known values: {}", TARGETS.join(", "))));
}

fn branch(pipeline: &Pipeline, file: File<'_>, findings: &mut Findings) {
    let Some(branch) = &pipeline.baseline.compare_with else { return };
    let why = if branch.starts_with('-') { Some("begins with `-`".into()) } else { bad_name(branch, 250) };
    if let Some(why) = why {
        let span = file.at(&["baseline".into(), "compare_with".into()]);
        findings.push(Diagnostic::error("bad-name", span, format!("this branch name {why}")));
    }
}
