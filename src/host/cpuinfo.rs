//! The processor as `/proc/cpuinfo` describes it; each architecture words it in its own way.

use super::tree::fact;

/// What the first processor's entry says. Numbers are as the kernel gives them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Processor {
    pub(super) brand: Option<String>,
    pub(super) vendor: Option<String>,
    pub(super) family: Option<u32>,
    pub(super) model: Option<u32>,
    pub(super) stepping: Option<u32>,
    /// The processor itself says that it is a virtual one (x86 only).
    pub(super) virtual_flag: bool,
    /// The instruction sets that matter for numbers, sorted.
    pub(super) features: Vec<String>,
}

/// Instruction sets that decide how fast numbers are computed; others come and go with kernels and microcode.
const FEATURES: [&str; 30] = [
    "amx_bf16",
    "amx_int8",
    "amx_tile",
    "asimd",
    "asimddp",
    "asimdhp",
    "avx",
    "avx2",
    "avx512_bf16",
    "avx512_fp16",
    "avx512_vnni",
    "avx512bw",
    "avx512cd",
    "avx512dq",
    "avx512f",
    "avx512vl",
    "avx_vnni",
    "bf16",
    "f16c",
    "fma",
    "i8mm",
    "neon",
    "sme",
    "sme2",
    "sse4_2",
    "sve",
    "sve2",
    "svebf16",
    "svei8mm",
    "v",
];

fn features(entry: &Entry<'_>) -> Vec<String> {
    let flags = entry.get("flags").or_else(|| entry.get("Features")).unwrap_or_default();
    let flags: std::collections::BTreeSet<&str> = flags.split_whitespace().collect();
    FEATURES.iter().filter(|feature| flags.contains(*feature)).map(|feature| (*feature).to_owned()).collect()
}

/// Reads the first entry of the text.
pub(super) fn parse(text: &str) -> Processor {
    let entry = Entry::first(text);
    if entry.get("CPU implementer").is_some() { arm(&entry) } else { general(&entry) }
}

/// How many processors the text lists.
pub(super) fn count(text: &str) -> u32 {
    let listed =
        text.lines().filter(|line| line.split(':').next().is_some_and(|key| key.trim() == "processor")).count();
    u32::try_from(listed).unwrap_or(u32::MAX)
}

struct Entry<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Entry<'a> {
    fn first(text: &'a str) -> Self {
        let lines = text.lines().skip_while(|line| line.trim().is_empty()).take_while(|line| !line.trim().is_empty());
        Self(lines.filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim())).collect())
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(fact)
    }

    fn number(&self, key: &str) -> Option<u32> {
        let value = self.get(key)?;
        value.strip_prefix("0x").map_or_else(|| value.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    }
}

/// x86, and what RISC-V, POWER and MIPS call the same things.
fn general(entry: &Entry<'_>) -> Processor {
    let brand = ["model name", "uarch", "cpu model", "cpu"].iter().find_map(|key| entry.text(key));
    let vendor = ["vendor_id", "mvendorid"].iter().find_map(|key| entry.text(key));
    Processor {
        brand,
        vendor,
        family: entry.number("cpu family"),
        model: entry.number("model"),
        stepping: entry.number("stepping"),
        virtual_flag: entry.get("flags").is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
        features: features(entry),
    }
}

/// ARM gives numbers and usually no name: family is the architecture's version, model the part number, stepping the
/// variant (high half) and revision (low half).
fn arm(entry: &Entry<'_>) -> Processor {
    let stepping = match (entry.number("CPU variant"), entry.number("CPU revision")) {
        (Some(variant), Some(revision)) => variant.checked_mul(16).and_then(|high| high.checked_add(revision)),
        (variant, revision) => variant.or(revision),
    };
    Processor {
        brand: entry.text("model name"),
        vendor: entry.get("CPU implementer").and_then(implementer),
        family: entry.number("CPU architecture"),
        model: entry.number("CPU part"),
        stepping,
        virtual_flag: false,
        features: features(entry),
    }
}

/// The company behind an implementer code of ARM's main ID register; the code itself where it is not known here.
fn implementer(code: &str) -> Option<String> {
    let name = match code {
        "0x41" => "ARM",
        "0x42" => "Broadcom",
        "0x43" => "Cavium",
        "0x46" => "Fujitsu",
        "0x48" => "HiSilicon",
        "0x4e" => "NVIDIA",
        "0x51" => "Qualcomm",
        "0x61" => "Apple",
        "0x6d" => "Microsoft",
        "0xc0" => "Ampere",
        _ => return fact(code),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Processor, count, parse};

    #[test]
    fn nothing_of_garbage_is_believed() {
        assert_eq!(parse(""), Processor::default());
        assert_eq!(parse("\u{0}\u{0}:\nmodel : many\ncpu family : 99999999999\n"), Processor::default());
    }

    #[test]
    fn only_processor_lines_are_counted() {
        assert_eq!(count("processor\t: 0\nmodel name : x\n\nprocessor\t: 1\nprocessors : 9\n"), 2);
    }

    #[test]
    fn an_unknown_arm_implementer_keeps_its_code() {
        let found =
            parse("processor : 0\nCPU implementer : 0x99\nCPU variant : 0x1\nCPU part : 0xd0c\nCPU revision : 2\n");
        assert_eq!(found.vendor.as_deref(), Some("0x99"));
        assert_eq!((found.model, found.stepping), (Some(0xd0c), Some(0x12)));
    }
}
