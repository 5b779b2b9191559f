//! `backsight devices`: asks the drivers of GPUs in this process, for the process that wants to know; and a host with what
//! they tell.

use std::path::{Path, PathBuf};

use super::targets::program;
use crate::host::{self, DeviceAsker, NVML_VARIABLE, read_nvml};
use crate::results::{Devices, Host};

/// What NVIDIA's driver tells, in this process.
pub fn devices_here() -> Devices {
    let named = std::env::var_os(NVML_VARIABLE).filter(|named| !named.is_empty()).map(PathBuf::from);
    read_nvml(named.as_deref())
}

/// Who is asked for devices on this host.
pub(super) fn asker() -> Option<DeviceAsker> {
    DeviceAsker::here(&program(), &|name| std::env::var(name).ok())
}

/// The host below `root` with its software and devices; the living system's drivers are asked, a captured tree has none.
pub(super) fn host_with_devices(root: &Path, homes: &[PathBuf]) -> (Host, Option<Devices>) {
    let asker = if root == Path::new("/") { asker() } else { None };
    let found = asker.map(|asker| asker.ask());
    let host = host::with_software(host::probe(root), root, homes, found.as_ref());
    (host::with_devices(host, found.as_ref()), found)
}
