//! Secrets out of everything that we write, also where one is split over two writes.

use aho_corasick::{AhoCorasick, MatchKind};

use crate::results::{Benchmark, Case, Comparison, Event, Failure, Generation, Step, Validity};

/// What stands in place of a secret.
const MASK: &str = "***";

/// Secrets shorter than this would mask half the log.
const SHORTEST: usize = 4;

/// Replaces known secrets in text.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    automaton: Option<AhoCorasick>,
    longest: usize,
}

impl Masker {
    /// A masker of these values and, of values with several lines, of each line. Values under four bytes are left
    /// alone.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns: Vec<String> = Vec::new();
        for value in values {
            let lines = value.lines().map(str::trim).filter(|_| value.contains('\n'));
            patterns.extend([value, value.trim()].into_iter().chain(lines).map(str::to_owned));
        }
        patterns.retain(|pattern| pattern.len() >= SHORTEST);
        patterns.sort();
        patterns.dedup();
        let longest = patterns.iter().map(String::len).max().unwrap_or(0);
        let build = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        Self { automaton: if patterns.is_empty() { None } else { build() }, longest }
    }

    /// Whether there is anything to mask.
    pub fn is_idle(&self) -> bool {
        self.automaton.is_none()
    }

    /// The text without secrets.
    pub fn mask(&self, text: &mut String) {
        let Some(automaton) = self.automaton.as_ref().filter(|automaton| automaton.is_match(text.as_str())) else {
            return;
        };
        let masks = vec![MASK; automaton.patterns_len()];
        *text = automaton.replace_all(text, &masks);
    }

    /// A masker for one stream of bytes.
    pub fn stream(&self) -> Stream<'_> {
        Stream { masker: self, held: Vec::new() }
    }

    /// Masks every text of an event that came from outside.
    pub fn mask_event(&self, event: &mut Event) {
        if self.is_idle() {
            return;
        }
        match event {
            Event::CaseFinished { case } => self.mask_case(case),
            Event::StepFinished { step } => self.mask_step(step),
            Event::GenerationFinished { generation } => self.mask_generation(generation),
            Event::BenchmarkFinished { benchmark } => self.mask_benchmark(benchmark),
            Event::SampleTaken { benchmarks, .. } => {
                benchmarks.iter_mut().for_each(|benchmark| self.mask_benchmark(benchmark));
            }
            Event::Compared { comparison } => self.mask_comparison(comparison),
            Event::Remarked { remark } => self.mask(&mut remark.text),
            // Told of cases that are masked already.
            Event::Quarantined { .. }
            | Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::Progress { .. }
            | Event::Measuring { .. }
            | Event::GenerationsCounted { .. }
            | Event::RunFinished { .. } => {}
        }
    }

    fn mask_case(&self, case: &mut Case) {
        self.mask(&mut case.name);
        self.mask_all(case.suites.iter_mut());
        self.mask_all([&mut case.class, &mut case.file, &mut case.stdout, &mut case.stderr].into_iter().flatten());
        self.mask_all(case.properties.values_mut());
        let earlier = case.attempts.iter_mut().filter_map(|attempt| attempt.failure.as_mut());
        for failure in case.failures.iter_mut().chain(earlier) {
            self.mask_failure(failure);
        }
    }

    fn mask_failure(&self, failure: &mut Failure) {
        self.mask_all([&mut failure.message, &mut failure.kind, &mut failure.text].into_iter().flatten());
    }

    fn mask_step(&self, step: &mut Step) {
        self.mask(&mut step.command);
        if let Some(reason) = &mut step.reason {
            self.mask(&mut reason.text);
        }
        if let Some(log) = &mut step.log {
            self.mask(&mut log.tail);
        }
    }

    fn mask_generation(&self, generation: &mut Generation) {
        self.mask(&mut generation.output);
        self.mask_all(generation.context.iter_mut());
        if let Some(diff) = &mut generation.diff {
            self.mask(diff);
        }
        if let Some(reason) = &mut generation.reason {
            self.mask(&mut reason.text);
        }
        if let Some(answer) = &mut generation.answer {
            self.mask_all(answer.finish_reason.iter_mut());
        }
        if let Some(failure) = &mut generation.failure {
            self.mask_failure(failure);
        }
    }

    fn mask_benchmark(&self, benchmark: &mut Benchmark) {
        self.mask(&mut benchmark.name);
        self.mask_all(benchmark.parameters.values_mut());
        self.mask_validity(&mut benchmark.validity);
    }

    fn mask_comparison(&self, comparison: &mut Comparison) {
        self.mask_all(comparison.note.iter_mut());
        for row in &mut comparison.rows {
            self.mask(&mut row.benchmark);
            self.mask_all(row.note.iter_mut());
            self.mask_validity(&mut row.validity);
        }
    }

    fn mask_validity(&self, validity: &mut Validity) {
        match validity {
            Validity::Valid => {}
            Validity::Noisy { reason } | Validity::Invalid { reason } => self.mask(&mut reason.text),
        }
    }

    fn mask_all<'a>(&self, texts: impl Iterator<Item = &'a mut String>) {
        for text in texts {
            self.mask(text);
        }
    }
}

