//! The state of the host at one moment, for the conditions of a measurement: pressure, steal, load, frequency, throttling.
//!
//! Two readings make [`Conditions`]. Reading takes a few hundred microseconds at most and never fails: what cannot be
//! read is absent, and the reason is kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::devices::foreign;
use super::tree::Tree;
use crate::results::{Conditions, Device, DeviceConditions, Devices, Pressure, Span};

/// Processors whose frequency and heat are looked at: asking each takes time, and more tell nothing new.
const MOST_PROCESSORS: usize = 64;

/// A reading of the host's state.
#[derive(Debug, Clone)]
pub struct State {
    at: Instant,
    cpu: Result<Stalled, String>,
    memory: Result<Stalled, String>,
    io: Result<Stalled, String>,
    time: Result<Ticks, String>,
    load: Result<f64, String>,
    frequency: Result<f64, String>,
    throttled: Result<u64, String>,
    /// With how many processes compute on each that are not ours.
    devices: Vec<(Device, Option<u64>)>,
    /// Why devices could not be asked.
    unasked: BTreeMap<String, String>,
}

/// How long tasks have waited since the system started, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stalled {
    some: u64,
    full: Option<u64>,
}

/// Processor time since the system started, in the kernel's ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    all: u64,
    stolen: u64,
}

impl State {
    /// Reads the state below a root: `/` in life, a captured tree in tests.
    pub fn read(root: &Path) -> Self {
        let tree = Tree::new(root);
        let pressure = |of: &str| {
            let path = format!("proc/pressure/{of}");
            stalled(&tree.text(&path, 4096)?).ok_or_else(|| format!("/{path} says nothing that is known"))
        };
        Self {
            at: Instant::now(),
            cpu: pressure("cpu"),
            memory: pressure("memory"),
            io: pressure("io"),
            time: tree.line("proc/stat").and_then(|line| ticks(&line).ok_or_else(|| "/proc/stat is odd".to_owned())),
            load: tree.line("proc/loadavg").and_then(|line| load(&line).ok_or_else(|| "/proc/loadavg is odd".into())),
            frequency: frequency(&tree),
            throttled: throttled(&tree),
            devices: Vec::new(),
            unasked: BTreeMap::new(),
        }
    }

    /// The same with the state of the devices beside the processor.
    #[must_use]
    pub fn with_devices(self, found: Devices) -> Self {
        let devices = found.devices.into_iter().map(|device| {
            let foreign = foreign(&device);
            (device, foreign)
        });
        Self { devices: devices.collect(), unasked: found.unread, ..self }
    }

    /// What the conditions were from this reading to a later one.
    pub fn until(&self, later: &Self) -> Conditions {
        let duration = later.at.saturating_duration_since(self.at);
        let micros = duration.as_micros() as f64;
        let mut unread = BTreeMap::new();
        let mut both = Both { unread: &mut unread };
        let waited = |(before, after): (&Stalled, &Stalled)| Pressure {
            some: share(before.some, after.some, micros),
            full: before.full.zip(after.full).map(|(before, after)| share(before, after, micros)),
        };
        let steal = |(before, after): (&Ticks, &Ticks)| {
            share(before.stolen, after.stolen, after.all.saturating_sub(before.all) as f64)
        };
        let span = |(before, after): (&f64, &f64)| Span { before: *before, after: *after };
        let unasked = self.unasked.iter().chain(&later.unasked);
        let unasked: Vec<(String, String)> =
            unasked.map(|(field, reason)| (format!("devices.{field}"), reason.clone())).collect();
        let mut conditions = Conditions {
            duration_ns: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
            cpu_pressure: both.of("cpu_pressure", &self.cpu, &later.cpu).map(waited),
            memory_pressure: both.of("memory_pressure", &self.memory, &later.memory).map(waited),
            io_pressure: both.of("io_pressure", &self.io, &later.io).map(waited),
            steal: both.of("steal", &self.time, &later.time).map(steal),
            load: both.of("load", &self.load, &later.load).map(span),
            frequency: both.of("frequency", &self.frequency, &later.frequency).map(span),
            throttled: both
                .of("throttled", &self.throttled, &later.throttled)
                .map(|(before, after)| after.saturating_sub(*before)),
            devices: devices(&self.devices, &later.devices, duration),
            unread,
        };
        conditions.unread.extend(unasked);
        conditions
    }
}

