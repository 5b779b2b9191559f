//! What the machine is, and the key under which its results are comparable with another machine's.
//!
//! All facts are read from files below a root, so tests read captured trees with the same code. The class key holds
//! only what makes two machines comparable: never a name, a serial number or the kernel, so that each fresh runner of
//! the same kind finds the history of its kind.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::cgroup::{self, Limits};
use super::cpuinfo::{self, Processor};
use super::surroundings;
use super::tree::{Tree, fact};
use crate::results::{Cpu, Host, Os};

/// Enough for the first processor's entry, whatever flags it lists.
const FIRST_ENTRY_BYTES: u64 = 32 * 1024;
/// Enough for some thousand processors.
const ALL_ENTRIES_BYTES: u64 = 8 * 1024 * 1024;
/// Memory is rounded to this in the class key: firmware and kernels keep a little of it for themselves, and not
/// always the same.
const MEMORY_STEP: u64 = 2 << 30;

/// Finds out what the machine below `root` is (`/` for the one this process runs on). Never fails: what cannot be
/// read is absent, with the reason in `unread`.
pub fn probe(root: &Path) -> Host {
    let tree = Tree::new(root);
    let mut unread = BTreeMap::new();
    let limits = cgroup::limits(&tree);
    let (cpu, virtual_flag) = cpu(&tree, &limits, &mut unread);
    let hypervisor = keep(&mut unread, "hypervisor", surroundings::hypervisor(&tree, virtual_flag)).flatten();
    let kubernetes = tree.is_live() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    let mut host = Host {
        class_key: String::new(),
        arch: arch(&tree),
        cpu,
        memory_bytes: memory(&tree, &limits, &mut unread),
        os: os(&tree, &mut unread),
        container: surroundings::container(&tree, kubernetes),
        hypervisor,
        targets: vec!["cpu".to_owned()],
        probes: Vec::new(),
        unread,
    };
    host.class_key = class_key(&host);
    host
}

/// The value, or its reason noted under the field's name.
fn keep<T>(unread: &mut BTreeMap<String, String>, field: &str, read: Result<T, String>) -> Option<T> {
    read.map_err(|reason| unread.insert(field.to_owned(), reason)).ok()
}

fn arch(tree: &Tree) -> String {
    let live = || tree.is_live().then(|| rustix::system::uname().machine().to_string_lossy().into_owned());
    live()
        .or_else(|| tree.line("proc/sys/kernel/arch").ok())
        .as_deref()
        .and_then(fact)
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The processor, and whether it says of itself that it is a virtual one.
fn cpu(tree: &Tree, limits: &Limits, unread: &mut BTreeMap<String, String>) -> (Cpu, bool) {
    let info = keep(unread, "cpu", tree.text("proc/cpuinfo", FIRST_ENTRY_BYTES));
    let processor = info.as_deref().map(cpuinfo::parse).unwrap_or_default();
    if info.is_some() {
        note_missing(&processor, unread);
    }
    let logical = keep(unread, "cpu.logical", online(tree));
    let allotted = allotted(tree, logical, limits.millicores);
    if allotted.is_none() {
        unread
            .insert("cpu.allotted_millicores".to_owned(), "neither the affinity nor the count is readable".to_owned());
    }
    let Processor { brand, vendor, family, model, stepping, virtual_flag } = processor;
    (Cpu { brand, vendor, family, model, stepping, logical, allotted_millicores: allotted }, virtual_flag)
}

fn note_missing(processor: &Processor, unread: &mut BTreeMap<String, String>) {
    let fields = [
        ("cpu.brand", processor.brand.is_some()),
        ("cpu.vendor", processor.vendor.is_some()),
        ("cpu.family", processor.family.is_some()),
        ("cpu.model", processor.model.is_some()),
        ("cpu.stepping", processor.stepping.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, present)| !present) {
        unread.insert(field.to_owned(), "/proc/cpuinfo does not say".to_owned());
    }
}

/// The processors that are switched on; counted from the long list only where the short one is missing.
fn online(tree: &Tree) -> Result<u32, String> {
    let online = tree.line("sys/devices/system/cpu/online").ok().as_deref().and_then(count_ranges);
    online.map_or_else(
        || {
            let count = cpuinfo::count(&tree.text("proc/cpuinfo", ALL_ENTRIES_BYTES)?);
            if count > 0 { Ok(count) } else { Err("/proc/cpuinfo lists no processor".to_owned()) }
        },
        Ok,
    )
}

/// Affinity and quota together, in thousandths of a core.
fn allotted(tree: &Tree, logical: Option<u32>, quota: Option<u32>) -> Option<u32> {
    let status = tree.text("proc/self/status", 64 * 1024).unwrap_or_default();
    let listed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).and_then(count_ranges);
    let measured =
        || tree.is_live().then(std::thread::available_parallelism)?.ok().and_then(|n| u32::try_from(n.get()).ok());
    // The mask also lists processors that could be plugged in, so the count of those present bounds it.
    let cores = match (listed, logical) {
        (Some(listed), Some(logical)) => Some(listed.min(logical)),
        (listed, logical) => listed.or_else(measured).or(logical),
    };
    let affinity = cores.map(|cores| cores.saturating_mul(1000));
    match (affinity, quota) {
        (Some(affinity), Some(quota)) => Some(affinity.min(quota)),
        (affinity, quota) => affinity.or(quota),
    }
}

