//! Protected regions: parts of a generated file that people write, and that survive when it is generated again.
//!
//! A line that holds `backsight:keep NAME` begins one, a line that holds `backsight:end` ends it; around the words stands
//! whatever makes a comment of them. The lines between belong to people.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use memchr::memmem;

const BEGIN: &str = "backsight:keep";
const END: &str = "backsight:end";

/// A protected region: its name, and where the lines between its marks are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Region<'t> {
    name: &'t str,
    inner: Range<usize>,
}

/// The text without what people wrote in its protected regions: what is compared with what we wrote.
pub(super) fn without(text: &[u8]) -> Cow<'_, [u8]> {
    if memmem::find(text, BEGIN.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    // Marks that are broken protect nothing.
    let Some(regions) = std::str::from_utf8(text).ok().and_then(|text| regions(text).ok()) else {
        return Cow::Borrowed(text);
    };
    let mut kept = Vec::with_capacity(text.len());
    let mut from = 0;
    for region in regions {
        kept.extend_from_slice(text.get(from..region.inner.start).unwrap_or_default());
        from = region.inner.end;
    }
    kept.extend_from_slice(text.get(from..).unwrap_or_default());
    Cow::Owned(kept)
}

/// The rendered text with what people wrote in the regions of the existing one; `None` where neither has any.
///
/// # Errors
/// If the marks of either are broken, or what people wrote would have no place any more.
pub(super) fn merged(rendered: &[u8], existing: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let marked = |text: &[u8]| memmem::find(text, BEGIN.as_bytes()).is_some();
    if !marked(rendered) && !marked(existing) {
        return Ok(None);
    }
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "a file with protected regions must be UTF-8".to_owned());
    let (new, old) = (text(rendered)?, text(existing)?);
    let places = regions(new).map_err(|error| format!("the template's protected regions: {error}"))?;
    let theirs = regions(old).map_err(|error| {
        format!("the file's protected regions: {error}; mend the marks, or give the file up with --force")
    })?;
    let mut written: HashMap<&str, &str> = HashMap::new();
    for region in theirs {
        written.insert(region.name, old.get(region.inner).unwrap_or_default());
    }
    let mut whole = String::with_capacity(new.len());
    let mut from = 0;
    for region in places {
        whole.push_str(new.get(from..region.inner.start).unwrap_or_default());
        let own = || new.get(region.inner.clone()).unwrap_or_default();
        whole.push_str(written.remove(region.name).unwrap_or_else(own));
        from = region.inner.end;
    }
    whole.push_str(new.get(from..).unwrap_or_default());
    let mut lost: Vec<&str> =
        written.iter().filter(|(_, text)| !text.trim().is_empty()).map(|(name, _)| *name).collect();
    lost.sort_unstable();
    match lost.first() {
        Some(name) => Err(format!(
            "the template has no protected region `{name}` any more, and the file's would be lost; move what stands in it, \
             or give it up with --force"
        )),
        None => Ok(Some(whole.into_bytes())),
    }
}

/// The protected regions of a text, in its order.
fn regions(text: &str) -> Result<Vec<Region<'_>>, String> {
    let mut regions: Vec<Region<'_>> = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begin = at;
        at += line.len();
        if let Some(place) = line.find(BEGIN) {
            let name = name_in(line.get(place + BEGIN.len()..).unwrap_or_default());
            if let Some((before, ..)) = open {
                return Err(format!("line {}: the region `{before}` has no `{END}`", number + 1));
            }
            if name.is_empty() {
                return Err(format!("line {}: `{BEGIN}` has no name", number + 1));
            }
            if regions.iter().any(|region| region.name == name) {
                return Err(format!("line {}: the region `{name}` stands here twice", number + 1));
            }
            open = Some((name, at, number + 1));
        } else if line.contains(END) {
            let Some((name, from, _)) = open.take() else {
                return Err(format!("line {}: `{END}` without a `{BEGIN}`", number + 1));
            };
            regions.push(Region { name, inner: from..begin });
        }
    }
    match open {
        Some((name, _, line)) => Err(format!("line {line}: the region `{name}` has no `{END}`")),
        None => Ok(regions),
    }
}

fn name_in(rest: &str) -> &str {
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).unwrap_or(rest.len());
    // The end of a comment is no part of the name.
    rest.get(..end).unwrap_or_default().trim_end_matches("--")
}

#[cfg(test)]
mod tests {
    use super::{merged, regions, without};

    const NEW: &str = "a 2\n# backsight:keep imports\n# yours\n# backsight:end\nb 2\n";
    const OLD: &str = "a 1\n# backsight:keep imports\nimport os\n# backsight:end\nb 1\n";

    #[test]
    fn what_people_wrote_survives() {
        let whole = merged(NEW.as_bytes(), OLD.as_bytes()).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(whole).unwrap(),
            "a 2\n# backsight:keep imports\nimport os\n# backsight:end\nb 2\n"
        );
        assert_eq!(merged(NEW.as_bytes(), b"a 1\n").unwrap().unwrap(), NEW.as_bytes());
        assert_eq!(merged(b"a 2\n", b"a 1\n").unwrap(), None);
    }

    #[test]
    fn what_people_wrote_is_no_part_of_what_we_wrote() {
        let other = OLD.replace("import os", "import sys\nimport re");
        assert_eq!(without(OLD.as_bytes()), without(other.as_bytes()));
        assert_ne!(without(OLD.as_bytes()), without(NEW.as_bytes()));
        assert_eq!(&*without(b"plain"), b"plain");
    }

    #[test]
    fn nothing_is_lost_in_silence() {
        assert!(merged(b"a 2\n", OLD.as_bytes()).unwrap_err().contains("`imports`"));
        let open = "# backsight:keep x\nmine\n";
        assert!(merged(NEW.as_bytes(), open.as_bytes()).unwrap_err().contains("line 1"));
    }

    #[test]
    fn marks_stand_in_any_comment() {
        let html = "<!-- backsight:keep intro-->\nx\n<!-- backsight:end -->\n";
        assert_eq!(regions(html).unwrap()[0].name, "intro");
        assert!(regions("// backsight:keep a\n// backsight:keep b\n").is_err());
        assert!(regions("// backsight:end\n").is_err());
        assert!(regions("// backsight:keep\n// backsight:end\n").is_err());
        assert!(
            regions("/* backsight:keep a */\n/* backsight:end */\n/* backsight:keep a */\n/* backsight:end */")
                .is_err()
        );
    }
}
