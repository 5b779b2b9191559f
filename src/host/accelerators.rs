//! What computes beside the processor, from files alone: NVIDIA's and AMD's drivers, and the PCI bus where no driver
//! speaks.

use std::cell::OnceCell;
use std::path::Path;

use super::tree::{Tree, fact};
use crate::results::Accelerator;

/// PCI's numbers of vendors.
pub(super) const NVIDIA: &str = "10de";
pub(super) const AMD: &str = "1002";
pub(super) const INTEL: &str = "8086";
/// The most devices that are looked at.
const MOST: usize = 4096;
/// The list of PCI devices is some 1.5 MB.
const NAMES_BYTES: u64 = 8 << 20;
const NAMES: [&str; 2] = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"];

/// The accelerators below a root, in alphabetical order: their order on the bus must not matter.
pub(super) fn accelerators(tree: &Tree, root: &Path) -> Vec<Accelerator> {
    let names = Names { tree, list: OnceCell::new() };
    let mut found = nvidia(tree, root);
    found.extend(amd(tree, root, &names));
    let unknown: Vec<Accelerator> = pci(tree, root, &names)
        .into_iter()
        .filter(|one| !found.iter().any(|known| known.vendor == one.vendor))
        .collect();
    found.extend(unknown);
    found.sort();
    found
}

/// A display controller or processing accelerator on the PCI bus.
pub(super) struct OnBus {
    /// Four hexadecimal digits.
    pub(super) vendor: String,
    /// Four hexadecimal digits.
    device: String,
    /// As the system writes it: `0x030200`.
    pub(super) class: String,
    memory_bytes: Option<u64>,
}

/// The display controllers (class 3) and processing accelerators (class 18) on the bus.
pub(super) fn on_bus(tree: &Tree, root: &Path) -> Vec<OnBus> {
    let one = |name: String| {
        let of = |file: &str| tree.line(&format!("sys/bus/pci/devices/{name}/{file}")).unwrap_or_default();
        let digits = |file: &str| of(file).trim_start_matches("0x").to_owned();
        let class = of("class");
        (class.starts_with("0x03") || class.starts_with("0x12")).then(|| OnBus {
            vendor: digits("vendor"),
            device: digits("device"),
            class,
            memory_bytes: of("mem_info_vram_total").parse().ok(),
        })
    };
    entries(root, "sys/bus/pci/devices").into_iter().filter_map(one).collect()
}

/// A node of AMD's compute driver that has compute units.
pub(super) struct KfdNode {
    pub(super) folder: String,
    properties: String,
}

impl KfdNode {
    /// All its memory, in bytes.
    pub(super) fn memory(&self, tree: &Tree, root: &Path) -> Option<u64> {
        let banks = format!("{}/mem_banks", self.folder);
        let sizes = entries(root, &banks).into_iter().filter_map(|bank| {
            let text = tree.text(&format!("{banks}/{bank}/properties"), 16 * 1024).ok()?;
            text.lines().find_map(|line| line.strip_prefix("size_in_bytes "))?.trim().parse::<u64>().ok()
        });
        Some(sizes.fold(0_u64, u64::saturating_add)).filter(|memory| *memory > 0)
    }

    /// What it can execute, as the compilers write it: 90010 is 9.0.10, `gfx90a`.
    pub(super) fn target(&self) -> Option<String> {
        let version = self.value("gfx_target_version").filter(|version| *version > 0)?;
        Some(format!("gfx{}{:x}{:x}", version / 10_000, version / 100 % 100, version % 100))
    }

    pub(super) fn value(&self, key: &str) -> Option<u64> {
        let line = self.properties.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }
}

/// The nodes of AMD's compute driver that have compute units; the processor's have none.
pub(super) fn kfd(tree: &Tree, root: &Path) -> Vec<KfdNode> {
    const NODES: &str = "sys/class/kfd/kfd/topology/nodes";
    let one = |node: String| {
        let folder = format!("{NODES}/{node}");
        let properties = tree.text(&format!("{folder}/properties"), 64 * 1024).ok()?;
        let node = KfdNode { folder, properties };
        (node.value("simd_count").unwrap_or(0) > 0).then_some(node)
    };
    entries(root, NODES).into_iter().filter_map(one).collect()
}

/// The version of NVIDIA's driver, or why it cannot be read; `None` inside where the file does not say.
pub(super) fn nvidia_driver(tree: &Tree) -> Result<Option<String>, String> {
    let text = tree.text("proc/driver/nvidia/version", 4096)?;
    let rest = text.lines().next().and_then(|line| line.split("Kernel Module").nth(1)).and_then(fact);
    Ok(rest.and_then(|rest| rest.split(' ').next().map(str::to_owned)))
}

/// The names of a folder's entries, in order.
pub(super) fn entries(root: &Path, path: &str) -> Vec<String> {
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
fn amd(tree: &Tree, root: &Path, names: &Names<'_>) -> Vec<Accelerator> {
    let one = |node: KfdNode| Accelerator {
        vendor: "amd".into(),
        name: names.of("1002", &format!("{:04x}", node.value("device_id").unwrap_or(0))),
        memory_bytes: node.memory(tree, root),
        capability: node.target(),
        partition: None,
    };
    kfd(tree, root).into_iter().map(one).collect()
}

/// What is on the bus of those who make what computes: a virtual machine's screen and a server's console are none.
fn pci(tree: &Tree, root: &Path, names: &Names<'_>) -> Vec<Accelerator> {
    let one = |found: OnBus| {
        let vendor = match found.vendor.as_str() {
            NVIDIA => "nvidia",
            AMD => "amd",
            INTEL => "intel",
            other if found.class.starts_with("0x12") => other,
            _ => return None,
        };
        Some(Accelerator {
            vendor: vendor.to_owned(),
            name: names.of(&found.vendor, &found.device),
            memory_bytes: found.memory_bytes,
            ..Accelerator::default()
        })
    };
    on_bus(tree, root).into_iter().filter_map(one).collect()
}

/// The system's list of PCI devices, read when the first name is asked for.
struct Names<'a> {
    tree: &'a Tree,
    list: OnceCell<Option<String>>,
}

impl Names<'_> {
    /// The name of a device, or its numbers where the list does not have it.
    fn of(&self, vendor: &str, device: &str) -> String {
        self.find(vendor, device).unwrap_or_else(|| format!("{vendor}:{device}"))
    }

    fn find(&self, vendor: &str, device: &str) -> Option<String> {
        let read = || NAMES.iter().find_map(|path| self.tree.text(path, NAMES_BYTES).ok());
        let list = self.list.get_or_init(read).as_deref()?;
        let mut lines = list.lines().skip_while(|line| !line.starts_with(vendor));
        lines.next()?;
        let own = lines.take_while(|line| line.starts_with('\t') || line.starts_with('#') || line.is_empty());
        let mut found = own.filter_map(|line| line.strip_prefix('\t')).filter(|line| !line.starts_with('\t'));
        found.find_map(|line| line.strip_prefix(device)).and_then(fact)
    }
}
