//! Text where no program reads it, kept there: comments and docstrings.

use minijinja::value::Kwargs;
use minijinja::{Error, State};

use super::literal::{charge, refused};
use super::python;
use crate::pipeline::visible;

/// The longest prefix of a comment's lines, in bytes.
const LONGEST_PREFIX: usize = 40;
/// What ends a comment somewhere, or what programs look for in comments, with what it becomes.
const APART: [(&str, &str); 9] = [
    ("*/", "* /"),
    ("/*", "/ *"),
    ("-->", "-- >"),
    ("--!>", "-- !>"),
    ("#}", "# }"),
    ("\"\"\"", "\" \" \""),
    ("'''", "' ' '"),
    // Python reads how a file is encoded out of a comment.
    ("coding:", "coding :"),
    ("coding=", "coding ="),
];
/// Our own mark for what people may edit in a generated file.
const KEEP: (&str, &str) = ("backsight:keep", "backsight: keep");

/// `{{ text | comment("# ") }}`: each line behind the prefix. Whatever ends a line anywhere begins a new one here, what
/// ends a comment is taken apart, and what cannot be seen is shown by a sign.
pub(super) fn comment(state: &State<'_, '_>, text: String, prefix: Option<String>) -> Result<String, Error> {
    let prefix = prefix.unwrap_or_else(|| "# ".to_owned());
    if prefix.trim().is_empty() || prefix.len() > LONGEST_PREFIX || prefix.chars().any(char::is_control) {
        return Err(refused("the prefix of a comment is a short mark such as `# `, `// ` or ` * `"));
    }
    let lines: Vec<String> =
        lines(&text).map(|line| format!("{prefix}{}", harmless(line)).trim_end().to_owned()).collect();
    let whole = lines.join("\n");
    charge(state, whole.len() * 4)?;
    Ok(whole)
}

/// The lines of a text by every reader's idea of a line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest?;
        let Some(at) = now.find(ends) else {
            rest = None;
            return Some(now);
        };
        let (line, end) = now.split_at(at);
        let end = end
            .strip_prefix("\r\n")
            .unwrap_or_else(|| end.get(end.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default());
        rest = Some(end);
        Some(line)
    })
}

fn harmless(line: &str) -> String {
    let mut text: String = line.chars().map(|c| if c == '\t' { ' ' } else { visible(c) }).collect();
    // Taken apart until nothing is left: taking one thing apart can put another together.
    while let Some((from, to)) = APART.iter().chain([&KEEP]).find(|(from, _)| text.contains(from)) {
        text = text.replace(from, to);
    }
    // A backslash at the end of a line joins the next to it in C.
    if text.trim_end().ends_with('\\') {
        text.push_str(" .");
    }
    text
}

/// `{{ text | docstring }}`, `{{ text | docstring(indent=4) }}`: a docstring of Python with its quotes; lines after the
/// first are indented.
pub(super) fn docstring(state: &State<'_, '_>, text: String, named: Kwargs) -> Result<String, Error> {
    let indent: usize = named.get::<Option<usize>>("indent")?.unwrap_or(0);
    named.assert_all_used()?;
    if indent > 64 {
        return Err(refused(format!("`indent` is at most 64, found {indent}")));
    }
    let mut out = String::from("\"\"\"");
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {
                out.push('\n');
                if characters.peek().is_some_and(|next| *next != '\n') {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
            }
            // One quote within a line is readable as it is.
            '"' if characters.peek().is_some_and(|next| *next != '"') && !out.ends_with('"') => out.push('"'),
            other => python::escape(other, &mut out),
        }
    }
    out.push_str("\"\"\"");
    charge(state, out.len())?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use crate::templating::engine;

    fn render(source: &str, text: &str) -> String {
        engine().render_str(source, minijinja::context! { text }).unwrap()
    }

    #[test]
    fn each_line_of_a_comment_has_its_prefix() {
        assert_eq!(render("{{ text | comment }}", "a\n\nb"), "# a\n#\n# b");
        assert_eq!(render("{{ text | comment('// ') }}", ""), "//");
        let ends = "a\rb\r\nc\u{b}d\u{c}e\u{85}f\u{2028}g\u{2029}h\u{1c}i";
        assert_eq!(render("{{ text | comment('-- ') }}", ends).lines().count(), 9);
        assert_eq!(render("{{ text | comment('-- ') }}", "\n"), "--\n--");
    }

    #[test]
    fn nothing_ends_a_comment() {
        let hostile =
            "*/ */*/ --> --!> #} \"\"\" ''' **//* backsight:keep coding: utf-7 codingcoding:: -->--> \u{202e}x\0 \\";
        let safe = render("{{ text | comment(' * ') }}", hostile);
        for ended in ["*/", "/*", "-->", "--!>", "#}", "\"\"\"", "'''", "backsight:keep", "coding:", "\u{202e}", "\0"] {
            assert!(!safe.contains(ended), "{ended:?} in {safe}");
        }
        assert!(!safe.ends_with('\\') && safe.starts_with(" * ") && safe.lines().count() == 1);
    }

    #[test]
    fn a_prefix_is_a_mark() {
        for wrong in ["''", "'  '", "'# \\n'", "'#' * 41"] {
            let source = format!("{{{{ text | comment({wrong}) }}}}");
            assert!(engine().render_str(&source, minijinja::context! { text => "a" }).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_docstring_is_readable() {
        assert_eq!(render("{{ text | docstring }}", "It is \"so\" \\ ü"), "\"\"\"It is \"so\" \\\\ ü\"\"\"");
        assert_eq!(render("{{ text | docstring(indent=4) }}", "a\n\nb"), "\"\"\"a\n\n    b\"\"\"");
        assert_eq!(render("{{ text | docstring }}", "\"\"\" \""), "\"\"\"\\\"\\\"\\\" \\\"\"\"\"");
    }
}
