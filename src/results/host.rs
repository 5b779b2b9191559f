//! The machine that a run executed on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TargetProbe;

/// The processor and what of it this process may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// The marketing name: `AMD EPYC 7B13`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// `AuthenticAMD`, `GenuineIntel`, an ARM implementer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Family number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<u32>,
    /// Model number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<u32>,
    /// Stepping number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stepping: Option<u32>,
    /// Logical processors of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical: Option<u32>,
    /// Processors that this process may use: affinity and cgroup quota together, in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotted_millicores: Option<u32>,
    /// Whether two logical processors share a core (simultaneous multithreading).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smt: Option<bool>,
    /// The last cache that the first processor has a share in, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l3_bytes: Option<u64>,
    /// The instruction sets that matter for numbers, in alphabetical order: `avx2`, `avx512f`, `sve`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
}

/// Something beside the processor that computes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Accelerator {
    /// `nvidia`, `amd`, `intel`, or the number of its vendor.
    pub vendor: String,
    /// Its name, or the number of its kind where nothing names it: `NVIDIA H100 80GB HBM3`, `1002:740f`.
    pub name: String,
    /// Its memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What it can execute: `gfx90a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// How it is divided: `3 MIG instances`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
}

/// The operating system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Os {
    /// `linux`, `macos`, `windows`.
    pub family: String,
    /// The distribution or product: `Debian GNU/Linux`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version: `12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The kernel's release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}

/// The machine. Never its name, serial number or address: ephemeral runners must match their own history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// The hash of the facts that make two hosts comparable, 16 hexadecimal digits.
    pub class_key: String,
    /// The processor architecture: `x86_64`, `aarch64`.
    pub arch: String,
    /// The processor.
    pub cpu: Cpu,
    /// Memory that this process may use (machine and cgroup limit together), in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Graphics and other accelerators, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<Accelerator>,
    /// The operating system.
    pub os: Os,
    /// The hash of `software`, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_key: Option<String>,
    /// Versions of what is under the measured programs: the system, its kernel, drivers, runtimes. Hosts of one class stay
    /// comparable where these differ, and it is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub software: BTreeMap<String, String>,
    /// `docker`, `podman`, `kubernetes`, `lxc`, ...; absent where no container was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The hypervisor: `kvm`, `vmware`, ...; absent on bare metal or where it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// The targets that this host can execute, such as `cpu`.
    pub targets: Vec<String>,
    /// What was found out of each target that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<TargetProbe>,
    /// Per field that could not be read (`cpu.brand`), the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
}

/// Memory is rounded to this in the class key: firmware and kernels keep a little of it for themselves, and not
/// always the same.
const MEMORY_STEP: u64 = 2 << 30;

impl Host {
    /// The host with what was found out of targets.
    #[must_use]
    pub fn with_probes(self, probes: Vec<TargetProbe>) -> Self {
        let available = probes.iter().filter(|probe| probe.is_available());
        Self { targets: available.map(|probe| probe.target.clone()).collect(), probes, ..self }
    }

    /// The facts that make hosts comparable, in the order in which the class key has them. What could not be read is `?`.
    /// The names and their order are part of the key: changing them parts every host from its history.
    pub fn class_facts(&self) -> Vec<(&'static str, String)> {
        let unknown = || "?".to_owned();
        let text = |value: Option<&String>| value.cloned().unwrap_or_else(unknown);
        let number = |value: Option<u32>| value.map_or_else(unknown, |n| n.to_string());
        let gib = |bytes: u64| (bytes.saturating_add(MEMORY_STEP / 2) / MEMORY_STEP * 2).to_string();
        let accelerator = |one: &Accelerator| {
            let memory = one.memory_bytes.map_or_else(unknown, gib);
            let capability = one.capability.as_deref().unwrap_or("?");
            let partition = one.partition.as_deref().unwrap_or("whole");
            format!("{} {} {memory} GiB {capability} {partition}", one.vendor, one.name)
        };
        let accelerators: Vec<String> = self.accelerators.iter().map(accelerator).collect();
        let none = |words: String| if words.is_empty() { "none".to_owned() } else { words };
        vec![
            ("arch", self.arch.clone()),
            ("vendor", text(self.cpu.vendor.as_ref())),
            ("family", number(self.cpu.family)),
            ("model", number(self.cpu.model)),
            ("stepping", number(self.cpu.stepping)),
            ("brand", text(self.cpu.brand.as_ref())),
            ("millicores", number(self.cpu.allotted_millicores)),
            ("smt", self.cpu.smt.map_or_else(unknown, |smt| if smt { "on" } else { "off" }.to_owned())),
            ("l3_kib", self.cpu.l3_bytes.map_or_else(unknown, |bytes| (bytes >> 10).to_string())),
            ("features", none(self.cpu.features.join(" "))),
            ("memory_gib", self.memory_bytes.map_or_else(unknown, gib)),
            ("hypervisor", text(self.hypervisor.as_ref())),
            ("accelerators", none(accelerators.join(", "))),
        ]
    }

    /// One line for people: `AMD EPYC 7B13, 2 cores, x86_64`.
    pub fn title(&self) -> String {
        let brand = self.cpu.brand.as_deref().unwrap_or("unknown processor");
        let cores = self.cpu.allotted_millicores.map_or_else(String::new, |milli| {
            if milli == 1000 { ", 1 core".to_owned() } else { format!(", {} cores", f64::from(milli) / 1000.0) }
        });
        format!("{brand}{cores}, {}", self.arch)
    }
}

/// A tool that the steps are likely to use, and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Toolchain {
    /// `rustc`, `python`, `node`, ...
    pub name: String,
    /// What it says of itself, one line.
    pub version: String,
}
