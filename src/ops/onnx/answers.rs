//! Whether a model answers rightly: against stored answers, or against what the processor answers.

use std::path::Path;

use super::{Problem, Request};
use crate::results::Execution;

/// One set of inputs that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// `test_data_set_0`, or the sizes of seeded inputs.
    pub name: String,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
    /// Why it did not pass.
    pub problem: Option<Problem>,
}

/// Tries each stored set, or seeded inputs where there is none.
///
/// # Errors
/// If nothing could be tried at all.
#[cfg(feature = "onnx")]
pub fn check(request: &Request) -> Result<(Vec<Checked>, Execution), Problem> {
    let facts = request.facts()?;
    let engine = crate::onnx::Engine::load(&request.library()?)?;
    engine::try_all(&engine, request, &facts)
}

/// Tries each stored set, or seeded inputs where there is none.
///
/// # Errors
/// Always: this build cannot.
#[cfg(not(feature = "onnx"))]
pub fn check(request: &Request) -> Result<(Vec<Checked>, Execution), Problem> {
    request.facts()?;
    Err(crate::onnx::RuntimeError::NotBuilt.into())
}

/// The hash of a model file.
pub(super) fn hash(path: &Path) -> Option<String> {
    use sha2::{Digest, Sha256};
    let mut file = std::fs::File::open(path).ok()?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match std::io::Read::read(&mut file, &mut block).ok()? {
            0 => return Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hash.update(block.get(..n)?),
        }
    }
}

#[cfg(feature = "onnx")]
pub(super) mod engine {
    use std::path::Path;
    use std::time::Instant;

    use super::{Checked, hash};
    use crate::onnx::{
        Element, Engine, GoldenSet, Model, ModelFacts, Options, Placement, Provider, Sizes, Tensor, Tolerance, agree,
        make, no_number, sets,
    };
    use crate::ops::onnx::{Fate, Problem, Request};
    use crate::results::{Correctness, Execution};

    type Named = (String, Tensor);

    /// Inputs, and the answers to them where they are known.
    struct Trial {
        name: String,
        inputs: Vec<Named>,
        expected: Option<Vec<Tensor>>,
    }

    /// Tries all sets in one session whose profile tells where the nodes ran.
    pub(in crate::ops::onnx) fn try_all(
        engine: &Engine,
        request: &Request,
        facts: &ModelFacts,
    ) -> Result<(Vec<Checked>, Execution), Problem> {
        let providers = request.providers()?;
        engine.serves(providers)?;
        let profile = tempfile::tempdir()
            .map_err(|error| Problem::new(Fate::Broken, "no_profile", format!("no folder for a profile: {error}")))?;
        let options = Options {
            providers: providers.to_vec(),
            device: request.device,
            threads: 0,
            profile: Some(profile.path().join("backsight")),
        };
        let mut model = engine.open(&request.model, &options)?;
        let mut reference = None;
        let mut execution = Execution {
            runtime: Some(engine.version.clone()),
            model_sha256: hash(&request.model),
            seed: Some(request.seed),
            ..Execution::default()
        };
        let mut checked = Vec::new();
        let mut correctness: Option<Correctness> = None;
        for trial in trials(request, facts, &model)? {
            let began = Instant::now();
            let tried = one(&trial, &mut model, (engine, request, facts), &mut reference);
            let took_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let problem = match tried {
                Ok(agreed) => {
                    if let Some((against, used)) = agreed {
                        let known = correctness.get_or_insert(Correctness { against, sets: 0, used: 0.0 });
                        (known.sets, known.used) = (known.sets + 1, known.used.max(used));
                    }
                    None
                }
                Err(problem) => Some(problem),
            };
            checked.push(Checked { name: trial.name, took_ns, problem });
        }
        execution.correctness = correctness;
        if checked.iter().any(|checked| checked.problem.is_none()) {
            let placement = model.placement()?;
            placed(&placement, providers, request)?;
            execution.nodes = placement.nodes;
        }
        Ok((checked, execution))
    }

    /// A model that ran elsewhere than it was to has not passed.
    fn placed(placement: &Placement, providers: &[Provider], request: &Request) -> Result<(), Problem> {
        let names: Vec<&str> = providers.iter().map(|provider| provider.name()).collect();
        let Some(share) = placement.share(&names).filter(|share| *share < request.placement) else { return Ok(()) };
        let elsewhere = placement.elsewhere(&names);
        let shown: Vec<&str> = elsewhere.iter().take(8).copied().collect();
        let more = if elsewhere.len() > shown.len() { ", ..." } else { "" };
        let text = format!(
            "only {:.0} % of its nodes ran on {}, {:.0} % are asked for; on the processor ran {}{more}. A rule with `then: \
             allow_cpu_fallback` or a lower `placement` permits that",
            share * 100.0,
            names.join(" and "),
            request.placement * 100.0,
            shown.join(", ")
        );
        Err(Problem::new(Fate::Failed, "cpu_fallback", text))
    }

