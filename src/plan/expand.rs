//! Steps × models × targets, each with its decision.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

use super::batch::{Axes, LeftOut};
use super::generation::{self, Outputs};
use super::llm;
use super::onnx::{self, Asking, Wish};
use super::rules::{Rules, Subject};
use super::{
    Facts, Invocation, Item, Manner, Measure, Plan, PlanError, Selection, Template, TemplateError, Work, order,
};
use crate::pipeline::{
    BenchmarkStep, Command, Common, ForEach, GenerationStep, Harness, MetricName, Model, OnnxStep, OutputSource,
    Percent, Pipeline, RuleAction, Shell, Stdin, TestHarness, TestStep,
};
use crate::results::{Kind, Reason};

const TEST_TIMEOUT: Duration = Duration::from_secs(3600);
const BENCHMARK_TIMEOUT: Duration = Duration::from_secs(600);
const VERIFY_TIMEOUT: Duration = Duration::from_secs(300);

/// Makes the plan. `models` are the pipeline's, those from files included, in order.
///
/// # Errors
/// A template or condition that cannot be evaluated, two outputs with one path, or steps that need each other.
pub fn expand(pipeline: &Pipeline, models: &[Model], facts: &Facts, selection: &Selection) -> Result<Plan, PlanError> {
    let mut remarks = Vec::new();
    let rules = Rules::new(&pipeline.rules, facts, &mut remarks)?;
    let mut expansion = Expansion {
        pipeline,
        models,
        shared_models: Arc::new(models.to_vec()),
        facts,
        rules,
        items: Vec::new(),
        wants: Vec::new(),
        outputs: Outputs::default(),
    };
    for (index, step) in pipeline.generations.iter().enumerate() {
        expansion.generation(index, step)?;
    }
    for (index, step) in pipeline.tests.iter().enumerate() {
        let way = (Kind::Test, index, TEST_TIMEOUT);
        expansion
            .repeat(way, &step.common, step.onnx.as_ref(), |template, asking| test_work(step, template, asking))?;
    }
    for (index, step) in pipeline.benchmarks.iter().enumerate() {
        let limit = step.regression.unwrap_or(pipeline.gate.regression);
        let way = (Kind::Benchmark, index, BENCHMARK_TIMEOUT);
        expansion.repeat(way, &step.common, step.onnx.as_ref(), |template, asking| {
            benchmark_work(step, limit, template, asking)
        })?;
    }
    expansion.outputs.refuse_shared(&expansion.items)?;
    let needs = expansion.resolve_needs();
    let items = order::arrange(expansion.items, &needs, selection)?;
    let missing = pipeline.require.iter().filter(|target| !facts.targets.contains(target)).cloned().collect();
    let generations = pipeline.generations.iter().map(|step| step.common.name.clone()).collect();
    Ok(Plan { items, generations, missing_targets: missing, remarks })
}

struct Expansion<'a> {
    pipeline: &'a Pipeline,
    models: &'a [Model],
    shared_models: Arc<Vec<Model>>,
    facts: &'a Facts,
    rules: Rules<'a>,
    items: Vec<Item>,
    wants: Vec<&'a [String]>,
    outputs: Outputs,
}

/// What becomes of an entry.
#[derive(Default)]
struct Decision {
    skip: Option<Reason>,
    xfail: Option<Reason>,
    /// Parts of it may run on the processor.
    fallback: bool,
    /// It is skipped by a rule, on whatever host.
    by_rule: bool,
}

/// Which step of the file is being expanded, for messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    kind: Kind,
    index: usize,
    name: &'a str,
}

impl Place<'_> {
    fn template(self, what: &'static str) -> impl Fn(TemplateError) -> PlanError {
        let (section, index, name) = (self.kind.section(), self.index, self.name.to_owned());
        move |source| PlanError::Template { section, index, name: name.clone(), what, source }
    }
}

