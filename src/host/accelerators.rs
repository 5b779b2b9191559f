//! What computes beside the processor, from files alone: NVIDIA's and AMD's drivers, and the PCI bus where no driver
//! speaks.

use std::path::Path;

use super::tree::{Tree, fact};
use crate::results::Accelerator;

/// The most devices that are looked at.
const MOST: usize = 1024;
/// The list of PCI devices is some 1.5 MB.
const NAMES_BYTES: u64 = 8 << 20;
const NAMES: [&str; 2] = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"];

/// The accelerators below a root, in alphabetical order: their order on the bus must not matter.
pub(super) fn accelerators(tree: &Tree, root: &Path) -> Vec<Accelerator> {
    let mut found = nvidia(tree, root);
    let amd = amd(tree, root);
    let known = |vendor: &str, found: &[Accelerator]| found.iter().any(|one| one.vendor == vendor);
    let on_bus = pci(tree, root);
    found.extend(amd);
    let unknown: Vec<Accelerator> = on_bus.into_iter().filter(|one| !known(&one.vendor, &found)).collect();
    found.extend(unknown);
    found.sort();
    found
}

/// The names of a folder's entries, in order.
fn entries(root: &Path, path: &str) -> Vec<String> {
    let read = std::fs::read_dir(root.join(path)).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        read.take(MOST).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What NVIDIA's driver says of its devices. It tells neither memory nor capability in a file.
fn nvidia(tree: &Tree, root: &Path) -> Vec<Accelerator> {
    let divided = |index: usize| {
        let parts = entries(root, &format!("proc/driver/nvidia/capabilities/gpu{index}/mig"));
        let count = parts.iter().filter(|name| name.starts_with("gi")).count();
        (count > 0).then(|| format!("{count} MIG instances"))
    };
    let one = |(index, name): (usize, String)| {
        let text = tree.text(&format!("proc/driver/nvidia/gpus/{name}/information"), 16 * 1024).ok()?;
        let model = text.lines().find_map(|line| line.strip_prefix("Model:")).and_then(fact)?;
        Some(Accelerator { vendor: "nvidia".into(), name: model, partition: divided(index), ..Accelerator::default() })
    };
    entries(root, "proc/driver/nvidia/gpus").into_iter().enumerate().filter_map(one).collect()
}

/// What AMD's compute driver says of its devices.
fn amd(tree: &Tree, root: &Path) -> Vec<Accelerator> {
    const NODES: &str = "sys/class/kfd/kfd/topology/nodes";
    let one = |node: String| {
        let text = tree.text(&format!("{NODES}/{node}/properties"), 64 * 1024).ok()?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            line.trim().parse::<u64>().ok()
        };
        if value("simd_count").unwrap_or(0) == 0 {
            return None;
        }
        let banks = entries(root, &format!("{NODES}/{node}/mem_banks")).into_iter().filter_map(|bank| {
            let text = tree.text(&format!("{NODES}/{node}/mem_banks/{bank}/properties"), 16 * 1024).ok()?;
            text.lines().find_map(|line| line.strip_prefix("size_in_bytes "))?.trim().parse::<u64>().ok()
        });
        let memory = banks.fold(0_u64, u64::saturating_add);
        let device = format!("1002:{:04x}", value("device_id").unwrap_or(0));
        // 90010 is 9.0.10, which the compilers write as gfx90a.
        let target = value("gfx_target_version").filter(|version| *version > 0);
        let target =
            target.map(|version| format!("gfx{}{:x}{:x}", version / 10_000, version / 100 % 100, version % 100));
        Some(Accelerator {
            vendor: "amd".into(),
            name: named(tree, &device).unwrap_or(device),
            memory_bytes: (memory > 0).then_some(memory),
            capability: target,
            partition: None,
        })
    };
    entries(root, NODES).into_iter().filter_map(one).collect()
}

/// Display controllers and processing accelerators on the bus, of those who make such that compute: a virtual machine's
/// screen and a server's console are none.
fn pci(tree: &Tree, root: &Path) -> Vec<Accelerator> {
    let one = |name: String| {
        let of = |file: &str| tree.line(&format!("sys/bus/pci/devices/{name}/{file}")).unwrap_or_default();
        let (class, vendor, device) = (of("class"), of("vendor"), of("device"));
        let vendor = match vendor.as_str() {
            "0x10de" => "nvidia",
            "0x1002" => "amd",
            "0x8086" => "intel",
            other if class.starts_with("0x12") => other.trim_start_matches("0x"),
            _ => return None,
        };
        if !(class.starts_with("0x03") || class.starts_with("0x12")) {
            return None;
        }
        let number = format!("{}:{}", of("vendor").trim_start_matches("0x"), device.trim_start_matches("0x"));
        let memory = of("mem_info_vram_total").parse::<u64>().ok();
        Some(Accelerator {
            vendor: vendor.to_owned(),
            name: named(tree, &number).unwrap_or(number),
            memory_bytes: memory,
            ..Accelerator::default()
        })
    };
    entries(root, "sys/bus/pci/devices").into_iter().filter_map(one).collect()
}

/// The name of `vendor:device` in the system's list.
fn named(tree: &Tree, number: &str) -> Option<String> {
    let (vendor, device) = number.split_once(':')?;
    let list = NAMES.iter().find_map(|path| tree.text(path, NAMES_BYTES).ok())?;
    let mut lines = list.lines().skip_while(|line| !line.starts_with(vendor));
    lines.next()?;
    let own = lines.take_while(|line| line.starts_with('\t') || line.starts_with('#') || line.is_empty());
    let mut found = own.filter_map(|line| line.strip_prefix('\t')).filter(|line| !line.starts_with('\t'));
    found.find_map(|line| line.strip_prefix(device)).and_then(fact)
}
