//! An `onnx` step as the call of our own program that does it.

use super::own::{self, given, joined};
use super::{Facts, Invocation, Template, TemplateError};
use crate::pipeline::{Model, OnnxInput, OnnxSettings, OnnxSize, OnnxStep, StepDuration};

/// What an `onnx` step does with its model.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Right answers.
    Check,
    /// And speed.
    Measure {
        /// The time that the step may take.
        budget: Option<StepDuration>,
    },
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub facts: &'a Facts,
    pub name: &'a str,
    pub model: Option<&'a Model>,
    pub target: &'a str,
    /// Which of the model's files.
    pub precision: Option<&'a str>,
    /// A rule lets nodes run on the processor.
    pub fallback: bool,
}

/// The precisions that a step is repeated for; none where its model is one file.
pub(super) fn precisions(step: Option<&OnnxStep>, model: Option<&Model>) -> Result<Vec<Option<String>>, TemplateError> {
    let Some(step) = step else { return Ok(vec![None]) };
    let mut settings = step.settings();
    if let Some(known) = model.and_then(|model| model.onnx.as_ref()) {
        settings = settings.or(known);
    }
    let names: Vec<&String> = settings.files.keys().collect();
    let Some(wanted) = &settings.precisions else {
        return Ok(if names.is_empty() { vec![None] } else { names.into_iter().cloned().map(Some).collect() });
    };
    if let Some(unknown) = wanted.iter().find(|wanted| !settings.files.contains_key(*wanted)) {
        let whose = model.map_or_else(|| "the step".to_owned(), |model| format!("the model `{}`", model.id));
        let known = match names.len() {
            0 => "it names no `files`".to_owned(),
            _ => format!("it has {}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")),
        };
        let text = format!("{whose} has no file of the precision `{unknown}` ({known}); name it under `onnx: files:`");
        return Err(TemplateError(text));
    }
    Ok(wanted.iter().cloned().map(Some).collect())
}

/// The call.
pub(super) fn invocation(
    step: &OnnxStep,
    wish: Wish,
    asking: Asking<'_>,
    template: &Template,
) -> Result<Invocation, TemplateError> {
    let mut settings = step.settings();
    // A size that belongs to the model is part of what it is; one that the step asks for tells its results apart.
    let mut fixed = Vec::new();
    if let Some(known) = asking.model.and_then(|model| model.onnx.as_ref()) {
        let only = |(name, size): (&String, &OnnxSize)| match size {
            OnnxSize::One(size) if !settings.shapes.contains_key(name) => Some((name.clone(), *size)),
            _ => None,
        };
        fixed = known.shapes.iter().filter_map(only).collect();
        settings = settings.or(known);
        settings.shapes.retain(|name, _| !fixed.iter().any(|(known, _)| known == name));
    }
    let file = asking.precision.and_then(|precision| settings.files.get(precision));
    let path = match (file.or(settings.model.as_ref()), asking.model.and_then(|model| model.path.as_ref())) {
        (Some(path), _) => template.render(path)?,
        (None, Some(path)) => path.clone(),
        (None, None) => {
            return Err(TemplateError("no model: write `onnx: FILE`, or give the model a `path`".to_owned()));
        }
    };
    let mut args = vec!["onnx".to_owned()];
    args.push(if wish == Wish::Check { "check" } else { "measure" }.to_owned());
    let mut option = |name: &str, value: String| own::option(&mut args, name, value);
    option("name", asking.name.to_owned());
    option("target", asking.target.to_owned());
    if let Some(precision) = asking.precision {
        option("precision", precision.to_owned());
    }
    let golden = settings.golden.as_ref().map(|golden| template.render(golden)).transpose()?;
    let runtime = settings.runtime.as_ref().map(|runtime| template.render(runtime)).transpose()?;
    for (name, size) in fixed {
        option("size", format!("{name}={size}"));
    }
    described(&settings, &mut option);
    if let Some(golden) = golden {
        option("golden", golden);
    }
    if let Some(runtime) = runtime {
        option("onnxruntime", runtime);
    }
    if asking.fallback {
        option("placement", "0%".to_owned());
    } else if let Some(placement) = settings.placement {
        option("placement", format!("{}%", placement.0 * 100.0));
    }
    if let Wish::Measure { budget } = wish {
        loaded(&settings, budget, &mut option);
    }
    args.extend(["--".to_owned(), path]);
    Ok(Invocation::Own { program: asking.facts.program.clone(), args })
}

/// What a check needs to know, too.
fn described(settings: &OnnxSettings, option: &mut impl FnMut(&str, String)) {
    for (name, size) in &settings.shapes {
        let sizes = match size {
            OnnxSize::One(size) => size.to_string(),
            OnnxSize::Each(sizes) => joined(sizes),
            OnnxSize::As(other) => other.clone(),
        };
        option("dimension", format!("{name}={sizes}"));
    }
    for (name, input) in &settings.inputs {
        let value = match input {
            OnnxInput::Value(value) => value.to_string(),
            OnnxInput::Range(range) => range.clone(),
        };
        option("input", format!("{name}={value}"));
    }
    if let Some(seed) = settings.seed {
        option("seed", seed.to_string());
    }
    if let Some(tolerance) = settings.tolerance {
        option("tolerance", format!("{:e},{:e}", tolerance.absolute, tolerance.relative));
    }
}

/// What only a measurement needs to know.
fn loaded(settings: &OnnxSettings, budget: Option<StepDuration>, option: &mut impl FnMut(&str, String)) {
    let numbers = [
        ("scenario", settings.scenario.map(|scenario| scenario.as_str().to_owned())),
        ("rate", settings.rate.map(|rate| rate.to_string())),
        ("streams", settings.streams.map(|streams| streams.to_string())),
        ("threads", settings.threads.as_deref().map(joined)),
        ("queries", settings.queries.map(|queries| queries.to_string())),
        ("time", settings.duration.map(|time| time.to_string())),
        ("budget", budget.map(|time| time.to_string())),
        ("latency-limit", settings.latency_limit.map(|time| time.to_string())),
    ];
    given(numbers, option);
}
