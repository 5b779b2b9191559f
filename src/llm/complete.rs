//! Asks prompt by prompt and keeps the answers: each request with the same seed, sent again where the server did not take
//! it, and none after a failure that all others would meet, too.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::drive::Source;
use super::measure::LlmError;
use super::prompts::Given;
use super::trace::Trace;
use crate::execute::Cancel;
use crate::results::{Answer, Reason};

/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long is waited before a request is sent again; then twice as long each time.
const PAUSE: Duration = Duration::from_millis(500);
/// Failures of requests that the server did not take: sent again, they are the same requests.
const NOT_TAKEN: [&str; 3] = ["unreachable", "http_429", "http_503"];
/// Failures that every other request will meet, too.
const LASTING: [&str; 9] =
    ["unreachable", "http_301", "http_302", "http_307", "http_308", "http_401", "http_403", "http_404", "not_started"];

/// What is asked.
#[derive(Debug)]
pub struct Completing {
    /// Who answers.
    pub source: Source,
    /// Prompts with their ids.
    pub prompts: Vec<(String, Given)>,
    /// The seed of each request.
    pub seed: u64,
    /// So many requests at once, at least one.
    pub concurrency: usize,
    /// How often a request is sent again that the server did not take.
    pub retries: u32,
}

/// What became of a prompt that was asked.
fn answer(id: String, trace: Trace) -> Answer {
    let whole = trace.is_success();
    let said = trace.said.unwrap_or_default();
    Answer {
        id,
        text: whole.then_some(said.text),
        finish_reason: said.finish,
        prompt_tokens: trace.usage.prompt,
        output_tokens: trace.usage.output,
        seconds: trace.end.saturating_sub(trace.sent).as_secs_f64(),
        failure: trace.failure,
    }
}

/// What becomes of a prompt that is not asked, for it would only fail.
fn not_asked(id: String, reason: &Reason) -> Answer {
    let failure = Reason::new(&reason.code, format!("not asked, for an earlier request failed: {}", reason.text));
    Answer { id, failure: Some(failure), ..Answer::default() }
}

/// Asks; each answer is told when it is there. Gives how many failed.
///
/// # Errors
/// If the network cannot be used, it was asked to stop, or nobody takes the answers any more.
pub fn complete(
    completing: Completing,
    cancel: &Cancel,
    told: &mut dyn FnMut(&Answer) -> io::Result<()>,
) -> Result<usize, LlmError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask_all(completing, cancel, told))
}

async fn ask_all(
    completing: Completing,
    cancel: &Cancel,
    told: &mut dyn FnMut(&Answer) -> io::Result<()>,
) -> Result<usize, LlmError> {
    let Completing { source, prompts, seed, concurrency, retries } = completing;
    let source = Arc::new(source);
    let mut waiting: VecDeque<(String, Given)> = prompts.into();
    let mut under_way: JoinSet<Answer> = JoinSet::new();
    let (mut failed, mut lasting) = (0, None::<Reason>);
    while !cancel.is_asked() {
        while under_way.len() < concurrency.max(1)
            && let Some((id, prompt)) = waiting.pop_front()
        {
            match &lasting {
                Some(reason) => {
                    failed += 1;
                    told(&not_asked(id, reason))?;
                }
                None => drop(under_way.spawn(ask(Arc::clone(&source), id, prompt, seed, retries))),
            }
        }
        if under_way.is_empty() {
            return Ok(failed);
        }
        if let Ok(Some(Ok(answer))) = tokio::time::timeout(TICK, under_way.join_next()).await {
            failed += usize::from(answer.failure.is_some());
            let is_lasting = |reason: &&Reason| LASTING.contains(&reason.code.as_str());
            lasting = lasting.or_else(|| answer.failure.as_ref().filter(is_lasting).cloned());
            told(&answer)?;
        }
    }
    Err(LlmError::Stopped)
}