/// What each device that both readings have did between them.
fn devices(
    before: &[(Device, Option<u64>)],
    after: &[(Device, Option<u64>)],
    duration: Duration,
) -> Vec<DeviceConditions> {
    let same = |a: &Device, b: &Device| (&a.vendor, a.index) == (&b.vendor, b.index);
    let one = |(first, foreign): &(Device, Option<u64>)| {
        let found = after.iter().find(|(last, _)| same(first, last));
        // One that has fallen off the bus does not even tell its name.
        let Some((last, later)) = found.filter(|(last, _)| last.name == first.name) else {
            let told = found.and_then(|(last, _)| last.unread.get("name").or_else(|| last.unread.get("device")));
            let told = told.cloned().unwrap_or_else(|| "its driver knows of it no more".to_owned());
            return DeviceConditions { unread: [("device".to_owned(), told)].into(), ..named(first) };
        };
        let span =
            |of: fn(&Device) -> Option<f64>| of(first).zip(of(last)).map(|(before, after)| Span { before, after });
        let held = |of: fn(&Device) -> Option<u64>| {
            of(first).zip(of(last)).map(|(before, after)| share(before, after, duration.as_nanos() as f64))
        };
        let mut throttle: Vec<String> = first.disturbances().chain(last.disturbances()).cloned().collect();
        throttle.sort();
        throttle.dedup();
        let fields = ["temperature", "clock", "thermal_ns", "power_ns", "throttle", "processes", "energy"];
        let unread = first.unread.iter().chain(&last.unread).filter(|(field, _)| fields.contains(&field.as_str()));
        DeviceConditions {
            temperature: span(|device| device.temperature),
            clock: span(|device| device.clock),
            thermal: held(|device| device.thermal_ns),
            power_capped: held(|device| device.power_ns),
            throttle,
            foreign: foreign.zip(*later).map(|(before, after)| before.max(after)),
            energy: span(|device| device.energy).map(|span| span.after - span.before).filter(|joules| *joules >= 0.0),
            unread: unread.map(|(field, reason)| (field.clone(), reason.clone())).collect(),
            ..named(first)
        }
    };
    before.iter().map(one).collect()
}

fn named(device: &Device) -> DeviceConditions {
    let Device { vendor, index, name, .. } = device.clone();
    DeviceConditions { vendor, index, name, ..DeviceConditions::default() }
}

/// Takes what both readings have, and keeps the reason where one has not.
struct Both<'a> {
    unread: &'a mut BTreeMap<String, String>,
}

impl Both<'_> {
    fn of<'v, T>(
        &mut self,
        field: &str,
        before: &'v Result<T, String>,
        after: &'v Result<T, String>,
    ) -> Option<(&'v T, &'v T)> {
        match (before, after) {
            (Ok(before), Ok(after)) => Some((before, after)),
            (Err(reason), _) | (_, Err(reason)) => {
                self.unread.insert(field.to_owned(), reason.clone());
                None
            }
        }
    }
}

/// How much of `whole` passed between two counters that only grow. Clocks that disagree never make more than all.
fn share(before: u64, after: u64, whole: f64) -> f64 {
    if whole > 0.0 { (after.saturating_sub(before) as f64 / whole).min(1.0) } else { 0.0 }
}

/// `/proc/pressure/*`: `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, and the same for `full`.
fn stalled(text: &str) -> Option<Stalled> {
    let total = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        line.split_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
    };
    Some(Stalled { some: total("some ")?, full: total("full ") })
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, then guests, which are part
/// of user and nice.
fn ticks(line: &str) -> Option<Ticks> {
    let mut words = line.split_whitespace();
    words.next().filter(|name| *name == "cpu")?;
    let times: Vec<u64> = words.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let stolen = *times.get(7)?;
    Some(Ticks { all: times.iter().fold(0, |sum: u64, time| sum.saturating_add(*time)), stolen })
}

/// `/proc/loadavg`: `3.40 2.10 1.05 2/345 6789`.
fn load(line: &str) -> Option<f64> {
    line.split(' ').next()?.parse().ok().filter(|load: &f64| load.is_finite())
}

/// The mean frequency in hertz of the processors that tell theirs.
fn frequency(tree: &Tree) -> Result<f64, String> {
    let tell = |at: usize| tree.line(&format!("sys/devices/system/cpu/cpu{at}/cpufreq/scaling_cur_freq"));
    let first = tell(0)?;
    let kilohertz = |line: String| line.parse::<u64>().ok().filter(|khz| *khz > 0);
    let known: Vec<u64> = std::iter::once(Ok(first))
        .chain((1..MOST_PROCESSORS).map(tell))
        .map_while(Result::ok)
        .filter_map(kilohertz)
        .collect();
    match known.len() {
        0 => Err("scaling_cur_freq is no number".to_owned()),
        n => Ok(known.iter().map(|khz| *khz as f64).sum::<f64>() * 1000.0 / n as f64),
    }
}