impl<'a> Expansion<'a> {
    fn repeat(
        &mut self,
        (kind, index, timeout): (Kind, usize, Duration),
        common: &'a Common,
        onnx: Option<&OnnxStep>,
        work: impl Fn(&Template, Asking<'_>) -> Result<Work, (&'static str, TemplateError)>,
    ) -> Result<(), PlanError> {
        let place = Place { kind, index, name: &common.name };
        let mut cells = Vec::new();
        for (model, target) in self.pairs(common) {
            let precisions = onnx::precisions(onnx, model).map_err(place.template("onnx"))?;
            cells.extend(precisions.into_iter().map(|precision| (model, target.clone(), precision)));
        }
        for (model, target, precision) in cells {
            let template = Template::new(self.facts, &common.name, model, &target);
            let decision = self.decide(place, common, model, &target, &template)?;
            let (facts, name) = (self.facts, common.name.as_str());
            let precision = precision.as_deref();
            let asking = Asking { facts, name, model, target: &target, precision, fallback: decision.fallback };
            let work = work(&template, asking).map_err(|(what, source)| place.template(what)(source))?;
            let mut env = self.environment(place, common, model, &template)?;
            env.extend(self.facts.target_env.get(&target).into_iter().flatten().cloned());
            if decision.fallback {
                env.push(("BACKSIGHT_ALLOW_CPU_FALLBACK".to_owned(), "1".to_owned()));
            }
            let shown = (!common.targets.is_empty()).then_some(target.as_str());
            let id = item_id(kind, &common.name, model, [("precision", precision), ("target", shown)]);
            self.push(
                common,
                Item {
                    skip: decision.skip,
                    xfail: decision.xfail,
                    env,
                    timeout: common.timeout.map_or(timeout, |t| t.0),
                    ..blank(kind, id, common, model, target, work)
                },
            );
        }
        Ok(())
    }

    /// A generation is one entry with many files: what needs it needs all of them.
    fn generation(&mut self, index: usize, step: &'a GenerationStep) -> Result<(), PlanError> {
        let common = &step.common;
        let place = Place { kind: Kind::Generation, index, name: &common.name };
        let mut batch = generation::batch(step, self.axes(place, step)?, self.facts)
            .map_err(|(what, text)| place.template(what)(TemplateError(text)))?;
        let reason = self.outputs.take(&mut batch, index)?;
        let plain = Template::new(self.facts, &common.name, None, "");
        let env = self.environment(place, common, None, &plain)?;
        let work = Work::Generate(Arc::new(batch));
        let id = item_id(Kind::Generation, &common.name, None, []);
        let timeout = common.timeout.map_or(VERIFY_TIMEOUT, |limit| limit.0);
        self.push(
            common,
            Item { skip: reason, env, timeout, ..blank(Kind::Generation, id, common, None, String::new(), work) },
        );
        Ok(())
    }

    /// What a generation is repeated for, with the pairs of model and target that are left out.
    fn axes(&self, place: Place<'_>, step: &GenerationStep) -> Result<Axes, PlanError> {
        let common = &step.common;
        let mut left_out = Vec::new();
        for (model, target) in self.pairs(common) {
            let template = Template::new(self.facts, &common.name, model, &target);
            let decision = self.decide(place, common, model, &target, &template)?;
            left_out.push(decision.skip.map(|reason| LeftOut { reason, everywhere: decision.by_rule }));
        }
        let sources = &self.facts.sources;
        let values = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        Ok(Axes {
            models: common.for_each.map(|ForEach::Models| self.shared_models.clone()),
            targets: self.targets(common),
            left_out,
            matrix: step.matrix.iter().map(|(name, value)| (name.clone(), values(value))).collect(),
            rows: match &step.completion {
                Some(completion) => sources.prompts.get(&completion.prompts).map(|prompts| prompts.rows.clone()),
                None => step.rows.as_ref().and_then(|path| sources.rows.get(path).cloned()),
            },
            prompts: step.completion.is_some(),
        })
    }

    fn push(&mut self, common: &'a Common, item: Item) {
        self.items.push(item);
        self.wants.push(&common.needs);
    }

    fn targets(&self, common: &Common) -> Vec<String> {
        if common.targets.is_empty() { vec!["cpu".to_owned()] } else { common.targets.clone() }
    }

