//! What NVIDIA's management library (NVML) tells of the devices. The library is loaded here, in this process: whatever
//! hangs or crashes in the driver takes it along, so [`super::devices`] starts a process for it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, PerformancePolicy, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use super::tree::fact;
use crate::results::{Device, DeviceProcess, Devices, Partition};

/// The library's name, and where it is under WSL, whose folder is in no loader's list.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"];
/// Whether this is a static program: with musl or glibc, such a one cannot load a library.
pub const LOADS_NO_LIBRARY: bool = cfg!(all(target_os = "linux", target_feature = "crt-static"));
/// What is said then.
pub const STATIC_PROGRAM: &str = "this backsight is a static program, which cannot load a library such as ONNX Runtime or \
NVIDIA's; the release's archive whose name ends in `-gnu` can";

/// The most devices and parts of one that are looked at.
const MOST: u32 = 64;

/// Asks NVML; `library` is its file where somebody named one. Never fails: what cannot be read is absent, with the reason.
pub fn read_nvml(library: Option<&Path>) -> Devices {
    let mut found = Devices::default();
    let nvml = match load(library) {
        Ok(nvml) => nvml,
        Err(reason) => {
            found.unread.insert("nvml".to_owned(), reason);
            return found;
        }
    };
    let mut add = |name: &str, read: Result<String, NvmlError>| match read {
        Ok(version) => found.versions.extend(fact(&version).map(|version| (name.to_owned(), version))),
        Err(error) => found.unread.extend([(name.to_owned(), words(&error))]),
    };
    add("nvidia_driver", nvml.sys_driver_version());
    add("nvml", nvml.sys_nvml_version());
    let cuda = |version| format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version));
    add("cuda_driver", nvml.sys_cuda_driver_version().map(cuda));
    match nvml.device_count() {
        Ok(count) => found.devices = (0..count.min(MOST)).map(|index| device(&nvml, index)).collect(),
        Err(error) => found.unread.extend([("devices".to_owned(), words(&error))]),
    }
    found
}

fn load(library: Option<&Path>) -> Result<Nvml, String> {
    if LOADS_NO_LIBRARY {
        return Err(STATIC_PROGRAM.to_owned());
    }
    let open = |name: &OsStr| Nvml::builder().lib_path(name).init();
    let first = match library {
        Some(named) => open(named.as_os_str()),
        None => open(OsStr::new(LIBRARIES[0])),
    };
    let error = match first {
        Ok(nvml) => return Ok(nvml),
        Err(error) => error,
    };
    if library.is_none()
        && let Some(nvml) = LIBRARIES.iter().skip(1).find_map(|name| open(OsStr::new(name)).ok())
    {
        return Ok(nvml);
    }
    Err(match &error {
        NvmlError::LibloadingError(error) => {
            format!(
                "NVIDIA's management library cannot be loaded ({error}); it comes with the driver, in a container with the capability `utility`"
            )
        }
        NvmlError::FailedToLoadSymbol(_) => {
            format!(
                "NVIDIA's management library is too old or none ({error}); drivers since 510 have all that is asked"
            )
        }
        error => format!("NVIDIA's management library does not start: {error}"),
    })
}

fn words(error: &NvmlError) -> String {
    let text = match error {
        NvmlError::FailedToLoadSymbol(_) => "this driver's NVML does not have it; drivers since 510 do".to_owned(),
        error => error.to_string(),
    };
    fact(&text).unwrap_or_default()
}

/// Keeps the reason under the field's name where there is no value.
struct Reader(BTreeMap<String, String>);

impl Reader {
    fn of<T>(&mut self, field: &str, read: Result<T, NvmlError>) -> Option<T> {
        read.map_err(|error| self.0.insert(field.to_owned(), words(&error))).ok()
    }
}

