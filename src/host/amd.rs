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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::devices;
    use crate::host::tree::Tree;

    const NODE: &str = "sys/class/kfd/kfd/topology/nodes/1";
    const CARD: &str = "sys/class/drm/renderD128/device";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Files as the kernel documents them for amdgpu and its compute driver.
    fn card(root: &Path) {
        write(root, "sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 64\nsimd_count 0\n");
        let properties = "simd_count 1216\ngfx_target_version 90402\ndevice_id 29857\ndrm_render_minor 128\n";
        write(root, &format!("{NODE}/properties"), properties);
        write(root, &format!("{NODE}/gpu_id"), "51110\n");
        write(
            root,
            &format!("{NODE}/mem_banks/0/properties"),
            &format!("heap_type 1\nsize_in_bytes {}\n", 192_u64 << 30),
        );
        write(root, &format!("{CARD}/mem_info_vram_used"), "296079360\n");
        for (file, text) in [
            ("temp1_input", "41000"),
            ("freq1_input", "132000000"),
            ("freq2_input", "900000000"),
            ("power1_average", "138000000"),
        ] {
            write(root, &format!("{CARD}/hwmon/hwmon5/{file}"), &format!("{text}\n"));
        }
        write(root, "sys/class/kfd/kfd/proc/4711/vram_51110", "1073741824\n");
        write(root, "sys/class/kfd/kfd/proc/4712/vram_51110", "0\n");
    }

    #[test]
    fn a_card_tells_its_state() {
        let root = tempfile::tempdir().unwrap();
        card(root.path());
        let found = devices(&Tree::new(root.path()), root.path());
        let [device] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((device.vendor.as_str(), device.capability.as_deref()), ("amd", Some("gfx942")));
        assert_eq!((device.memory_bytes, device.memory_used_bytes), (Some(192 << 30), Some(296_079_360)));
        assert_eq!((device.temperature, device.power), (Some(41.0), Some(138.0)));
        assert_eq!((device.clock, device.memory_clock), (Some(132e6), Some(900e6)));
        let processes = device.processes.as_ref().unwrap();
        assert_eq!(processes.len(), 1, "one that holds nothing of it computes elsewhere: {processes:?}");
        assert_eq!((processes[0].pid, processes[0].memory_bytes), (4711, Some(1 << 30)));
        assert_eq!(device.unread.keys().collect::<Vec<_>>(), ["energy", "power_ns", "thermal_ns", "throttle"]);
    }

    #[test]
    fn what_a_card_does_not_tell_has_its_reason() {
        let root = tempfile::tempdir().unwrap();
        card(root.path());
        fs::remove_file(root.path().join(CARD).join("hwmon/hwmon5/power1_average")).unwrap();
        write(root.path(), &format!("{CARD}/hwmon/hwmon5/temp1_input"), "hot\n");
        fs::remove_dir_all(root.path().join("sys/class/kfd/kfd/proc")).unwrap();
        let found = devices(&Tree::new(root.path()), root.path());
        let unread = &found[0].unread;
        assert!(unread["temperature"].ends_with("temp1_input is no number"), "{unread:?}");
        assert!(
            unread["power"].ends_with("power1_input does not exist"),
            "newer drivers have another file: {unread:?}"
        );
        assert_eq!(unread["processes"], "/sys/class/kfd/kfd/proc does not exist");
        assert_eq!((found[0].temperature, found[0].power, found[0].clock), (None, None, Some(132e6)));
    }
}