    fn pairs(&self, common: &Common) -> Vec<(Option<&'a Model>, String)> {
        let targets = self.targets(common);
        let models: Vec<Option<&'a Model>> = match common.for_each {
            Some(ForEach::Models) => self.models.iter().map(Some).collect(),
            None => vec![None],
        };
        models.into_iter().flat_map(|model| targets.iter().map(move |target| (model, target.clone()))).collect()
    }

    fn decide(
        &self,
        place: Place<'_>,
        common: &Common,
        model: Option<&Model>,
        target: &str,
        template: &Template,
    ) -> Result<Decision, PlanError> {
        let skip = |reason| Ok(Decision { skip: Some(reason), ..Decision::default() });
        if let Some(condition) = &common.condition {
            let holds = template.holds(condition, self.facts).map_err(|source| PlanError::Condition {
                section: place.kind.section(),
                index: place.index,
                name: place.name.to_owned(),
                source,
            })?;
            if !holds {
                return skip(Reason::new("condition_false", format!("`if: {condition}` does not hold")));
            }
        }
        let mut decision = Decision::default();
        match self.rules.first(&Subject { kind: place.kind, step: place.name, model, target }) {
            Some((RuleAction::Skip, reason)) => {
                return Ok(Decision { skip: Some(reason), by_rule: true, ..Decision::default() });
            }
            Some((RuleAction::Xfail, reason)) => decision.xfail = Some(reason),
            Some((RuleAction::AllowCpuFallback, _)) => decision.fallback = true,
            None => {}
        }
        if !self.facts.targets.iter().any(|known| known == target) {
            let unknown = || Reason::new("no_device", format!("target `{target}` is not available on this host"));
            return skip(self.facts.absent.get(target).cloned().unwrap_or_else(unknown));
        }
        Ok(decision)
    }

    fn environment(
        &self,
        place: Place<'_>,
        common: &Common,
        model: Option<&Model>,
        template: &Template,
    ) -> Result<Vec<(String, String)>, PlanError> {
        let mut env: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in self.pipeline.env.iter().chain(&common.env) {
            // A value of the whole file that asks for the model only makes sense in steps that have one.
            env.insert(name.clone(), template.render(value).map_err(place.template("env"))?);
        }
        env.insert("BACKSIGHT".into(), "1".into());
        env.insert("BACKSIGHT_PROGRAM".into(), self.facts.program.clone());
        env.insert("BACKSIGHT_RUN_ID".into(), self.facts.run_id.clone());
        if let Some(model) = model {
            let facts = [
                ("BACKSIGHT_MODEL_ID", Some(&model.id)),
                ("BACKSIGHT_MODEL_FAMILY", model.family.as_ref()),
                ("BACKSIGHT_MODEL_TASK", model.task.as_ref()),
                ("BACKSIGHT_MODEL_REVISION", model.revision.as_ref()),
                ("BACKSIGHT_MODEL_PATH", model.path.as_ref()),
            ];
            env.extend(facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone()))));
        }
        Ok(env.into_iter().collect())
    }

    /// Positions of the entries that each entry needs. Names were checked when the file was read.
    fn resolve_needs(&self) -> Vec<Vec<usize>> {
        let named = |need: &str| {
            let matching =
                move |item: &Item| item.name == need || format!("{}/{}", item.kind.section(), item.name) == need;
            self.items.iter().enumerate().filter(move |(_, item)| matching(item)).map(|(at, _)| at).collect::<Vec<_>>()
        };
        self.wants.iter().map(|needs| needs.iter().flat_map(|need| named(need)).collect()).collect()
    }
}

fn blank(kind: Kind, id: String, common: &Common, model: Option<&Model>, target: String, work: Work) -> Item {
    Item {
        id,
        kind,
        name: common.name.clone(),
        model: model.cloned(),
        target,
        skip: None,
        xfail: None,
        needs: Vec::new(),
        env: Vec::new(),
        secrets: common.secrets.clone(),
        working_dir: common.working_dir.clone().unwrap_or_default(),
        timeout: Duration::ZERO,
        resources: common.resources.clone(),
        work,
    }
}

fn item_id<const N: usize>(kind: Kind, name: &str, model: Option<&Model>, others: [(&str, Option<&str>); N]) -> String {
    let model = model.map(|model| format!("model={}", model.id));
    let others = others.into_iter().filter_map(|(axis, value)| Some(format!("{axis}={}", value?)));
    let axes: Vec<String> = model.into_iter().chain(others).collect();
    let axes = if axes.is_empty() { String::new() } else { format!("[{}]", axes.join(",")) };
    format!("{}/{name}{axes}", kind.section())
}

fn test_work(step: &TestStep, template: &Template, asking: Asking<'_>) -> Result<Work, (&'static str, TemplateError)> {
    Ok(Work::Test {
        run: run((step.run.as_ref(), step.onnx.as_ref()), step.common.shell, Wish::Check, (template, asking))?,
        report: report(step),
        retries: step.retries.map_or(0, |retries| retries.0),
    })
}

