//! Foreign text made harmless for the surface it goes to.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character could move the cursor, hide text or turn its direction.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line for a terminal or a table: unsafe characters are shown as `\u{1b}`, line ends and tabs as spaces.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => safe.push(' '),
            '\r' => {}
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Several lines: as [`line`], but line ends and tabs stay. Escape sequences for colour are dropped whole.
pub fn block(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => safe.push(c),
            '\r' => {}
            '\u{1b}' if chars.peek() == Some(&'[') => {
                // CSI: parameters and intermediates, then one final byte (ECMA-48, 5.4).
                chars.next();
                while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
            }
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

/// A Markdown code span, also inside a table or an HTML block: nothing in it is a mention, a reference, a link, an
/// image or HTML. Where a span of Markdown could be mistaken in one of these places, it is one of HTML.
pub fn code(text: &str) -> String {
    let text = line(text);
    if text.trim().is_empty() {
        return "` `".to_owned();
    }
    let is_plain = |c: char| c.is_alphanumeric() || " -_./:,;=+()[]%°µ±…–−^~!?*{}$\"'".contains(c);
    if text.chars().all(is_plain) && text.trim() == text {
        return format!("`{text}`");
    }
    html_code(&text)
}

/// A code span of HTML, which is one in Markdown too: for what stands between HTML tags.
pub fn html_code(text: &str) -> String {
    let text = line(text);
    let mut span = String::with_capacity(text.len() + 24);
    span.push_str("<code>");
    for c in text.chars() {
        // An entity is text to Markdown and to HTML alike; a bare `www.` would be a link even here.
        if c == '@' {
            // Without a tag between, what stands around it would be an address and become a link.
            span.push_str("<span>&#64;</span>");
        } else if c.is_ascii_punctuation() && c != '-' {
            let _ = write!(span, "&#{};", u32::from(c));
        } else {
            span.push(c);
        }
    }
    span.push_str("</code>");
    span
}

/// A fenced Markdown block that its content cannot end.
pub fn fenced(text: &str, language: &str) -> String {
    let text = block(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Text between HTML tags.
pub fn html(text: &str) -> String {
    line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// The first `most` characters, with a mark if that is not all.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{block, code, cut, fenced, html, line};

    #[test]
    fn a_terminal_gets_no_escape_sequence_and_no_turned_text() {
        assert_eq!(line("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb c\\u{202e}d");
        assert_eq!(line("naïve 名前"), "naïve 名前");
        assert_eq!(block("a\u{1b}[1;31mb\u{1b}]0;title\u{7}\nc"), "ab\\u{1b}]0;title\\u{7}\nc");
        assert_eq!(block("cut \u{1b}[3"), "cut ");
    }

    #[test]
    fn markdown_cannot_be_broken_out_of() {
        assert_eq!(
            code("a`b|c @all #1 <img>"),
            "<code>a&#96;b&#124;c <span>&#64;</span>all &#35;1 &#60;img&#62;</code>"
        );
        assert_eq!(code("`"), "<code>&#96;</code>");
        assert_eq!(code("parse/large[x=1]"), "`parse/large[x=1]`");
        assert_eq!(code("\n"), "` `");
        assert_eq!(fenced("```\n# not a heading", "text"), "````text\n```\n# not a heading\n````");
        assert_eq!(html("<script>&'\""), "&lt;script&gt;&amp;&#39;&quot;");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("héllo", 2), "hé…");
        assert_eq!(cut("hé", 2), "hé");
    }
}
