//! Python's numbers and strings, where tree-sitter takes more than CPython.

use tree_sitter::Node;

use super::first_error::Found;

/// An integer: `0777` and `10L` are Python 2.
pub(super) fn integer(node: Node<'_>, text: &str) -> Option<Found> {
    let digits = text.get(node.byte_range())?;
    let wrong = |what: &str| Some((node.start_byte(), format!("{what} in the number `{digits:.30}`")));
    if digits.ends_with(['l', 'L']) {
        return wrong("Python 2's `L`");
    }
    if digits.ends_with('_') || digits.contains("__") {
        return wrong("a misplaced `_`");
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if plain && digits.starts_with('0') && digits.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return wrong("a leading 0 (octal numbers begin with `0o`)");
    }
    None
}

/// A float.
pub(super) fn float(node: Node<'_>, text: &str) -> Option<Found> {
    let digits = text.get(node.byte_range())?;
    let wrong =
        digits.ends_with('_') || ["__", "_.", "._", "_e", "_E", "_j", "_J"].iter().any(|bad| digits.contains(bad));
    wrong.then(|| (node.start_byte(), format!("a misplaced `_` in the number `{digits:.30}`")))
}

/// A string: its prefix, its escapes, and braces in a formatted one.
pub(super) fn string(node: Node<'_>, text: &str) -> Option<Found> {
    let opening = node.child(0).filter(|child| child.kind() == "string_start")?;
    let marks = text.get(opening.byte_range())?;
    let prefix = marks.trim_end_matches(['"', '\'']).to_ascii_lowercase();
    if !matches!(prefix.as_str(), "" | "r" | "u" | "b" | "br" | "rb" | "f" | "fr" | "rf" | "t" | "tr" | "rt") {
        return Some((node.start_byte(), format!("a string cannot begin with `{prefix}`")));
    }
    let (raw, bytes) = (prefix.contains('r'), prefix.contains('b'));
    if raw && !bytes {
        return None;
    }
    let mut cursor = node.walk();
    for part in node.children(&mut cursor).filter(|part| part.kind() == "string_content") {
        let content = text.get(part.byte_range())?;
        if bytes && let Some((at, _)) = content.char_indices().find(|(_, c)| !c.is_ascii()) {
            return Some((part.start_byte() + at, "bytes can only hold ASCII characters".to_owned()));
        }
        if !raw && let Some((at, what)) = escapes(content, bytes) {
            return Some((part.start_byte() + at, what));
        }
    }
    None
}

/// Escapes that are begun and not finished; others that mean nothing are only warned of by CPython.
fn escapes(content: &str, bytes: bool) -> Option<Found> {
    let mut from = 0;
    while let Some(at) = content.get(from..)?.find('\\').map(|at| from + at) {
        let kind = content.get(at + 1..)?.chars().next()?;
        let rest = content.get(at + 1 + kind.len_utf8()..)?;
        let digits = match kind {
            'x' => 2,
            'u' if !bytes => 4,
            'U' if !bytes => 8,
            _ => 0,
        };
        let given = rest.bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
        if given < digits {
            return Some((at, format!("the escape `\\{kind}` needs {digits} hexadecimal digits")));
        }
        if kind == 'U' && !bytes && u32::from_str_radix(rest.get(..8)?, 16).is_ok_and(|code| code > 0x10_ffff) {
            return Some((at, "there is no such character".to_owned()));
        }
        if kind == 'N' && !bytes && !(rest.starts_with('{') && rest.contains('}')) {
            return Some((at, "the escape `\\N` needs a name in braces".to_owned()));
        }
        from = at + 1 + kind.len_utf8();
    }
    None
}
