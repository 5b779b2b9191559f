//! The model × target matrix of documents.

use std::collections::BTreeMap;

use crate::pipeline::TARGETS;
use crate::results::{Document, MATRIX_SCHEMA, Matrix, MatrixCell, MatrixOutcome, MatrixRow, Reason, Step, StepStatus};

/// Derives the matrix from documents, the newest first: of each pair the newest real outcome, or why it never ran.
pub fn matrix<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Matrix {
    let mut cells: BTreeMap<(String, String), MatrixCell> = BTreeMap::new();
    let mut runs = 0;
    for document in documents {
        runs += 1;
        for (pair, cell) in of_one(document) {
            match cells.get_mut(&pair) {
                None => drop(cells.insert(pair, cell)),
                Some(known) if !known.outcome.is_real() && cell.outcome.is_real() => {
                    let skipped_since = known.reason.take();
                    *known = MatrixCell { skipped_since, ..cell };
                }
                Some(_) => {}
            }
        }
    }
    arranged(&cells, runs)
}

fn arranged(cells: &BTreeMap<(String, String), MatrixCell>, runs: u64) -> Matrix {
    let mut targets: Vec<String> = cells.keys().map(|(_, target)| target.clone()).collect();
    targets.sort_by_key(|target| (TARGETS.iter().position(|known| known == target), target.clone()));
    targets.dedup();
    let mut models: Vec<&String> = cells.keys().map(|(model, _)| model).collect();
    models.dedup();
    let row = |model: &String| MatrixRow {
        model: model.clone(),
        cells: targets.iter().map(|target| cells.get(&(model.clone(), target.clone())).cloned()).collect(),
    };
    let models = models.into_iter().map(row).collect();
    Matrix { schema: MATRIX_SCHEMA.to_owned(), models, targets, runs }
}

/// The pairs of one document.
fn of_one(document: &Document) -> BTreeMap<(String, String), MatrixCell> {
    let mut cells: BTreeMap<(String, String), MatrixCell> = BTreeMap::new();
    for step in &document.steps {
        let (Some(model), Some(target), Some(outcome)) = (&step.model, &step.target, outcome(step.status)) else {
            continue;
        };
        let pair = (model.clone(), target.clone());
        let known = cells.entry(pair).or_insert_with(|| begun(document, target, outcome));
        if outcome >= known.outcome {
            known.outcome = outcome;
            known.reason = reason(document, step).or(known.reason.take()).filter(|_| outcome != MatrixOutcome::Passed);
        }
    }
    for benchmark in &document.benchmarks {
        let pair = benchmark.model.clone().zip(benchmark.target.clone());
        let latency = ["latency", "wall_time"].iter().find_map(|name| benchmark.metric(name));
        if let (Some(cell), Some(latency)) = (pair.and_then(|pair| cells.get_mut(&pair)), latency)
            && cell.latency_ns.is_none()
        {
            cell.latency_ns = Some(latency.value).filter(|value| value.is_finite());
        }
    }
    cells
}

fn begun(document: &Document, target: &str, outcome: MatrixOutcome) -> MatrixCell {
    let probe = document.host.probes.iter().find(|probe| probe.target == target);
    MatrixCell {
        outcome,
        run: document.run.id,
        at: document.run.started_at,
        commit: document.change.commit.clone(),
        host: document.host.title(),
        reason: None,
        skipped_since: None,
        latency_ns: None,
        device: probe.and_then(|probe| probe.device.clone()),
    }
}

const fn outcome(status: StepStatus) -> Option<MatrixOutcome> {
    match status {
        StepStatus::Passed => Some(MatrixOutcome::Passed),
        StepStatus::Failed => Some(MatrixOutcome::Failed),
        StepStatus::Errored | StepStatus::TimedOut => Some(MatrixOutcome::Errored),
        StepStatus::Skipped => Some(MatrixOutcome::Skipped),
        // Nothing became of it: an earlier run knows better.
        StepStatus::Cancelled => None,
    }
}

/// Why: the step's reason, or the first failure of its cases.
fn reason(document: &Document, step: &Step) -> Option<Reason> {
    let of_case = || {
        let case = document.cases.iter().find(|case| case.step == step.id && case.outcome.is_failure())?;
        let text = case.failures.first().and_then(|failure| failure.message.as_deref().or(failure.text.as_deref()))?;
        let (code, rest) = text.split_once(": ").filter(|(code, _)| is_code(code)).unwrap_or(("failed", text));
        Some(Reason::new(code, rest.lines().next().unwrap_or_default()))
    };
    step.reason.clone().or_else(of_case)
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::matrix;
    use crate::results::{Document, Kind, MatrixOutcome, Reason, Step, StepStatus};

    fn step(model: &str, target: &str, status: StepStatus, code: Option<&str>) -> Step {
        Step {
            id: format!("tests/a[model={model},target={target}]"),
            kind: Kind::Test,
            name: "a".into(),
            model: Some(model.into()),
            target: Some(target.into()),
            status,
            reason: code.map(|code| Reason::new(code, "why")),
            command: String::new(),
            attempts: 1,
            exit: None,
            started_at: None,
            duration_ns: 0,
            log: None,
            leg: None,
        }
    }

    fn run(steps: Vec<Step>) -> Document {
        let mut document: Document =
            serde_json::from_str(include_str!("../../tests/fixtures/results/first.json")).unwrap();
        (document.steps, document.cases, document.benchmarks) = (steps, Vec::new(), Vec::new());
        document
    }

    #[test]
    fn the_newest_real_outcome_stands() {
        let newest = run(vec![
            step("a", "cpu", StepStatus::Passed, None),
            step("a", "cuda", StepStatus::Skipped, Some("no_device")),
            step("b", "cuda", StepStatus::Skipped, Some("unsupported_op")),
            step("b", "cpu", StepStatus::Cancelled, None),
        ]);
        let older = run(vec![
            step("a", "cpu", StepStatus::Failed, None),
            step("a", "cuda", StepStatus::Passed, None),
            step("b", "cpu", StepStatus::Failed, Some("wrong_answer")),
        ]);
        let matrix = matrix([&newest, &older]);
        assert_eq!((matrix.targets.join(" "), matrix.runs), ("cpu cuda".to_owned(), 2));
        let cell = |row: usize, at: usize| matrix.models[row].cells[at].as_ref().unwrap();
        assert_eq!(cell(0, 0).outcome, MatrixOutcome::Passed);
        assert_eq!(cell(0, 1).outcome, MatrixOutcome::Passed);
        assert_eq!(cell(0, 1).skipped_since.as_ref().unwrap().code, "no_device");
        assert_eq!(cell(1, 0).reason.as_ref().unwrap().code, "wrong_answer");
        assert_eq!(cell(1, 1).outcome, MatrixOutcome::Skipped);
    }

    #[test]
    fn one_step_that_fails_is_enough_and_skipped_beside_passed_is_passed() {
        let mixed = run(vec![
            step("a", "cpu", StepStatus::Passed, None),
            step("a", "cpu", StepStatus::Failed, Some("wrong_answer")),
            step("a", "cpu", StepStatus::Passed, None),
            step("b", "cpu", StepStatus::Skipped, Some("condition_false")),
            step("b", "cpu", StepStatus::Passed, None),
        ]);
        let matrix = matrix([&mixed]);
        let outcome = |row: usize| matrix.models[row].cells[0].as_ref().unwrap().outcome;
        assert_eq!((outcome(0), outcome(1)), (MatrixOutcome::Failed, MatrixOutcome::Passed));
    }
}
