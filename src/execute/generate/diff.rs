//! A unified diff from what is on disk to what was rendered, within bounds.

/// The largest text that is compared line by line, and the largest diff that is kept, in bytes.
const LARGEST: usize = 1 << 20;
const LONGEST: usize = 32 << 10;

/// The diff of two contents of a file, the new one `rendered` or `answered` now; `None` where they are too large.
pub(super) fn unified(old: &[u8], new: &[u8], path: &str, now: &str) -> Option<String> {
    if old.len().max(new.len()) > LARGEST {
        return None;
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = similar::TextDiff::from_lines(old.as_ref(), new.as_ref());
    let mut text = diff.unified_diff().context_radius(3).header(path, &format!("{path} ({now} now)")).to_string();
    if text.len() > LONGEST {
        let mut end = LONGEST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("\n... (cut)\n");
    }
    Some(text)
}
