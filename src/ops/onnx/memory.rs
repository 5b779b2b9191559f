//! The memory of this process at its peak, and the energy of the processor, where the system tells.

use std::fs;

/// Forgets the peak so far, so that the next reading is of what comes now. Without effect where that is not permitted.
pub(super) fn forget_peak() {
    let _not_permitted = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process held since then, in bytes.
pub(super) fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the processor packages have used since some time, in microjoules; wraps around at some point.
pub(super) fn energy() -> Option<u64> {
    let zones = fs::read_dir("/sys/class/powercap").ok()?.flatten();
    let packages = zones.filter(|zone| {
        let name = zone.file_name();
        let name = name.to_string_lossy();
        name.starts_with("intel-rapl:") && name.matches(':').count() == 1
    });
    let read = |zone: fs::DirEntry| fs::read_to_string(zone.path().join("energy_uj")).ok()?.trim().parse::<u64>().ok();
    let all: Vec<u64> = packages.map(read).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.iter().sum())
}
