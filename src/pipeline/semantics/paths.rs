//! Paths stay inside the workspace, and globs compile.

use globset::GlobBuilder;

use super::{Body, File, Step};
use crate::pipeline::diagnostic::{Diagnostic, Findings, Span, quote};
use crate::pipeline::grammar::{ModelSource, OutputSource, Pipeline, Stdin};
use crate::pipeline::tree::Part;

pub(super) fn check(pipeline: &Pipeline, steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    for (index, source) in pipeline.models.iter().enumerate() {
        if let ModelSource::Path(path) = source {
            let span = file.at(&["models".into(), Part::Index(index)]);
            let subject = "a path of `models`";
            if !inside(subject, path, 0, span, findings) {
                glob(subject, path, span, findings);
            }
        }
    }
    for (index, path) in pipeline.baseline.carry.iter().enumerate() {
        let span = file.at(&["baseline".into(), "carry".into(), Part::Index(index)]);
        carried(path, span, findings);
    }
    if let Some(template) = &pipeline.publish.template {
        plain_path("template", template, 0, file.at(&["publish".into(), "template".into()]), findings);
    }
    for step in steps {
        of_step(step, file, findings);
    }
    for (index, rule) in pipeline.rules.iter().enumerate() {
        for (key, pattern) in &rule.when {
            let span = file.at(&["rules".into(), Part::Index(index), "when".into(), Part::Key(key)]);
            glob(&quote(key), pattern, span, findings);
        }
    }
}

fn of_step(step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let folder = step.common.working_dir.as_deref().unwrap_or_default();
    let span = |key| file.at(&step.way(key));
    if step.common.working_dir.is_some() {
        plain_path("working_dir", folder, 0, span("working_dir"), findings);
    }
    let depth = levels(folder).max(0);
    match step.body {
        Body::Generation(generation) => {
            let plain = [("template", &generation.template), ("set", &generation.set), ("into", &generation.into)];
            for (key, path) in plain.into_iter().chain([("rows", &generation.rows)]) {
                if let Some(path) = path {
                    plain_path(key, path, 0, span(key), findings);
                }
            }
            if let Some(completion) = &generation.completion {
                let span = file.at(&step.way_to("completion", "prompts"));
                plain_path("prompts", &completion.prompts, 0, span, findings);
            }
            for (name, path) in &generation.data {
                plain_path("data", path, 0, file.at(&step.way_to("data", name.as_str())), findings);
            }
            if let Some(output) = &generation.output {
                inside("`output`", output, 0, span("output"), findings);
            }
        }
        Body::Test(test) => {
            if let Some(junit) = &test.junit {
                plain_glob("junit", junit, depth, span("junit"), findings);
            }
            if let Some(OutputSource::Files(files)) = &test.output {
                plain_glob("output", files, depth, span("output"), findings);
            }
        }
        Body::Benchmark(benchmark) => {
            if let Some(OutputSource::Files(files)) = &benchmark.output {
                plain_glob("output", files, depth, span("output"), findings);
            }
            if let Some(Stdin::File(path)) = &benchmark.stdin {
                inside("`stdin`", path, 0, span("stdin"), findings);
            }
        }
    }
}

/// A path that is linked into a working copy must name one thing in the workspace.
fn carried(path: &str, span: Span, findings: &mut Findings) {
    if plain_path("carry", path, 0, span, findings) {
        return;
    }
    if path.split(['/', '\\']).any(|part| part.trim() == "..") || levels(path) == 0 {
        let message = format!("{} of `carry` is no path below the workspace", quote(path));
        findings.push(Diagnostic::error("path-outside", span, message).help("write it without `..`"));
    }
}

fn plain_glob(key: &str, pattern: &str, depth: i64, span: Span, findings: &mut Findings) {
    if !plain_path(key, pattern, depth, span, findings) {
        glob(&quote(key), pattern, span, findings);
    }
}

/// Checks a path that takes no templates; says whether something was wrong.
fn plain_path(key: &str, path: &str, depth: i64, span: Span, findings: &mut Findings) -> bool {
    if path.contains("{{") || path.contains("{%") {
        let message = format!("`{key}` takes no templates");
        findings.push(Diagnostic::error("template-not-allowed", span, message).help("write the path as it is"));
        return true;
    }
    inside(&quote(key), path, depth, span, findings)
}

/// Checks that a path, `depth` levels below the workspace, cannot leave it; says whether something was wrong.
fn inside(subject: &str, path: &str, depth: i64, span: Span, findings: &mut Findings) -> bool {
    let wrong = if path.trim().is_empty() {
        ("empty", format!("{subject} is empty"), "write a path, relative to the workspace")
    } else if path.starts_with('~') {
        (
            "path-outside",
            format!("{subject} begins with `~`, which is not expanded"),
            "write it relative to the workspace",
        )
    } else if is_absolute(path) {
        ("path-outside", format!("{subject} is an absolute path"), "write it relative to the workspace")
    } else if levels(path) + depth < 0 {
        (
            "path-outside",
            format!("{subject} leaves the workspace"),
            "use fewer `..`: what a run reads and writes stays inside",
        )
    } else {
        return false;
    };
    findings.push(Diagnostic::error(wrong.0, span, wrong.1).help(wrong.2));
    true
}

fn is_absolute(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.starts_with(|c: char| c.is_ascii_alphabetic());
    path.starts_with(['/', '\\']) || drive
}

/// How deep a path ends below its start; the negative of how far it rises above the start, if it ever does.
fn levels(path: &str) -> i64 {
    let (mut depth, mut lowest) = (0_i64, 0_i64);
    for part in path.split(['/', '\\']) {
        match part.trim() {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        lowest = lowest.min(depth);
    }
    if lowest < 0 { lowest } else { depth }
}

fn glob(subject: &str, pattern: &str, span: Span, findings: &mut Findings) {
    if let Err(error) = GlobBuilder::new(pattern).literal_separator(true).build() {
        let message = format!("{subject} is not a glob that can be read: {}", error.kind());
        let help = "`*` and `?` match within a name, `**` matches folders, `[` must be closed";
        findings.push(Diagnostic::error("bad-glob", span, message).help(help));
    }
}