fn device(nvml: &Nvml, index: u32) -> Device {
    let mut found = Device { vendor: "nvidia".to_owned(), index, ..Device::default() };
    let mut reader = Reader(BTreeMap::new());
    let Some(device) = reader.of("device", nvml.device_by_index(index)) else {
        return Device { unread: reader.0, ..found };
    };
    found.name = reader.of("name", device.name()).as_deref().and_then(fact);
    let memory = reader.of("memory_bytes", device.memory_info());
    found.memory_bytes = memory.as_ref().map(|memory| memory.total);
    found.memory_used_bytes = memory.as_ref().map(|memory| memory.used);
    let capability = reader.of("capability", device.cuda_compute_capability());
    found.capability = capability.map(|capability| format!("{}.{}", capability.major, capability.minor));
    (found.divided, found.partitions) = divided(&device, &mut reader);
    found.temperature = reader.of("temperature", device.temperature(TemperatureSensor::Gpu)).map(f64::from);
    let hertz = |mhz: u32| f64::from(mhz) * 1e6;
    found.clock = reader.of("clock", device.clock_info(Clock::SM)).map(hertz);
    found.memory_clock = reader.of("memory_clock", device.clock_info(Clock::Memory)).map(hertz);
    found.power = reader.of("power", device.power_usage()).map(|milliwatts| f64::from(milliwatts) / 1e3);
    found.energy = reader.of("energy", device.total_energy_consumption()).map(|millijoules| millijoules as f64 / 1e3);
    found.throttle = reader.of("throttle", device.current_throttle_reasons()).map(reasons);
    let held = |policy| device.violation_status(policy).map(|held| held.violation_time);
    // Thermal limits count as such on all devices; a limit of the board only on some.
    let board = held(PerformancePolicy::BoardLimit).unwrap_or(0);
    found.thermal_ns = reader.of("thermal_ns", held(PerformancePolicy::Thermal)).map(|ns| ns.saturating_add(board));
    found.power_ns = reader.of("power_ns", held(PerformancePolicy::Power));
    found.processes = reader.of("processes", processes(&device));
    Device { unread: reader.0, ..found }
}

fn processes(device: &nvml_wrapper::Device<'_>) -> Result<Vec<DeviceProcess>, NvmlError> {
    let one = |process: nvml_wrapper::struct_wrappers::device::ProcessInfo| DeviceProcess {
        pid: process.pid,
        memory_bytes: match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        },
    };
    Ok(device.running_compute_processes()?.into_iter().map(one).collect())
}

/// Whether it is divided, and its parts that this process can see.
fn divided(device: &nvml_wrapper::Device<'_>, reader: &mut Reader) -> (Option<bool>, Vec<Partition>) {
    let mode = match device.mig_mode() {
        // Devices that cannot be divided say so.
        Err(NvmlError::NotSupported) => return (Some(false), Vec::new()),
        mode => reader.of("divided", mode),
    };
    let Some(mode) = mode else { return (None, Vec::new()) };
    if mode.current == 0 {
        return (Some(false), Vec::new());
    }
    let count = reader.of("partitions", device.mig_device_count()).unwrap_or(0).min(MOST);
    let one = |index: u32| {
        // Places without a part say that there is none.
        let part = device.mig_device_by_index(index).ok()?;
        let name = part.name().ok()?;
        let profile = name.rsplit_once("MIG ").map_or(name.as_str(), |(_, profile)| profile);
        Some(Partition { profile: fact(profile)?, memory_bytes: part.memory_info().ok().map(|memory| memory.total) })
    };
    let mut parts: Vec<Partition> = (0..count).filter_map(one).collect();
    parts.sort();
    (Some(true), parts)
}

/// Reasons by their names, in alphabetical order.
fn reasons(found: ThrottleReasons) -> Vec<String> {
    let mut names: Vec<String> = found.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    // An old name of the same.
    names.retain(|name| name != "user_defined_clocks" && name != "none");
    names.sort();
    names.dedup();
    names
}
