//! The words of a call of our own program.

/// Adds an option. Name and value are joined by a sign only where they must be: separate words are shown without quotes.
pub(super) fn option(args: &mut Vec<String>, name: &str, value: String) {
    if value.starts_with('-') {
        args.push(format!("--{name}={value}"));
    } else {
        args.extend([format!("--{name}"), value]);
    }
}

/// Adds those that have a value.
pub(super) fn given<'a>(
    all: impl IntoIterator<Item = (&'a str, Option<String>)>,
    option: &mut impl FnMut(&str, String),
) {
    for (name, value) in all {
        if let Some(value) = value {
            option(name, value);
        }
    }
}

/// Numbers as one word.
pub(super) fn joined<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
