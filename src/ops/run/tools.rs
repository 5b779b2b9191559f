//! Which tools' versions are worth noting: those that the commands of a plan name.

use crate::pipeline::Command;
use crate::plan::{Invocation, Plan, Work};

/// The word in a command, and the tools whose versions explain its results.
const TOOLS: [(&str, &[&str]); 16] = [
    ("cargo", &["rustc", "cargo"]),
    ("rustc", &["rustc"]),
    ("python", &["python"]),
    ("python3", &["python3"]),
    ("pytest", &["python3"]),
    ("node", &["node"]),
    ("npm", &["node", "npm"]),
    ("npx", &["node"]),
    ("go", &["go"]),
    ("gcc", &["gcc"]),
    ("g++", &["gcc"]),
    ("make", &["gcc"]),
    ("cmake", &["cmake", "gcc"]),
    ("ctest", &["cmake", "gcc"]),
    ("java", &["java"]),
    ("mvn", &["java"]),
];

/// The tools that the plan's commands name, without repetition.
pub(super) fn asked_for(plan: &Plan) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = plan
        .items
        .iter()
        .filter(|item| item.skip.is_none())
        .flat_map(|item| texts(&item.work))
        .flat_map(|text| words(&text).flat_map(of_word).collect::<Vec<_>>())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn texts(work: &Work) -> Vec<String> {
    match work {
        Work::Generate(batch) => {
            let ladder = &batch.ladder;
            let rungs = [&ladder.lint, &ladder.compile, &ladder.collect, &ladder.run];
            rungs.into_iter().flatten().map(Command::display).collect()
        }
        Work::Test { run, .. } => vec![run.display()],
        Work::Benchmark(measure) => measure.build.iter().chain([&measure.run]).map(Invocation::display).collect(),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).filter(|word| !word.is_empty())
}

fn of_word(word: &str) -> impl Iterator<Item = &'static str> {
    let name = word.rsplit('/').next().unwrap_or(word);
    TOOLS.iter().filter(move |(known, _)| *known == name).flat_map(|(_, tools)| tools.iter().copied())
}