/// One prompt, asked until the server takes it.
async fn ask(source: Arc<Source>, id: String, prompt: Given, seed: u64, retries: u32) -> Answer {
    let clock = Instant::now();
    let (mut pause, mut left) = (PAUSE, retries);
    loop {
        let trace = Arc::clone(&source).complete(prompt.clone(), seed, clock).await;
        let not_taken = trace.failure.as_ref().is_some_and(|reason| NOT_TAKEN.contains(&reason.code.as_str()));
        if left == 0 || !not_taken {
            return answer(id, trace);
        }
        left -= 1;
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::{Completing, complete};
    use crate::execute::Cancel;
    use crate::llm::{Command, Given, LlmError, Source};
    use crate::results::Answer;

    fn completing(script: &str, prompts: &[&str], concurrency: usize) -> Completing {
        let long = Duration::from_secs(60);
        let argv = ["sh", "-c", script].map(str::to_owned).into();
        let command = Command::new(argv, 8, long, long, Cancel::new()).unwrap();
        let prompts = prompts.iter().map(|text| ((*text).to_owned(), Given::Text((*text).to_owned())));
        let prompts = prompts.collect();
        Completing { source: Source::Command(command), prompts, seed: 3, concurrency, retries: 0 }
    }

    fn all(completing: Completing) -> (usize, Vec<Answer>) {
        let mut found = Vec::new();
        let mut told = |answer: &Answer| {
            found.push(answer.clone());
            Ok(())
        };
        let failed = complete(completing, &Cancel::new(), &mut told).unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        (failed, found)
    }

    #[test]
    fn each_prompt_has_its_answer() {
        let (failed, found) = all(completing("printf 'you said '; cat", &["a", "b", "c"], 2));
        assert_eq!(failed, 0);
        let texts: Vec<_> = found.iter().filter_map(|answer| answer.text.as_deref()).collect();
        assert_eq!(texts, ["you said a", "you said b", "you said c"]);
    }

    #[test]
    fn one_failure_is_its_own() {
        let (failed, found) = all(completing("read p; test $p != b && echo $p", &["a\n", "b\n", "c\n"], 1));
        assert_eq!(failed, 1);
        let codes: Vec<_> = found.iter().map(|a| a.failure.as_ref().map_or("ok", |reason| &reason.code)).collect();
        assert_eq!(codes, ["ok", "exit_1", "ok"]);
        assert_eq!(found[1].text, None);
    }

    #[test]
    fn what_all_would_meet_is_met_once() {
        let long = Duration::from_secs(60);
        let command = Command::new(vec!["no-such-program-here".into()], 8, long, long, Cancel::new()).unwrap();
        let asked = Completing { source: Source::Command(command), ..completing("", &["a", "b", "c"], 1) };
        let (failed, found) = all(asked);
        assert_eq!(failed, 3);
        let text = |at: usize| found[at].failure.as_ref().unwrap().text.clone();
        assert!(!text(0).contains("not asked") && text(1).starts_with("not asked") && text(2).starts_with("not asked"));
    }

    #[test]
    fn it_stops_when_asked_and_when_nobody_listens() {
        let cancel = Cancel::new();
        let mut told = |_: &Answer| {
            cancel.ask(2);
            Ok(())
        };
        let stopped = complete(completing("cat", &["a", "b", "c"], 1), &cancel, &mut told);
        assert!(matches!(stopped, Err(LlmError::Stopped)));
        let mut deaf = |_: &Answer| Err(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(complete(completing("cat", &["a", "b"], 1), &Cancel::new(), &mut deaf).is_err());
    }

    #[test]
    fn an_answer_is_one_line_whatever_it_holds() {
        let (_, found) = all(completing("printf 'a\\nb\\033[2J\\000'", &["x"], 1));
        let line = serde_json::to_string(&found[0]).unwrap();
        assert!(!line.contains('\n') && !line.contains('\u{1b}') && !line.contains('\0'));
        assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), found[0]);
    }
}
