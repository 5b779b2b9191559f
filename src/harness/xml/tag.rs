//! The inside of a tag: its name and attributes, taken as tolerantly as possible.

/// A start tag's content, between `<` and `>` or `/>`.
#[derive(Debug, Clone, Copy)]
pub(in crate::harness) struct Tag<'a> {
    /// The name without its namespace prefix.
    pub(in crate::harness) name: &'a [u8],
    attributes: &'a [u8],
}

/// The part of a name after its prefix.
pub(in crate::harness) fn local(name: &[u8]) -> &[u8] {
    memchr::memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
}

impl<'a> Tag<'a> {
    /// Splits the content of a tag.
    pub(in crate::harness) fn new(content: &'a [u8]) -> Self {
        let end = content.iter().position(u8::is_ascii_whitespace).unwrap_or(content.len());
        Self { name: local(&content[..end]), attributes: &content[end..] }
    }

    /// The attributes in order: names and raw values. Values without quotes are taken up to the next white space,
    /// attributes without a value are left out.
    pub(in crate::harness) fn attributes(self) -> Attributes<'a> {
        Attributes { rest: self.attributes }
    }
}

/// See [`Tag::attributes`].
#[derive(Debug)]
pub(in crate::harness) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            let end = self.rest.iter().position(|byte| *byte == b'=' || byte.is_ascii_whitespace())?;
            let name = &self.rest[..end];
            let Some(after) = self.rest[end..].trim_ascii_start().strip_prefix(b"=") else {
                self.rest = &self.rest[end..];
                continue;
            };
            let after = after.trim_ascii_start();
            let (value, rest) = match after.first() {
                Some(quote @ (b'"' | b'\'')) => {
                    let value = &after[1..];
                    match memchr::memchr(*quote, value) {
                        Some(close) => (&value[..close], &value[close + 1..]),
                        None => (value, &value[value.len()..]),
                    }
                }
                _ => after.split_at(after.iter().position(u8::is_ascii_whitespace).unwrap_or(after.len())),
            };
            self.rest = rest;
            return Some((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tag;

    fn pairs(content: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Tag::new(content.as_bytes()).attributes().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn attributes_are_read_in_every_shape() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(pairs("t a='1' b = \"2>\"c=\"\" "), [pair("a", "1"), pair("b", "2>"), pair("c", "")]);
        assert_eq!(pairs("t a=1 lone b=2"), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(pairs("t a='open"), [pair("a", "open")]);
        assert_eq!(pairs("t"), []);
        assert_eq!(pairs("t = = ="), [pair("", "="), pair("", "")]);
    }

    #[test]
    fn a_prefix_is_no_part_of_the_name() {
        assert_eq!(Tag::new(b"ns:testcase name='x'").name, b"testcase");
        assert_eq!(Tag::new(b"").name, b"");
    }
}
