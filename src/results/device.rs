//! What a device beside the processor is doing at one moment, as its driver tells it, and what came of it over a
//! measurement.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// The share of the time that a device was slowed down because of its heat or by its board from which a measurement is noisy.
const THERMAL: f64 = 0.0;
/// The share of the time that its power limit held a device back from which a measurement is noisy. At full load many
/// devices touch their limit now and then.
const POWER: f64 = 0.10;
/// Reasons for lower clocks that are no disturbance: nothing to do, or what somebody asked for.
const QUIET: [&str; 3] = ["gpu_idle", "applications_clocks_setting", "display_clock_setting"];

/// A part that a device was divided into.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Partition {
    /// The profile: `1g.10gb`.
    pub profile: String,
    /// Its memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// A process that computes on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceProcess {
    /// Its number, as the driver counts: in a container that may be the host's.
    pub pid: u32,
    /// The device's memory that it holds, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// A device at one moment. What cannot be read is absent, with the reason in `unread`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// `nvidia`, `amd`.
    pub vendor: String,
    /// Its number, as its driver counts.
    pub index: u32,
    /// Its name: `NVIDIA H200`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// All its memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Memory in use, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// What it can execute: compute capability `9.0`, or `gfx942`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// Whether it is divided into parts (MIG).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divided: Option<bool>,
    /// The parts that this process can see, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
    /// Temperature in degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Frequency of its processors, in hertz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<f64>,
    /// Frequency of its memory, in hertz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_clock: Option<f64>,
    /// Power, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// Energy used since its driver was loaded, in joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<f64>,
    /// Why its clocks are lower than they could be, in alphabetical order: `sw_power_cap`, `hw_thermal_slowdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Vec<String>>,
    /// How long its heat or its board has held it back since its driver was loaded, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thermal_ns: Option<u64>,
    /// How long its power limit has held it back since its driver was loaded, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_ns: Option<u64>,
    /// The processes that compute on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<DeviceProcess>>,
    /// Per field that could not be read, the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
}

/// The devices of a host at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Devices {
    /// Versions that the driver tells: `nvidia_driver`, `cuda_driver`, `nvml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// The devices, in their driver's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// What could not be asked at all, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
}

/// What a device did while something was measured. What could not be read is absent, with the reason in `unread`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceConditions {
    /// `nvidia`, `amd`.
    pub vendor: String,
    /// Its number, as its driver counts.
    pub index: u32,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Temperature in degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Span>,
    /// Frequency of its processors in hertz, before and after: there it may have been idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Span>,
    /// The share of the time in which its heat or its board held it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thermal: Option<f64>,
    /// The share of the time in which its power limit held it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_capped: Option<f64>,
    /// Why its clocks were lower than they could be, at one of both moments, without what is no disturbance (idleness).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttle: Vec<String>,
    /// The most processes that computed on it at one of both moments and are not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<u64>,
    /// Energy that it used meanwhile, in joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<f64>,
    /// Per field that could not be read, the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
}

impl Device {
    /// How it is divided, for the class of the host: `2 × 1g.10gb + 1 × 3g.40gb`; `None` where it is whole.
    pub fn division(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for part in &self.partitions {
            *counts.entry(&part.profile).or_default() += 1;
        }
        if counts.is_empty() {
            return self.divided.filter(|divided| *divided).map(|_| "MIG without instances".to_owned());
        }
        let told: Vec<String> = counts.into_iter().map(|(profile, count)| format!("{count} × {profile}")).collect();
        Some(format!("MIG {}", told.join(" + ")))
    }

    /// Why its clocks are lower than they could be, without what is no disturbance.
    pub fn disturbances(&self) -> impl Iterator<Item = &String> {
        self.throttle.iter().flatten().filter(|reason| !QUIET.contains(&reason.as_str()))
    }

    /// One line for people: `41 °C, 1980 MHz, 118 W, 5 of 140 GiB used, throttled by sw_power_cap, 1 process`.
    pub fn standing(&self) -> String {
        let gib = |bytes: u64| bytes as f64 / f64::from(1_u32 << 30);
        let memory = self.memory_used_bytes.zip(self.memory_bytes);
        let throttled: Vec<&str> = self.disturbances().map(String::as_str).collect();
        let parts = [
            self.temperature.map(|celsius| format!("{celsius:.0} °C")),
            self.clock.map(|hertz| format!("{:.0} MHz", hertz / 1e6)),
            self.power.map(|watts| format!("{watts:.0} W")),
            memory.map(|(used, all)| format!("{:.1} of {:.1} GiB used", gib(used), gib(all))),
            (!throttled.is_empty()).then(|| format!("throttled by {}", throttled.join(" and "))),
            self.processes.as_ref().map(|all| match all.len() {
                0 => "no process".to_owned(),
                1 => "1 process".to_owned(),
                n => format!("{n} processes"),
            }),
        ];
        let told: Vec<String> = parts.into_iter().flatten().collect();
        if told.is_empty() { "nothing can be read of it".to_owned() } else { told.join(", ") }
    }
}