/// Masks a stream: the end of what it was given is held back until it cannot be the beginning of a secret any more.
#[derive(Debug)]
pub struct Stream<'a> {
    masker: &'a Masker,
    held: Vec<u8>,
}

impl Stream<'_> {
    /// Takes a piece and hands on what is safe.
    pub fn push(&mut self, piece: &[u8], out: &mut dyn FnMut(&[u8])) {
        if self.masker.is_idle() {
            out(piece);
            return;
        }
        self.held.extend_from_slice(piece);
        let keep = self.masker.longest - 1;
        self.release(self.held.len().saturating_sub(keep), out);
    }

    /// Hands on the rest.
    pub fn finish(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.release(self.held.len(), out);
    }

    /// Hands on at least the first `upto` bytes, masked. A secret that begins before `upto` is handled whole.
    fn release(&mut self, upto: usize, out: &mut dyn FnMut(&[u8])) {
        let Some(automaton) = &self.masker.automaton else { return };
        let mut done = 0;
        for found in automaton.find_iter(&self.held) {
            if found.start() >= upto {
                break;
            }
            out(&self.held[done..found.start()]);
            out(MASK.as_bytes());
            done = found.end();
        }
        if done < upto {
            out(&self.held[done..upto]);
            done = upto;
        }
        self.held.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use super::Masker;

    fn stream(masker: &Masker, pieces: &[&str]) -> String {
        let mut out = Vec::new();
        let mut stream = masker.stream();
        for piece in pieces {
            stream.push(piece.as_bytes(), &mut |bytes| out.extend_from_slice(bytes));
        }
        stream.finish(&mut |bytes| out.extend_from_slice(bytes));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_split() {
        let masker = Masker::new(["hunter2hunter2", "tok-123456"]);
        let text = "a hunter2hunter2 b tok-123456tok-123456 hunter2hunte";
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let got = stream(&masker, &[&text[..cut], &text[cut..second], &text[second..]]);
                assert_eq!(got, "a *** b ****** hunter2hunte", "cut at {cut} and {second}");
            }
        }
    }

    #[test]
    fn lines_of_a_key_are_masked_alone_and_short_values_are_not() {
        let masker = Masker::new(["-----BEGIN-----\nabcdefgh\n-----END-----\n", "x"]);
        let mut text = "x: abcdefgh".to_owned();
        masker.mask(&mut text);
        assert_eq!(text, "x: ***");
    }

    #[test]
    fn without_secrets_bytes_pass_as_they_are() {
        assert_eq!(stream(&Masker::new([]), &["ab", "c"]), "abc");
        assert!(Masker::new(["", "abc"]).is_idle());
    }
}
