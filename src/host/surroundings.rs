//! Which container and which hypervisor the process runs in, told by the traces they leave.

use super::tree::Tree;

/// What a hypervisor is called that shows itself and gives no name.
const UNNAMED: &str = "unnamed";

/// `kubernetes`, `podman`, `docker`, `lxc`, ...; absent where no trace was found. `kubernetes_service` tells whether
/// the environment names a Kubernetes API server.
pub(super) fn container(tree: &Tree, kubernetes_service: bool) -> Option<String> {
    let groups = tree.text("proc/1/cgroup", 64 * 1024).unwrap_or_default();
    let name = if kubernetes_service || groups.contains("kubepods") || tree.exists("var/run/secrets/kubernetes.io") {
        "kubernetes"
    } else if tree.exists("run/.containerenv") || groups.contains("libpod") {
        "podman"
    } else if tree.exists(".dockerenv") || groups.contains("/docker") {
        "docker"
    } else if groups.contains("/lxc") {
        "lxc"
    } else if groups.contains("containerd") {
        "containerd"
    } else {
        return tree.line("run/systemd/container").ok();
    };
    Some(name.to_owned())
}

/// The hypervisor's name. Absent on bare metal; where nothing could be read at all, an error with the reason.
pub(super) fn hypervisor(tree: &Tree, virtual_flag: bool) -> Result<Option<String>, String> {
    if let Some(name) = by_kernel(tree) {
        return Ok(Some(name.to_owned()));
    }
    let vendor = tree.line("sys/class/dmi/id/sys_vendor");
    // A cloud's vendor name also stands on its bare-metal machines: it counts only beside the processor's own flag,
    // which ARM does not have.
    if let Some(name) = vendor.as_deref().ok().and_then(|vendor| by_vendor(vendor, virtual_flag)) {
        return Ok(Some(name.to_owned()));
    }
    if virtual_flag {
        return Ok(Some(UNNAMED.to_owned()));
    }
    if tree.exists("proc/cpuinfo") { Ok(None) } else { vendor.map(|_| None) }
}

/// What the kernel found out when it started.
fn by_kernel(tree: &Tree) -> Option<&'static str> {
    if tree.line("sys/hypervisor/type").is_ok_and(|kind| kind == "xen") {
        return Some("xen");
    }
    let compatible = tree.text("proc/device-tree/hypervisor/compatible", 256).unwrap_or_default();
    let clocks = tree.line("sys/devices/system/clocksource/clocksource0/available_clocksource").unwrap_or_default();
    if compatible.contains("kvm") || clocks.contains("kvm-clock") {
        Some("kvm")
    } else if compatible.contains("xen") || clocks.contains("xen") {
        Some("xen")
    } else if clocks.contains("hyperv") {
        Some("hyperv")
    } else {
        None
    }
}

fn by_vendor(vendor: &str, virtual_flag: bool) -> Option<&'static str> {
    let always = [("QEMU", "kvm"), ("VMware", "vmware"), ("innotek", "virtualbox"), ("Parallels", "parallels")];
    let with_flag = [("Microsoft", "hyperv"), ("Google", "kvm"), ("Amazon", "kvm"), ("Xen", "xen")];
    let found =
        |list: &[(&str, &'static str)]| list.iter().find(|(start, _)| vendor.starts_with(start)).map(|(_, name)| *name);
    found(&always).or_else(|| if virtual_flag { found(&with_flag) } else { None })
}
