//! Versions of the tools that the steps use; only those that are asked for, all at the same time.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::ask::ask;
use super::tree::fact;
use crate::results::Toolchain;

/// A tool that takes longer is left out.
const TIME: Duration = Duration::from_secs(2);
/// The first line is all that is kept.
const OUTPUT_BYTES: usize = 4096;
/// More names than this are not asked: each is a process.
const MAX_TOOLS: usize = 32;

/// Asks each named program (as it stands on `PATH`) for its version, from within `workspace`, since some tools choose
/// their version by the folder. Programs that are missing, fail or take longer
/// than two seconds are left out; the order is that of the names.
pub fn toolchains(workspace: &Path, names: &[&str]) -> Vec<Toolchain> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = names
            .iter()
            .take(MAX_TOOLS)
            .filter(|name| is_program(name))
            .map(|name| {
                scope.spawn(|| version(workspace, name).map(|version| Toolchain { name: (*name).to_owned(), version }))
            })
            .collect();
        asked.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    })
}

/// A bare program name, so that nothing of the workspace is started by its path.
fn is_program(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
        && !name.starts_with(['-', '.'])
}

fn version(workspace: &Path, name: &str) -> Option<String> {
    let argument = match name {
        "go" => "version",
        "java" | "javac" => "-version",
        _ => "--version",
    };
    let mut command = Command::new(name);
    // A question must not make rustup fetch a toolchain.
    command.arg(argument).current_dir(workspace).env("RUSTUP_AUTO_INSTALL", "0");
    let answer = ask(&mut command, b"", OUTPUT_BYTES, TIME).ok()?;
    // Old Javas and Pythons say it on standard error.
    let said = if answer.output.is_empty() { &answer.complaint } else { &answer.output };
    answer.success.then(|| String::from_utf8_lossy(said).lines().next().and_then(fact)).flatten()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_program, toolchains};

    #[test]
    fn answers_in_the_order_of_the_names() {
        let found = toolchains(Path::new("."), &["rustc", "no-such-program-here", "git"]);
        let names: Vec<&str> = found.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["rustc", "git"]);
        assert!(found[0].version.starts_with("rustc 1."), "{}", found[0].version);
    }

    #[test]
    fn only_bare_names_are_started() {
        assert!(is_program("g++") && is_program("python3.11"));
        for odd in ["", "./x", "/bin/sh", "-c", "a b", "..", "x;y"] {
            assert!(!is_program(odd), "{odd}");
        }
    }
}
