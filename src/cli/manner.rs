//! Options that say how a measured command is executed.

use clap::builder::NonEmptyStringValueParser;
use serde::de::DeserializeOwned;

use crate::pipeline::{CounterSource, MetricName, Pin, Shell, Stdin};
use crate::plan::{Invocation, Manner};

/// How both commands are executed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How both commands are executed")]
pub(super) struct MannerArgs {
    /// A metric to record beside the usual ones: instructions, cycles, branch_misses or cache_misses.
    #[arg(long = "metric", value_name = "METRIC", value_parser = word::<MetricName>)]
    metrics: Vec<MetricName>,
    /// Where the number of instructions comes from: auto, perf or callgrind.
    #[arg(long, default_value = "auto", value_parser = word::<CounterSource>)]
    source: CounterSource,
    /// Run this before each execution; it is not measured.
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    prepare: Option<String>,
    /// Run this after each execution; it is not measured.
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    cleanup: Option<String>,
    /// The file that the commands read on standard input; otherwise there is nothing to read.
    #[arg(long, value_name = "FILE")]
    stdin: Option<String>,
    /// Which processors they may use: none (as it is), auto, or numbers such as 1,3.
    #[arg(long, value_name = "CPUS", default_value = "none", value_parser = pin)]
    pin: Pin,
    /// Their nice value, -20 to 19; below 0 it takes a permission.
    #[arg(long, value_name = "NICE", allow_hyphen_values = true, value_parser = clap::value_parser!(i32).range(-20..=19))]
    priority: Option<i32>,
    /// They see no environment but PATH, HOME and LANG=C.UTF-8, and what Backsight sets.
    #[arg(long)]
    clean_env: bool,
}

impl MannerArgs {
    /// How commands are executed, and the metrics that were asked for.
    pub(super) fn read(self) -> (Manner, Vec<MetricName>) {
        let command = |script: Option<String>| script.map(|script| Invocation::Shell { shell: Shell::Sh, script });
        let manner = Manner {
            prepare: command(self.prepare),
            cleanup: command(self.cleanup),
            stdin: self.stdin.map(Stdin::File),
            pin: self.pin,
            priority: self.priority,
            clean_env: self.clean_env,
            source: self.source,
        };
        (manner, self.metrics)
    }
}

/// A word as the pipeline file knows it.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn pin(text: &str) -> Result<Pin, String> {
    if let Ok(rule) = word(text) {
        return Ok(Pin::Rule(rule));
    }
    let numbers: Result<Vec<u16>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    numbers.map(Pin::Processors).map_err(|_| "wants `none`, `auto` or numbers such as 1,3".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Pin, pin};
    use crate::pipeline::PinRule;

    #[test]
    fn processors_are_a_rule_or_numbers() {
        assert_eq!(pin("auto"), Ok(Pin::Rule(PinRule::Auto)));
        assert_eq!(pin("1, 3"), Ok(Pin::Processors(vec![1, 3])));
        for odd in ["", "1,", "-1", "most", "99999"] {
            assert!(pin(odd).is_err(), "{odd}");
        }
    }
}
