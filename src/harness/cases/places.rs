//! Places in source files, as stack traces write them.

/// The place of the test itself in a .NET stack trace: the outermost frame that has one.
///
/// Frames read `at Class.Method() in /path/File.cs:line 12`, innermost first.
pub(in crate::harness) fn dotnet(trace: &str) -> Option<(String, u32)> {
    trace.lines().rev().find_map(|line| {
        let (path, number) = line.trim_end().rsplit_once(":line ")?;
        let number = number.trim().parse().ok().filter(|number| *number > 0)?;
        let (_, path) = path.split_once(" in ")?;
        Some((path.trim().to_owned(), number))
    })
}

/// What a Rust panic said and where: `thread 'a' panicked at src/lib.rs:12:55:` with the message behind it, or
/// `panicked at 'message', src/lib.rs:12:55` as it was before Rust 1.73.
pub(in crate::harness) fn rust_panic(text: &str) -> Option<(String, String, u32)> {
    let (_, said) = text.split_once(" panicked at ")?;
    let (first, rest) = said.split_once('\n').unwrap_or((said, ""));
    let place = |text: &str| {
        let (rest, _column) = text.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        Some((file.trim().to_owned(), line.parse().ok().filter(|line| *line > 0)?))
    };
    if let Some((file, line)) = first.trim_end().strip_suffix(':').and_then(place) {
        let end = ["\nstack backtrace:", "\nnote: "].iter().filter_map(|mark| rest.find(mark)).min();
        let message = rest[..end.unwrap_or(rest.len())].lines().next().unwrap_or_default();
        return Some((message.trim().to_owned(), file, line));
    }
    let (message, at) = said.rsplit_once("', ").or_else(|| first.rsplit_once("', "))?;
    let (file, line) = place(at.lines().next()?.trim_end())?;
    Some((message.trim_start_matches('\'').lines().next()?.to_owned(), file, line))
}

#[cfg(test)]
mod tests {
    use super::{dotnet, rust_panic};

    #[test]
    fn panics_are_read_in_both_spellings() {
        let found = |message: &str| Some((message.to_owned(), "src/lib.rs".to_owned(), 12));
        let new = "out\n\nthread 't' (20991) panicked at src/lib.rs:12:55:\nsums\n  left: 3\nstack backtrace:\n";
        assert_eq!(rust_panic(new), found("sums"));
        assert_eq!(rust_panic("thread 't' panicked at 'it's no', src/lib.rs:12:55\nnote: run"), found("it's no"));
        assert_eq!(rust_panic("all is well"), None);
        assert_eq!(rust_panic("x panicked at "), None);
    }

    #[test]
    fn the_outermost_frame_with_a_place_is_the_test() {
        let trace = "   at A.B.Div(Int32 a) in C:\\x\\Calculator.cs:line 9\r\n   at T.Test() in C:\\x\\Tests.cs:line 33\r\n   at System.Run()";
        assert_eq!(dotnet(trace), Some(("C:\\x\\Tests.cs".into(), 33)));
        assert_eq!(dotnet("   at System.Run()\n"), None);
        assert_eq!(dotnet("at T.Test() in /a/T.cs:line 0"), None);
    }
}
