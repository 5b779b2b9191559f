//! How a measured command is executed: what comes before and after it, what it reads, where and how it runs.

use crate::pipeline::{CounterSource, MetricName, Pin, PinRule, Stdin};

use super::Invocation;

/// How a measured command is executed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manner {
    /// Run before each execution, not measured.
    pub prepare: Option<Invocation>,
    /// Run after each execution, not measured.
    pub cleanup: Option<Invocation>,
    /// What it reads on standard input.
    pub stdin: Option<Stdin>,
    /// Which processors it may use.
    pub pin: Pin,
    /// Its nice value; `None` for ours.
    pub priority: Option<i32>,
    /// It sees no environment but the least.
    pub clean_env: bool,
    /// Where the number of instructions comes from.
    pub source: CounterSource,
}

impl Manner {
    /// What is not as usual, for people: `prepare: sync`, `pinned to 1`; empty where all is.
    pub fn display(&self, metrics: &[MetricName]) -> Vec<String> {
        let command = |word: &str, command: &Option<Invocation>| {
            command.as_ref().map(|command| format!("{word}: {}", command.display()))
        };
        let counters: Vec<&str> =
            metrics.iter().filter(|metric| metric.is_counter()).map(|metric| metric.as_str()).collect();
        let parts = [
            command("prepare", &self.prepare),
            command("cleanup", &self.cleanup),
            self.stdin.as_ref().map(|stdin| match stdin {
                Stdin::File(path) => format!("stdin: {path}"),
                Stdin::Text { text } => format!("stdin: {} bytes of text", text.len()),
            }),
            match &self.pin {
                Pin::Rule(PinRule::None) => None,
                Pin::Rule(PinRule::Auto) => Some("pin: auto".to_owned()),
                Pin::Processors(numbers) => {
                    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                    Some(format!("pin: {}", numbers.join(", ")))
                }
            },
            self.priority.map(|nice| format!("priority: {nice}")),
            self.clean_env.then(|| "clean environment".to_owned()),
            (!counters.is_empty()).then(|| format!("counts {} ({})", counters.join(", "), self.source.as_str())),
        ];
        parts.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Manner, MetricName, Pin, Stdin};
    use crate::pipeline::{CounterSource, PinRule};
    use crate::plan::Invocation;

    #[test]
    fn only_what_is_unusual_is_told() {
        assert!(Manner::default().display(&[MetricName::WallTime]).is_empty());
        let all = Manner {
            prepare: Some(Invocation::Args(vec!["rm".into(), "-f".into(), "a b".into()])),
            cleanup: Some(Invocation::Args(vec!["sync".into()])),
            stdin: Some(Stdin::Text { text: "1\n2\n".into() }),
            pin: Pin::Processors(vec![1, 3]),
            priority: Some(-5),
            clean_env: true,
            source: CounterSource::Callgrind,
        };
        let told = all.display(&[MetricName::WallTime, MetricName::Instructions]).join("; ");
        assert_eq!(
            told,
            "prepare: rm -f 'a b'; cleanup: sync; stdin: 4 bytes of text; pin: 1, 3; priority: -5; clean environment; \
             counts instructions (callgrind)"
        );
        let auto = Manner { pin: Pin::Rule(PinRule::Auto), ..Manner::default() };
        assert_eq!(auto.display(&[MetricName::Cycles]), ["pin: auto", "counts cycles (auto)"]);
    }
}
