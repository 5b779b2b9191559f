//! Names of steps and benchmarks with the leg that carried them out.

/// Section, name and the rest of a step's id: `benchmarks/encode[target=cpu]`.
pub(super) fn split(id: &str) -> (&str, &str, &str) {
    let (section, rest) = id.split_once('/').unwrap_or(("", id));
    let at = rest.find('[').unwrap_or(rest.len());
    let (name, axes) = rest.split_at(at);
    (section, name, axes)
}

/// `benchmarks/encode[target=cpu]` of the leg `linux`: `benchmarks/encode@linux[target=cpu]`.
pub(super) fn step(id: &str, leg: &str) -> String {
    let (section, name, axes) = split(id);
    let slash = if section.is_empty() { "" } else { "/" };
    format!("{section}{slash}{name}@{leg}{axes}")
}

/// The name of a benchmark whose step is now called `renamed`: one that is called like its step goes with it.
pub(super) fn benchmark(step: &str, name: &str, renamed: &str) -> String {
    if split(step).1 == name { split(renamed).1.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{benchmark, step};

    #[test]
    fn the_leg_stands_behind_the_name() {
        assert_eq!(step("tests/unit", "linux"), "tests/unit@linux");
        let renamed = step("benchmarks/encode[model=a/b,target=cpu]", "linux");
        assert_eq!(renamed, "benchmarks/encode@linux[model=a/b,target=cpu]");
        assert_eq!(benchmark("benchmarks/encode[target=cpu]", "encode", &renamed), "encode@linux");
        assert_eq!(benchmark("benchmarks/criterion", "parse/small", "benchmarks/criterion@linux"), "parse/small");
    }
}