/// How often processors, alone or all of a package, were slowed down because of their heat.
fn throttled(tree: &Tree) -> Result<u64, String> {
    let tell = |at: usize| {
        let count = |which: &str| {
            let line = tree.line(&format!("sys/devices/system/cpu/cpu{at}/thermal_throttle/{which}_throttle_count"))?;
            line.parse::<u64>().map_err(|_| "the count of slow-downs is no number".to_owned())
        };
        Ok(count("core")?.saturating_add(count("package").unwrap_or(0)))
    };
    let first: Result<u64, String> = tell(0);
    let rest = (1..MOST_PROCESSORS).map(tell).map_while(Result::ok);
    Ok(rest.fold(first?, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::{Stalled, State, Ticks, stalled, ticks};
    use crate::results::Span;

    /// As a virtual machine and a laptop print them.
    const PRESSURE: &str = "some avg10=75.87 avg60=73.26 avg300=35.31 total=3162558063\n\
                            full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n";
    const STAT: &str = "cpu  1172696 21394 171814 1946476 33841 0 2526 8606 0 0";

    #[test]
    fn pressure_and_time_are_read() {
        assert_eq!(stalled(PRESSURE), Some(Stalled { some: 3_162_558_063, full: Some(12) }));
        assert_eq!(stalled("some avg10=0.00 total=7\n"), Some(Stalled { some: 7, full: None }));
        assert_eq!(ticks(STAT), Some(Ticks { all: 3_357_353, stolen: 8606 }));
        for odd in ["", "some", "some total=", "full total=1", "some total=-1", "some total=99999999999999999999"] {
            assert_eq!(stalled(odd), None, "{odd}");
        }
        for odd in ["", "cpu", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3", "cpu 1 2 3 4 5 6 7 x"] {
            assert_eq!(ticks(odd), None, "{odd}");
        }
    }

    /// A tree with what changes between two readings.
    fn tree(pressure: u64, steal: u64, khz: &[u64], throttled: u64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/pressure/cpu", &format!("some avg10=0.00 total={pressure}\nfull avg10=0.00 total=0\n"));
        write("proc/stat", &format!("cpu  {} 0 0 0 0 0 0 {steal} 0 0\ncpu0 1\n", 1000 - steal));
        write("proc/loadavg", &format!("{}.5 2.10 1.05 2/345 6789\n", pressure / 1000));
        for (at, khz) in khz.iter().enumerate() {
            let cpu = format!("sys/devices/system/cpu/cpu{at}");
            write(&format!("{cpu}/cpufreq/scaling_cur_freq"), &format!("{khz}\n"));
            write(&format!("{cpu}/thermal_throttle/core_throttle_count"), &format!("{throttled}\n"));
        }
        dir
    }

    #[test]
    fn two_readings_make_the_conditions() {
        let before = State::read(tree(1000, 0, &[3_000_000, 2_000_000], 1).path());
        let mut after = State::read(tree(3000, 50, &[1_000_000, 2_000_000], 3).path());
        after.at = before.at + Duration::from_millis(10);
        // The second tree's ticks stand at the same total: one with a later total is made by hand.
        after.time = Ok(Ticks { all: 2000, stolen: 50 });
        let conditions = before.until(&after);
        assert_eq!(conditions.duration_ns, 10_000_000);
        let pressure = conditions.cpu_pressure.unwrap();
        assert!((pressure.some - 0.2).abs() < 1e-9 && pressure.full == Some(0.0), "{pressure:?}");
        assert_eq!(conditions.steal, Some(0.05));
        assert_eq!(conditions.load, Some(Span { before: 1.5, after: 3.5 }));
        assert_eq!(conditions.frequency, Some(Span { before: 2.5e9, after: 1.5e9 }));
        assert_eq!(conditions.throttled, Some(4));
        assert_eq!(conditions.unread.keys().collect::<Vec<_>>(), ["io_pressure", "memory_pressure"]);
        assert_eq!(conditions.unread["io_pressure"], "/proc/pressure/io does not exist");
    }

    #[test]
    fn counters_that_run_backwards_and_no_time_give_zero() {
        let before = State::read(tree(3000, 50, &[3_000_000], 3).path());
        let mut after = State::read(tree(1000, 0, &[3_000_000], 1).path());
        after.at = before.at;
        let conditions = before.until(&after);
        assert_eq!(conditions.cpu_pressure.map(|pressure| pressure.some), Some(0.0));
        assert_eq!((conditions.steal, conditions.throttled), (Some(0.0), Some(0)));
    }

    #[test]
    fn this_host_is_read_quickly() {
        let began = Instant::now();
        let before = State::read(Path::new("/"));
        let conditions = before.until(&State::read(Path::new("/")));
        assert!(began.elapsed() < Duration::from_secs(5));
        let told = [
            ("cpu_pressure", conditions.cpu_pressure.is_some()),
            ("steal", conditions.steal.is_some()),
            ("load", conditions.load.is_some()),
            ("frequency", conditions.frequency.is_some()),
            ("throttled", conditions.throttled.is_some()),
        ];
        for (field, told) in told {
            assert_ne!(told, conditions.unread.contains_key(field), "{field}: either a value or a reason");
        }
    }
}
