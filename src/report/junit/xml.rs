//! XML text that is always well-formed: everything is escaped, and what XML 1.0 forbids is replaced.

/// XML in the making.
#[derive(Debug, Default)]
pub(super) struct Xml {
    out: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// Starts a document.
    pub(super) fn new() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(), open: Vec::new() }
    }

    /// How long the text is by now, in bytes.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// An element that others stand in; attributes without a value are left out.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, Option<&str>)]) {
        self.start(name, attributes);
        self.out.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the innermost open element.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push_str(">\n");
        }
    }

    /// An element with nothing but text in it.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[(&str, Option<&str>)], text: Option<&str>) {
        self.start(name, attributes);
        match text {
            Some(text) => {
                self.out.push('>');
                escape(&mut self.out, text, false);
                self.out.push_str("</");
                self.out.push_str(name);
                self.out.push_str(">\n");
            }
            None => self.out.push_str("/>\n"),
        }
    }

    /// The document.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn start(&mut self, name: &str, attributes: &[(&str, Option<&str>)]) {
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            if let Some(value) = value {
                self.out.push(' ');
                self.out.push_str(key);
                self.out.push_str("=\"");
                escape(&mut self.out, value, true);
                self.out.push('"');
            }
        }
    }

    fn indent(&mut self) {
        for _ in 0..self.open.len() {
            self.out.push_str("  ");
        }
    }
}

/// Appends `text`. Colour codes are dropped; other characters that XML 1.0 cannot hold are replaced.
fn escape(out: &mut String, text: &str, in_attribute: bool) {
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            '\n' if in_attribute => out.push_str("&#10;"),
            '\t' if in_attribute => out.push_str("&#9;"),
            '\n' | '\t' => out.push(c),
            '\r' => out.push_str("&#13;"),
            '\u{1b}' => match colour_code(characters.as_str()) {
                Some(rest) => characters = rest.chars(),
                None => out.push(char::REPLACEMENT_CHARACTER),
            },
            '\0'..='\x1f' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(c),
        }
    }
}

/// What follows a colour code (`[31m` after an escape character).
fn colour_code(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix('[')?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].strip_prefix(['m', 'K'])
}

#[cfg(test)]
mod tests {
    use super::Xml;

    #[test]
    fn everything_is_escaped_and_nothing_illegal_is_left() {
        let mut xml = Xml::new();
        xml.open("a", &[("x", Some("<\"&'>\n\t\u{1b}[1;31mred\u{1b}[0m\0")), ("y", None)]);
        xml.leaf("b", &[], Some("\ta]]>\r\n\u{1b}]0;title\u{7}\u{ffff}\u{85}"));
        xml.leaf("c", &[], None);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <a x=\"&lt;&quot;&amp;'&gt;&#10;&#9;red\u{fffd}\">\n  <b>\ta]]&gt;&#13;\n\u{fffd}]0;title\u{fffd}\u{fffd}\u{fffd}</b>\n  <c/>\n</a>\n";
        assert_eq!(xml.finish(), expected);
    }
}