/// How many numbers a list such as `0-3,8` names; nothing where it is no such list.
fn count_ranges(text: &str) -> Option<u32> {
    text.trim().split(',').try_fold(0_u32, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

fn memory(tree: &Tree, limits: &Limits, unread: &mut BTreeMap<String, String>) -> Option<u64> {
    let total = tree.text("proc/meminfo", 64 * 1024).and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024))
            .ok_or_else(|| "/proc/meminfo does not say".to_owned())
    });
    match (total, limits.memory) {
        (Ok(total), Some(limit)) => Some(total.min(limit)),
        (Err(_), Some(limit)) => Some(limit),
        (total, None) => keep(unread, "memory_bytes", total),
    }
}

fn os(tree: &Tree, unread: &mut BTreeMap<String, String>) -> Os {
    let release = ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| tree.text(path, 64 * 1024).ok());
    let value = |key: &str| -> Option<String> {
        let line = release.as_deref()?.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        fact(line.trim().trim_matches(['"', '\'']))
    };
    let (name, version) = (value("NAME"), value("VERSION_ID"));
    for (field, missing) in [("os.name", name.is_none()), ("os.version", version.is_none())] {
        if missing {
            let reason = if release.is_some() { "/etc/os-release does not say" } else { "there is no /etc/os-release" };
            unread.insert(field.to_owned(), reason.to_owned());
        }
    }
    let kernel = if tree.is_live() {
        Ok(rustix::system::uname().release().to_string_lossy().into_owned())
    } else {
        tree.line("proc/sys/kernel/osrelease")
    };
    Os { family: std::env::consts::OS.to_owned(), name, version, kernel: keep(unread, "os.kernel", kernel) }
}

/// The first 16 hexadecimal digits of a hash over the facts that make hosts comparable. The order and the names of
/// the lines are part of the format: changing them parts every host from its history.
fn class_key(host: &Host) -> String {
    let text = |value: Option<&String>| value.map_or_else(|| "?".to_owned(), ToOwned::to_owned);
    let number = |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let memory = host.memory_bytes.map(|bytes| bytes.saturating_add(MEMORY_STEP / 2) / MEMORY_STEP * 2);
    let lines = [
        ("arch", host.arch.clone()),
        ("vendor", text(host.cpu.vendor.as_ref())),
        ("family", number(host.cpu.family)),
        ("model", number(host.cpu.model)),
        ("stepping", number(host.cpu.stepping)),
        ("brand", text(host.cpu.brand.as_ref())),
        ("millicores", number(host.cpu.allotted_millicores)),
        ("memory_gib", memory.map_or_else(|| "?".to_owned(), |gib| gib.to_string())),
        ("hypervisor", text(host.hypervisor.as_ref())),
    ];
    let mut hash = Sha256::new();
    for (name, value) in lines {
        hash.update(format!("{name}={value}\n"));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
