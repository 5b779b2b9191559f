//! Numbers as people read them: about four digits, and a unit that fits.

/// A value in its unit: `41.2 ms`, `8.10 MiB`, `3.1 M/s`.
pub fn value(value: f64, unit: &str) -> String {
    match unit {
        "ns" => time(value),
        "bytes" => bytes(value),
        "bytes/s" => format!("{}/s", bytes(value)),
        "" | "count" => count(value),
        // Harnesses have units of their own.
        _ => format!("{} {}", count(value), super::escape::line(unit)),
    }
}

/// A time in nanoseconds.
pub fn time(ns: f64) -> String {
    match ns.abs() {
        size if size >= 60e9 => {
            let seconds = (ns / 1e9).round();
            let (hours, minutes) = ((seconds / 3600.0).floor(), (seconds % 3600.0 / 60.0).floor());
            let seconds = seconds % 60.0;
            if hours > 0.0 { format!("{hours} h {minutes:02} m") } else { format!("{minutes} m {seconds:02} s") }
        }
        size if size >= 1e9 => format!("{} s", digits(ns / 1e9)),
        size if size >= 1e6 => format!("{} ms", digits(ns / 1e6)),
        size if size >= 1e3 => format!("{} µs", digits(ns / 1e3)),
        _ => format!("{} ns", digits(ns)),
    }
}

/// A size in bytes.
pub fn bytes(size: f64) -> String {
    let mut size = size;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size.abs() < 1024.0 {
            return format!("{} {unit}", if unit == "B" { format!("{size}") } else { digits(size) });
        }
        size /= 1024.0;
    }
    format!("{} TiB", digits(size))
}

/// A relative change in per cent with its sign: `+6.6 %`, `−0.31 %`.
pub fn change(relative: f64) -> String {
    let percent = relative * 100.0;
    let sign = if percent >= 0.0 { "+" } else { "−" };
    format!("{sign}{} %", short(percent.abs()))
}

/// An interval of relative changes: `−0.6 … +0.7 %`.
pub fn interval(low: f64, high: f64) -> String {
    format!("{} … {}", change(low).trim_end_matches(" %"), change(high))
}

fn count(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 => format!("{} G", digits(value / 1e9)),
        size if size >= 1e6 => format!("{} M", digits(value / 1e6)),
        size if size >= 1e5 => format!("{} k", digits(value / 1e3)),
        _ if value.fract() == 0.0 => format!("{value}"),
        _ => digits(value),
    }
}

/// Three digits, or all digits before the point if there are more.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.2e}"),
    }
}

/// Two digits.
fn short(value: f64) -> String {
    match value {
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{change, interval, value};

    #[test]
    fn values_have_a_unit_that_fits() {
        for (number, unit, text) in [
            (41_234_567.0, "ns", "41.2 ms"),
            (999.0, "ns", "999 ns"),
            (1500.0, "ns", "1.50 µs"),
            (61e9, "ns", "1 m 01 s"),
            (3_700e9, "ns", "1 h 01 m"),
            (0.0, "ns", "0 ns"),
            (512.0, "bytes", "512 B"),
            (8_493_466.0, "bytes", "8.10 MiB"),
            (2e6, "bytes/s", "1.91 MiB/s"),
            (3_100_000.0, "1/s", "3.10 M 1/s"),
            (42.0, "count", "42"),
        ] {
            assert_eq!(value(number, unit), text);
        }
    }

    #[test]
    fn changes_carry_a_sign() {
        assert_eq!(change(0.066), "+6.6 %");
        assert_eq!(change(-0.0031), "−0.31 %");
        assert_eq!(interval(-0.006, 0.25), "−0.60 … +25 %");
    }
}
