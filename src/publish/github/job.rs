//! What a job on GitHub writes without a token: its summary, its outputs, and annotations by workflow commands.

use std::fmt::Write;

use uuid::Uuid;

use crate::report::annotations::{Annotation, Level};
use crate::report::escape;

/// The largest summary of a step, in bytes: what is larger is dropped whole.
pub const SUMMARY: usize = 1024 * 1024;
/// Annotations of each level that GitHub keeps of a step.
const MOST: usize = 10;

/// Annotations as workflow commands, one a line; at most ten of each level.
pub fn commands(annotations: &[Annotation]) -> String {
    let mut out = String::new();
    for level in [Level::Failure, Level::Warning] {
        let word = match level {
            Level::Failure => "error",
            Level::Warning => "warning",
        };
        for one in annotations.iter().filter(|one| one.level == level).take(MOST) {
            let _ = writeln!(
                out,
                "::{word} file={},line={},title={}::{}",
                property(&one.file),
                one.line.max(1),
                property(&escape::cut(&escape::line(&one.title), 255)),
                data(&escape::cut(&escape::block(&one.message), 4000)),
            );
        }
    }
    out
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Outputs in the form of `$GITHUB_OUTPUT`: each value between delimiters that it cannot hold.
pub fn outputs(values: &[(&str, String)]) -> String {
    let mut out = String::new();
    for (name, value) in values {
        let delimiter = format!("backsight_{}", Uuid::now_v7().simple());
        let _ = writeln!(out, "{name}<<{delimiter}\n{value}\n{delimiter}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_where_we_end_it() {
        let one = |level, file: &str, message: &str| Annotation {
            level,
            file: file.into(),
            line: 3,
            title: "a::b, c".into(),
            message: message.into(),
        };
        let all = [one(Level::Warning, "w", "w"), one(Level::Failure, "a,b:c%", "1\n::error::2\r\n\u{1b}[31m3")];
        assert_eq!(
            commands(&all),
            "::error file=a%2Cb%3Ac%25,line=3,title=a%3A%3Ab%2C c::1%0A::error::2%0A3\n\
             ::warning file=w,line=3,title=a%3A%3Ab%2C c::w\n"
        );
        let many = vec![one(Level::Failure, "a", "b"); 30];
        assert_eq!(commands(&many).lines().count(), 10);
    }

    #[test]
    fn an_output_cannot_begin_another() {
        let text = outputs(&[("verdict", "a\nother<<x\nb".into()), ("n", "1".into())]);
        let (first, rest) = text.split_once('\n').expect("a line");
        let delimiter = first.strip_prefix("verdict<<").expect("a delimiter");
        assert_eq!(rest.matches(delimiter).count(), 1);
        assert!(rest.starts_with(&format!("a\nother<<x\nb\n{delimiter}\nn<<")));
    }
}
