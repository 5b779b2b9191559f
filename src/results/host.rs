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
    /// The operating system.
    pub os: Os,
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

impl Host {
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