/// The command of a step, or our own where it has a model instead.
fn run(
    work: (Option<&Command>, Option<&OnnxStep>),
    shell: Option<Shell>,
    wish: Wish,
    (template, asking): (&Template, Asking<'_>),
) -> Result<Invocation, (&'static str, TemplateError)> {
    match work {
        (Some(run), _) => Invocation::of(run, shell, &|word| template.render(word)).map_err(|error| ("run", error)),
        (None, Some(onnx)) => onnx::invocation(onnx, wish, asking, template).map_err(|error| ("onnx", error)),
        (None, None) => Err(("run", TemplateError("the step does nothing".to_owned()))),
    }
}

/// The format of a test's report and where that is.
fn report(step: &TestStep) -> (TestHarness, Option<OutputSource>) {
    if step.onnx.is_some() {
        return (TestHarness::Ctrf, Some(OutputSource::Stdout));
    }
    match (&step.junit, step.harness.unwrap_or(TestHarness::Junit), &step.output) {
        (Some(files), _, _) => (TestHarness::Junit, Some(OutputSource::Files(files.clone()))),
        (None, TestHarness::Junit, None) => (TestHarness::Junit, None),
        (None, harness, output) => (harness, Some(output.clone().unwrap_or(OutputSource::Stdout))),
    }
}

fn benchmark_work(
    step: &BenchmarkStep,
    limit: Percent,
    template: &Template,
    asking: Asking<'_>,
) -> Result<Work, (&'static str, TemplateError)> {
    let command = |command: &Command| Invocation::of(command, step.common.shell, &|word| template.render(word));
    let wish = Wish::Measure { budget: step.budget };
    let own = step.onnx.is_some() || step.llm.is_some();
    let harness = if own { Some(Harness::Backsight) } else { step.harness };
    let run = match &step.llm {
        Some(llm) => llm::invocation(llm, step.budget, asking, template).map_err(|error| ("llm", error))?,
        None => run((step.run.as_ref(), step.onnx.as_ref()), step.common.shell, wish, (template, asking))?,
    };
    let default_metrics = || vec![MetricName::WallTime, MetricName::CpuTime];
    Ok(Work::Benchmark(Measure {
        run,
        vs: None,
        build: step.build.as_ref().map(command).transpose().map_err(|error| ("build", error))?,
        metrics: step.metrics.clone().unwrap_or_else(default_metrics),
        budget: step.budget.map(|budget| budget.0),
        warm_up: step.warm_up.unwrap_or(1),
        samples: step.samples,
        harness: harness.map(|harness| (harness, step.output.clone().unwrap_or(OutputSource::Stdout))),
        limit: limit.0,
        manner: Box::new(manner(step, template)?),
    }))
}

fn manner(step: &BenchmarkStep, template: &Template) -> Result<Manner, (&'static str, TemplateError)> {
    let command = |what, command: &Option<Command>| {
        let command =
            command.as_ref().map(|command| Invocation::of(command, step.common.shell, &|word| template.render(word)));
        command.transpose().map_err(|error| (what, error))
    };
    let stdin = step.stdin.as_ref().map(|stdin| match stdin {
        Stdin::File(path) => template.render(path).and_then(inside).map(Stdin::File),
        Stdin::Text { text } => template.render(text).map(|text| Stdin::Text { text }),
    });
    Ok(Manner {
        prepare: command("prepare", &step.prepare)?,
        cleanup: command("cleanup", &step.cleanup)?,
        stdin: stdin.transpose().map_err(|error| ("stdin", error))?,
        pin: step.pin.clone().unwrap_or_default(),
        priority: step.priority,
        clean_env: step.clean_env,
        source: step.source.unwrap_or_default(),
    })
}

/// A path that a template made must not lead out of the workspace.
fn inside(path: String) -> Result<String, TemplateError> {
    let mut depth = 0_usize;
    let stays = Path::new(&path).components().all(|component| {
        let deeper = match component {
            Component::Normal(_) => depth.checked_add(1),
            Component::ParentDir => depth.checked_sub(1),
            Component::CurDir => Some(depth),
            Component::RootDir | Component::Prefix(_) => None,
        };
        depth = deeper.unwrap_or_default();
        deeper.is_some()
    });
    if stays { Ok(path) } else { Err(TemplateError(format!("`{path}` leaves the workspace"))) }
}

#[cfg(test)]
mod tests;
