//! What a schema cannot say: names that must be unique, references that must lead somewhere, templates that must
//! compile, paths that must stay inside the workspace.

mod completion;
mod generation;
mod llm;
mod names;
mod needs;
mod paths;
mod relations;
mod templates;
mod work;

pub(super) use names::{duplicate_model, model_id};
pub use templates::{CONDITION_FACTS, TEMPLATE_ROOTS};

use crate::pipeline::diagnostic::{Findings, Span};
use crate::pipeline::generation::GenerationStep;
use crate::pipeline::grammar::{BenchmarkStep, Pipeline, TestStep};
use crate::pipeline::step::Common;
use crate::pipeline::tree::{Node, Part};
use crate::results::Kind;

/// The file, for the places in it.
#[derive(Clone, Copy)]
struct File<'a> {
    root: &'a Node,
    text: &'a str,
}

impl File<'_> {
    /// The place of the value at the end of a way.
    fn at(&self, way: &[Part<'_>]) -> Span {
        self.root.follow(way).head()
    }
}

/// A step of any section.
#[derive(Clone, Copy)]
struct Step<'p> {
    kind: Kind,
    index: usize,
    common: &'p Common,
    body: Body<'p>,
}

#[derive(Clone, Copy)]
enum Body<'p> {
    Generation(&'p GenerationStep),
    Test(&'p TestStep),
    Benchmark(&'p BenchmarkStep),
}

impl<'p> Step<'p> {
    /// Its id without model and target: `tests/unit`.
    fn id(&self) -> String {
        format!("{}/{}", self.kind.section(), self.common.name)
    }

    /// The way to one of its keys.
    fn way<'k>(&self, key: &'k str) -> [Part<'k>; 3] {
        [Part::Key(self.kind.section()), Part::Index(self.index), Part::Key(key)]
    }

    /// The way to an item of one of its lists, or to a key of one of its mappings.
    fn way_to<'k>(&self, key: &'k str, inner: impl Into<Part<'k>>) -> [Part<'k>; 4] {
        let [section, index, key] = self.way(key);
        [section, index, key, inner.into()]
    }

    fn of(pipeline: &'p Pipeline) -> Vec<Self> {
        let generations = pipeline.generations.iter().enumerate().map(|(index, step)| {
            let body = Body::Generation(step);
            Self { kind: Kind::Generation, index, common: &step.common, body }
        });
        let tests = pipeline.tests.iter().enumerate().map(|(index, step)| {
            let body = Body::Test(step);
            Self { kind: Kind::Test, index, common: &step.common, body }
        });
        let benchmarks = pipeline.benchmarks.iter().enumerate().map(|(index, step)| {
            let body = Body::Benchmark(step);
            Self { kind: Kind::Benchmark, index, common: &step.common, body }
        });
        generations.chain(tests).chain(benchmarks).collect()
    }
}

/// Checks a pipeline whose shape is right, and gives names to the steps that have none.
pub(super) fn check(pipeline: &mut Pipeline, root: &Node, text: &str, findings: &mut Findings) {
    names::fill(pipeline);
    let file = File { root, text };
    let steps = Step::of(pipeline);
    names::check(pipeline, &steps, file, findings);
    needs::check(&steps, file, findings);
    relations::check(pipeline, &steps, file, findings);
    paths::check(pipeline, &steps, file, findings);
    sources(&steps, file, findings);
    templates::check(pipeline, &steps, file, true, findings);
}

/// Checks what holds for each value alone: used where the shape is not right, so that parts may be missing.
pub(super) fn check_values(pipeline: &Pipeline, root: &Node, text: &str, findings: &mut Findings) {
    let file = File { root, text };
    let steps = Step::of(pipeline);
    paths::check(pipeline, &steps, file, findings);
    sources(&steps, file, findings);
    templates::check(pipeline, &steps, file, false, findings);
}

/// Each generation has a template with its output, or a set.
fn sources(steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    for step in steps.iter().filter(|step| step.kind == Kind::Generation) {
        generation::source(step, file, findings);
    }
}