    fn trials(request: &Request, facts: &ModelFacts, model: &Model) -> Result<Vec<Trial>, Problem> {
        let beside = || request.model.parent().map(Path::to_path_buf).unwrap_or_default();
        let folders = sets(&request.golden.clone().unwrap_or_else(beside));
        if let Some(golden) = request.golden.as_ref().filter(|_| folders.is_empty()) {
            let text = format!("{}: no stored set (`test_data_set_0/output_0.pb`) is there", golden.display());
            return Err(Problem::new(Fate::Wrong, "no_golden", text));
        }
        if folders.is_empty() {
            return request.shapes().iter().map(|sizes| seeded(request, facts, sizes)).collect();
        }
        let names = model.inputs();
        folders.iter().map(|folder| stored(folder, &names)).collect()
    }

    fn stored(folder: &Path, names: &[String]) -> Result<Trial, Problem> {
        let set = GoldenSet::load(folder)
            .map_err(|error| Problem::new(Fate::Skipped, "unsupported_input", error.to_string()))?;
        let inputs = names.iter().cloned().zip(set.inputs).collect();
        Ok(Trial { name: set.name, inputs, expected: Some(set.outputs) })
    }

    fn seeded(request: &Request, facts: &ModelFacts, sizes: &Sizes) -> Result<Trial, Problem> {
        let inputs = make(facts, sizes, &request.fills, request.seed)?;
        let name: Vec<String> = sizes.iter().map(|(name, size)| format!("{name}={size}")).collect();
        let name = if name.is_empty() { "seeded inputs".to_owned() } else { name.join(" ") };
        Ok(Trial { name, inputs, expected: None })
    }

    /// What the answers were held against, and how near they came; nothing where there was nothing to hold them
    /// against.
    fn one(
        trial: &Trial,
        model: &mut Model,
        (engine, request, facts): (&Engine, &Request, &ModelFacts),
        reference: &mut Option<Model>,
    ) -> Result<Option<(String, f64)>, Problem> {
        let feed = model.feed(&trial.inputs)?;
        let answers = model.answer(&feed)?;
        let precision = facts.precision().unwrap_or(Element::Float32);
        let tolerance = |usual: Tolerance| request.tolerance.unwrap_or(usual);
        if let Some(expected) = &trial.expected {
            let used = held(&answers, expected, tolerance(Tolerance::GOLDEN.or_wider(golden(precision))))?;
            return Ok(Some(("golden".to_owned(), used)));
        }
        for (name, answer) in answers.iter().filter_map(|(name, answer)| Some((name, answer.as_ref()?))) {
            if let Some(at) = no_number(answer) {
                let text = format!("output `{name}` is not a number (NaN) at element {at}, with {}", trial.name);
                return Err(Problem::new(Fate::Failed, "nan_output", text));
            }
        }
        if request.target == "cpu" {
            return Ok(None);
        }
        if reference.is_none() {
            *reference = Some(engine.open(&request.model, &Options::default())?);
        }
        let Some(reference) = reference else { return Ok(None) };
        let feed = reference.feed(&trial.inputs)?;
        let expected: Vec<Tensor> = reference.answer(&feed)?.into_iter().filter_map(|(_, answer)| answer).collect();
        let used = held(&answers, &expected, tolerance(Tolerance::of(precision)))?;
        Ok(Some(("cpu".to_owned(), used)))
    }

    /// Stored answers of low precision were rounded by whoever stored them.
    const fn golden(precision: Element) -> Tolerance {
        match precision {
            Element::Float32 | Element::Float64 => Tolerance::GOLDEN,
            other => Tolerance::of(other),
        }
    }

    fn held(answers: &[(String, Option<Tensor>)], expected: &[Tensor], tolerance: Tolerance) -> Result<f64, Problem> {
        let mut used = 0.0_f64;
        for (at, wanted) in expected.iter().enumerate() {
            let Some((name, Some(found))) = answers.get(at) else {
                let text = format!("output {at} is no tensor, so it cannot be compared");
                return Err(Problem::new(Fate::Skipped, "unsupported_input", text));
            };
            match agree(wanted, found, tolerance) {
                Ok(share) => used = used.max(share),
                Err(difference) => {
                    let text = format!("output `{name}`: {difference}");
                    return Err(Problem::new(Fate::Failed, "wrong_answer", text));
                }
            }
        }
        Ok(used)
    }
}
