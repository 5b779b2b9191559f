//! criterion: what it prints, cargo-criterion's JSON messages, and the tree below `target/criterion`.
//!
//! `docs/harness/criterion.md` has the rules.

mod messages;
mod printed;
#[cfg(test)]
mod tests;
mod tree;

use super::adapter::{Adapter, Confidence, Head, Reading, Tree};
use super::{HarnessError, Parsed, decoded};

const FORMAT: &str = "criterion";
const HELP: &str = "run `cargo bench`, `cargo criterion --message-format json`, or read the folder `target/criterion`";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "criterion",
    title: "criterion's text, cargo-criterion's JSON, or the folder `target/criterion`",
    reading: Reading::Benchmarks(parse),
    sniff,
};

/// The folder `target/criterion`.
pub const TREE: Tree = Tree { adapter: &ADAPTER, wants: tree::wants, read: tree::read };

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.with_event(&["reason", "id", "typical"]).is_ok() {
        return Ok(Confidence::Certain);
    }
    head.line("`name  time: [1.0 µs 1.1 µs 1.2 µs]`", |line| printed::interval(line, "time:").is_some())
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    match text.lines().any(messages::is_message) {
        true => messages::parse(&text),
        false => printed::parse(&text),
    }
}
