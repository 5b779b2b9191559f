//! What AMD's driver tells of its devices in files: memory in use, heat, clocks, power, and who computes.

use std::collections::BTreeMap;
use std::path::Path;

use super::accelerators::{AMD, entries, kfd};
use super::tree::Tree;
use crate::results::{Device, DeviceProcess};

/// The most processes that are looked at.
const MOST: usize = 4096;

/// Keeps the reason under the field's name where there is no value.
struct Reader<'a> {
    tree: &'a Tree,
    unread: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn number(&mut self, field: &str, path: &str) -> Option<f64> {
        let read = self.tree.line(path).and_then(|line| {
            line.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| format!("/{path} is no number"))
        });
        read.map_err(|reason| self.unread.insert(field.to_owned(), reason)).ok()
    }
}

/// The devices that compute, in the order of the compute driver.
pub(super) fn devices(tree: &Tree, root: &Path) -> Vec<Device> {
    let nodes = kfd(tree, root);
    nodes.iter().enumerate().map(|(index, node)| device(tree, root, index, node)).collect()
}

fn device(tree: &Tree, root: &Path, index: usize, node: &super::accelerators::KfdNode) -> Device {
    let mut reader = Reader { tree, unread: BTreeMap::new() };
    let mut found = Device {
        vendor: "amd".to_owned(),
        index: u32::try_from(index).unwrap_or(u32::MAX),
        name: Some(format!("{AMD}:{:04x}", node.value("device_id").unwrap_or(0))),
        memory_bytes: node.memory(tree, root),
        capability: node.target(),
        divided: None,
        ..Device::default()
    };
    let minor = node.value("drm_render_minor").filter(|minor| *minor > 0);
    let Some(minor) = minor else {
        reader.unread.insert("state".to_owned(), "the compute driver names no render node".to_owned());
        return Device { unread: reader.unread, ..found };
    };
    let folder = format!("sys/class/drm/renderD{minor}/device");
    found.memory_used_bytes =
        reader.number("memory_used_bytes", &format!("{folder}/mem_info_vram_used")).map(|n| n as u64);
    let sensors = format!("{folder}/hwmon");
    match entries(root, &sensors).first() {
        None => {
            reader.unread.insert("temperature".to_owned(), format!("/{sensors} has no sensor"));
        }
        Some(sensor) => {
            let of = |file: &str| format!("{sensors}/{sensor}/{file}");
            found.temperature = reader.number("temperature", &of("temp1_input")).map(|milli| milli / 1e3);
            found.clock = reader.number("clock", &of("freq1_input"));
            found.memory_clock = reader.number("memory_clock", &of("freq2_input"));
            let average = reader.number("power", &of("power1_average"));
            let power = average.or_else(|| reader.number("power", &of("power1_input")));
            found.power = power.map(|micro| micro / 1e6);
            if found.power.is_some() {
                reader.unread.remove("power");
            }
        }
    }
    for field in ["throttle", "thermal_ns", "power_ns", "energy"] {
        reader.unread.insert(field.to_owned(), "AMD's driver tells it in no file".to_owned());
    }
    found.processes = processes(tree, root, node, &mut reader.unread);
    Device { unread: reader.unread, ..found }
}

/// Processes that hold memory of the device, by the compute driver's list.
fn processes(
    tree: &Tree,
    root: &Path,
    node: &super::accelerators::KfdNode,
    unread: &mut BTreeMap<String, String>,
) -> Option<Vec<DeviceProcess>> {
    const LIST: &str = "sys/class/kfd/kfd/proc";
    if !tree.exists(LIST) {
        unread.insert("processes".to_owned(), format!("/{LIST} does not exist"));
        return None;
    }
    let id = tree.line(&format!("{}/gpu_id", node.folder)).ok()?;
    let one = |pid: String| {
        let held: u64 = tree.line(&format!("{LIST}/{pid}/vram_{id}")).ok()?.parse().ok()?;
        Some(DeviceProcess { pid: pid.parse().ok()?, memory_bytes: Some(held) }).filter(|_| held > 0)
    };
    Some(entries(root, LIST).into_iter().take(MOST).filter_map(one).collect())
}
