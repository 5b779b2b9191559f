//! Under which conditions something was measured, and when they put it in doubt.
//!
//! The conditions never change a verdict: a program cannot excuse itself by the noise that it makes. They stand beside
//! it as the measurement's validity.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeviceConditions, Reason, Span};

/// The share of the time in which something waited for a processor from which a measurement is noisy.
const CPU_PRESSURE: f64 = 0.20;
/// The share of the time in which something waited for memory from which a measurement is noisy.
const MEMORY_PRESSURE: f64 = 0.05;
/// The share of the processors' time that the hypervisor gave to others from which a measurement is noisy.
const STEAL: f64 = 0.02;
/// The relative change of the processors' frequency beyond which a measurement is noisy.
const FREQUENCY: f64 = 0.05;

/// How much of the time something had to wait for a resource (Linux's pressure stall information), as shares of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pressure {
    /// The share of the time in which at least one task waited.
    pub some: f64,
    /// The share in which all tasks that had work waited; absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<f64>,
}

/// The state of the host while something was measured. What could not be read is absent, with the reason in `unread`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conditions {
    /// The time between the two readings, in nanoseconds by the monotonic clock.
    pub duration_ns: u64,
    /// Waiting for processors, on the whole host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_pressure: Option<Pressure>,
    /// Waiting for memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_pressure: Option<Pressure>,
    /// Waiting for disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_pressure: Option<Pressure>,
    /// The share of the processors' time that the hypervisor gave to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<f64>,
    /// Load average over one minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Span>,
    /// Mean frequency of the processors, in hertz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<Span>,
    /// How often a processor was slowed down because of its heat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<u64>,
    /// The devices beside the processor, where a driver tells of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceConditions>,
    /// Per field that could not be read, the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
}

/// What is known of the measuring of a run as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measuring {
    /// What starting and ending a process costs here: the median wall time of `true`, in nanoseconds. It is part of
    /// each wall time, the base's like the head's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead_ns: Option<f64>,
    /// How many runs of `true` that is the median of.
    #[serde(default)]
    pub overhead_runs: u64,
    /// The nice value that measured commands had where their step asked for none; absent where they had ours, because
    /// another was not permitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The conditions from before the first benchmark to after the last; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
}

impl Conditions {
    /// Why what was measured under these conditions is noisy; `None` where nothing speaks against it.
    pub fn doubt(&self) -> Option<Reason> {
        let over = |share: Option<f64>, limit: f64| share.filter(|share| *share > limit).map(percent);
        let waited = |pressure: Option<Pressure>, limit| over(pressure.map(|pressure| pressure.some), limit);
        let moved = self.frequency.filter(|span| span.before > 0.0).map(|span| span.after / span.before - 1.0);
        let found = [
            waited(self.cpu_pressure, CPU_PRESSURE)
                .map(|share| ("cpu_pressure", format!("programs waited for a processor {share} of the time"))),
            waited(self.memory_pressure, MEMORY_PRESSURE)
                .map(|share| ("memory_pressure", format!("programs waited for memory {share} of the time"))),
            over(self.steal, STEAL)
                .map(|share| ("steal", format!("the hypervisor gave {share} of the processors' time to others"))),
            moved.filter(|moved| moved.abs() > FREQUENCY).map(|moved| {
                let way = if moved > 0.0 { "rose" } else { "fell" };
                ("frequency", format!("the processors' frequency {way} by {}", percent(moved.abs())))
            }),
            self.throttled
                .filter(|times| *times > 0)
                .map(|times| ("throttled", format!("processors were slowed down because of their heat {times} times"))),
        ];
        let devices = self.devices.iter().flat_map(DeviceConditions::doubts);
        let found: Vec<(&str, String)> = found.into_iter().flatten().chain(devices).collect();
        let (code, _) = found.first()?;
        let text: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        Some(Reason::new(*code, text.join("; ")))
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{Conditions, Pressure};
    use crate::results::Span;

    fn doubt(conditions: &Conditions) -> Option<(String, String)> {
        conditions.doubt().map(|reason| (reason.code, reason.text))
    }

    fn pressure(some: f64) -> Option<Pressure> {
        Some(Pressure { some, full: None })
    }

    #[test]
    fn a_quiet_host_raises_no_doubt() {
        let quiet = Conditions {
            cpu_pressure: pressure(0.19),
            memory_pressure: pressure(0.04),
            io_pressure: pressure(0.9),
            steal: Some(0.02),
            frequency: Some(Span { before: 3.0e9, after: 3.1e9 }),
            throttled: Some(0),
            ..Conditions::default()
        };
        assert_eq!(doubt(&quiet), None);
        assert_eq!(doubt(&Conditions::default()), None, "what cannot be read accuses nobody");
    }

    #[test]
    fn each_disturbance_is_named() {
        let noisy = Conditions {
            cpu_pressure: pressure(0.75),
            steal: Some(0.031),
            frequency: Some(Span { before: 3.0e9, after: 2.4e9 }),
            throttled: Some(2),
            ..Conditions::default()
        };
        let (code, text) = doubt(&noisy).unwrap();
        assert_eq!(code, "cpu_pressure");
        assert_eq!(
            text,
            "programs waited for a processor 75 % of the time; the hypervisor gave 3 % of the processors' time to \
             others; the processors' frequency fell by 20 %; processors were slowed down because of their heat 2 times"
        );
        let odd = Conditions { frequency: Some(Span { before: 0.0, after: 2.4e9 }), ..Conditions::default() };
        assert_eq!(doubt(&odd), None, "no ratio to nothing");
    }
}