impl DeviceConditions {
    /// What speaks against a measurement under these conditions: a code and a sentence each.
    pub fn doubts(&self) -> Vec<(&'static str, String)> {
        let name = self.name.as_deref().unwrap_or("the device");
        let device = format!("{name} ({})", self.index);
        let over = |share: Option<f64>, limit: f64| share.filter(|share| *share > limit);
        let percent = |share: f64| if share < 0.005 { "some".to_owned() } else { format!("{:.0} %", share * 100.0) };
        let thermal = over(self.thermal, THERMAL)
            .map(|share| format!("the heat or the board of {device} held it back {} of the time", percent(share)));
        let power = over(self.power_capped, POWER)
            .map(|share| format!("the power limit of {device} held it back {} of the time", percent(share)));
        // Where the driver does not count time, the two moments are all there is.
        let moments = (self.thermal.is_none() && self.power_capped.is_none() && !self.throttle.is_empty())
            .then(|| format!("{device} was throttled ({})", self.throttle.join(", ")));
        let foreign = self.foreign.filter(|count| *count > 0).map(|count| {
            let verb =
                if count == 1 { "1 process that is not ours computes" } else { "processes that are not ours compute" };
            if count == 1 { format!("{verb} on {device}") } else { format!("{count} {verb} on {device}") }
        });
        let gone = self.unread.get("device").map(|why| format!("{device} was there before and not after ({why})"));
        let throttled = [thermal, power, moments].into_iter().flatten().map(|text| ("gpu_throttled", text));
        let others = foreign.map(|text| ("gpu_shared", text)).into_iter().chain(gone.map(|text| ("gpu_lost", text)));
        throttled.chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, DeviceConditions, Partition};

    #[test]
    fn a_division_is_told_the_same_whatever_its_order() {
        let part = |profile: &str| Partition { profile: profile.into(), memory_bytes: None };
        let of = |profiles: &[&str]| Device {
            divided: Some(true),
            partitions: profiles.iter().map(|profile| part(profile)).collect(),
            ..Device::default()
        };
        assert_eq!(of(&["1g.10gb", "3g.40gb", "1g.10gb"]).division().unwrap(), "MIG 2 × 1g.10gb + 1 × 3g.40gb");
        assert_eq!(
            of(&["3g.40gb", "1g.10gb", "1g.10gb"]).division(),
            of(&["1g.10gb", "3g.40gb", "1g.10gb"]).division()
        );
        assert_eq!(of(&[]).division().as_deref(), Some("MIG without instances"));
        assert_eq!(Device::default().division(), None);
    }

    #[test]
    fn an_idle_device_is_not_disturbed() {
        let with = |reasons: &[&str]| Device {
            throttle: Some(reasons.iter().map(|reason| (*reason).to_owned()).collect()),
            ..Device::default()
        };
        assert_eq!(with(&["gpu_idle"]).disturbances().count(), 0);
        assert_eq!(
            with(&["gpu_idle", "hw_thermal_slowdown"]).disturbances().collect::<Vec<_>>(),
            ["hw_thermal_slowdown"]
        );
        assert_eq!(with(&["sw_power_cap"]).standing(), "throttled by sw_power_cap");
        assert_eq!(Device::default().standing(), "nothing can be read of it");
    }

    #[test]
    fn doubts_are_named_with_their_device() {
        let base = || DeviceConditions { name: Some("NVIDIA H200".into()), index: 1, ..DeviceConditions::default() };
        assert_eq!(base().doubts(), []);
        let quiet = DeviceConditions { thermal: Some(0.0), power_capped: Some(0.1), foreign: Some(0), ..base() };
        assert_eq!(quiet.doubts(), [], "a power limit that is touched now and then is usual");
        let hot = DeviceConditions { thermal: Some(0.001), power_capped: Some(0.4), foreign: Some(2), ..base() };
        let texts: Vec<String> = hot.doubts().into_iter().map(|(code, text)| format!("{code}: {text}")).collect();
        assert_eq!(
            texts,
            [
                "gpu_throttled: the heat or the board of NVIDIA H200 (1) held it back some of the time",
                "gpu_throttled: the power limit of NVIDIA H200 (1) held it back 40 % of the time",
                "gpu_shared: 2 processes that are not ours compute on NVIDIA H200 (1)",
            ]
        );
        let moments = DeviceConditions { throttle: vec!["hw_slowdown".into()], ..base() };
        assert_eq!(moments.doubts()[0].1, "NVIDIA H200 (1) was throttled (hw_slowdown)");
        let counted = DeviceConditions { thermal: Some(0.0), ..moments };
        assert_eq!(counted.doubts(), [], "the time that is counted says more than two moments");
    }
}
