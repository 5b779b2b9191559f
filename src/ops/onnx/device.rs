//! The memory that a model holds on its device at the most, and the device's energy, where its driver tells.
//!
//! The driver is asked between the stages, in a process of its own, and never while queries are timed. The runtime keeps
//! what memory it took, so what it holds after the last query is its peak but for what a driver took and gave back
//! meanwhile.

use crate::host::DeviceAsker;
use crate::ops::devices::asker;
use crate::results::{Device, Devices};

/// Whoever looks at the device of a model.
pub(super) struct DeviceWatch {
    asker: DeviceAsker,
    before: Devices,
    peak: Option<u64>,
    /// Why something is not known.
    why: Option<String>,
}

/// Energy when the timing began, in joules, and on which device.
pub(super) struct Mark(Option<(u32, f64)>);

impl DeviceWatch {
    /// Looks for the first time; `None` for a target that is no GPU, or where nobody can be asked.
    pub(super) fn begin(target: &str) -> Option<Self> {
        if !matches!(target, "cuda" | "tensorrt" | "rocm" | "migraphx") {
            return None;
        }
        let asker = asker()?;
        let before = asker.ask();
        let why = before.unread.get("nvml").cloned();
        Some(Self { asker, before, peak: None, why })
    }

    /// Looks at it between two stages.
    pub(super) fn look(&mut self) -> Mark {
        let now = self.asker.ask();
        let Some(device) = ours(&now.devices) else {
            self.why = Some(now.unread.get("nvml").cloned().unwrap_or_else(|| match now.devices.len() {
                0 => "its driver knows of no device any more".to_owned(),
                n => format!("its driver does not tell on which of {n} devices this process computes"),
            }));
            return Mark(None);
        };
        match held(device, &self.before) {
            Some(bytes) => self.peak = self.peak.max(Some(bytes)),
            None => {
                let told = ["memory_bytes", "device", "name"].iter().find_map(|field| device.unread.get(*field));
                self.why = told.cloned().or_else(|| Some("less of its memory is used than before".to_owned()));
            }
        }
        Mark(device.energy.map(|joules| (device.index, joules)))
    }

    /// The joules since a mark, looking at it again.
    pub(super) fn energy_since(&mut self, mark: &Mark) -> Option<f64> {
        let (first, now) = (mark.0, self.look().0);
        first.zip(now).filter(|(first, now)| first.0 == now.0 && now.1 >= first.1).map(|(first, now)| now.1 - first.1)
    }

    /// The most memory that was held at one of the looks, in bytes.
    pub(super) const fn peak(&self) -> Option<u64> {
        self.peak
    }

    /// Why something is not known.
    pub(super) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }
}

/// The device on which this process computes; the only one where the driver counts processes in another way.
fn ours(devices: &[Device]) -> Option<&Device> {
    let is_ours = |device: &&Device| device.processes.iter().flatten().any(|process| process.pid == std::process::id());
    devices.iter().find(is_ours).or(match devices {
        [only] => Some(only),
        _ => None,
    })
}

/// What this process holds of a device, by the driver's own account, or what is used more than before.
fn held(device: &Device, before: &Devices) -> Option<u64> {
    let own = device.processes.iter().flatten().find(|process| process.pid == std::process::id());
    own.and_then(|process| process.memory_bytes).or_else(|| {
        let first = before.devices.iter().find(|first| first.vendor == device.vendor && first.index == device.index)?;
        device.memory_used_bytes?.checked_sub(first.memory_used_bytes?)
    })
}

#[cfg(test)]
mod tests {
    use super::{held, ours};
    use crate::results::{Device, DeviceProcess, Devices};

    fn device(index: u32, used: u64, pid: Option<u32>) -> Device {
        let processes = pid.map(|pid| vec![DeviceProcess { pid, memory_bytes: Some(7) }]);
        Device { index, memory_used_bytes: Some(used), processes, ..Device::default() }
    }

    #[test]
    fn the_device_is_the_one_that_we_compute_on() {
        let own = std::process::id();
        let all = [device(0, 10, None), device(1, 10, Some(own)), device(2, 10, Some(1))];
        assert_eq!(ours(&all).unwrap().index, 1);
        assert!(ours(&[device(0, 10, None), device(1, 10, Some(1))]).is_none(), "two, and on neither are we known");
        assert_eq!(ours(&all[..1]).unwrap().index, 0, "a container may count processes in another way");
    }

    #[test]
    fn memory_is_ours_by_name_or_what_came_meanwhile() {
        let before = Devices { devices: vec![device(0, 100, None)], ..Devices::default() };
        assert_eq!(held(&device(0, 130, None), &before), Some(30));
        assert_eq!(held(&device(0, 130, Some(std::process::id())), &before), Some(7));
        assert_eq!(held(&device(0, 90, None), &before), None, "others gave some back");
        assert_eq!(held(&device(3, 90, None), &before), None);
    }
}
