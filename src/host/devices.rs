//! The devices beside the processor at one moment, asked in a process of their own: a stuck driver is cut off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::amd;
use super::ask::{AskError, ask};
use super::tree::Tree;
use crate::results::{Accelerator, Device, Devices, Host};

/// The variable that names NVIDIA's management library where it is in no usual place. Then it is asked in any case.
pub const NVML_VARIABLE: &str = "BACKSIGHT_NVML";
/// How long the driver may take: without its persistence mode it starts each device anew, which takes seconds.
const LIMIT: Duration = Duration::from_secs(10);
/// The most that is read of an answer, in bytes.
const MOST: usize = 1 << 20;
/// How far up the line of a process's parents is followed.
const GENERATIONS: usize = 64;

/// Why the driver is not asked again: once it hung, it would each time.
static STUCK: OnceLock<String> = OnceLock::new();

/// Who is asked for devices, where there are any.
#[derive(Debug, Clone)]
pub struct DeviceAsker {
    root: PathBuf,
    program: PathBuf,
    nvidia: bool,
}

impl DeviceAsker {
    /// For this host: `None` where no driver of a GPU is loaded, so that hosts without one lose no time.
    pub fn here(program: &Path, env: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let root = Path::new("/");
        let named = env(NVML_VARIABLE).is_some_and(|named| !named.is_empty());
        let tree = Tree::new(root);
        let nvidia = named || super::accelerators::nvidia_driver(&tree).is_ok() || tree.exists("dev/dxg");
        let found = nvidia || tree.exists("sys/class/kfd/kfd/topology/nodes");
        let (root, program) = (root.to_owned(), program.to_owned());
        found.then_some(Self { root, program, nvidia })
    }

    /// Asks. Takes at most the limit; what cannot be had is absent, with the reason.
    pub fn ask(&self) -> Devices {
        let mut found = if self.nvidia { self.nvidia() } else { Devices::default() };
        found.devices.extend(amd::devices(&Tree::new(&self.root), &self.root));
        found
    }

    fn nvidia(&self) -> Devices {
        let absent = |reason: String| Devices { unread: [("nvml".to_owned(), reason)].into(), ..Devices::default() };
        if let Some(reason) = STUCK.get() {
            return absent(reason.clone());
        }
        let asked = ask(Command::new(&self.program).arg("devices"), b"", MOST, LIMIT);
        let answer = asked.map(|answer| (answer.success, serde_json::from_slice::<Devices>(&answer.output)));
        let reason = match answer {
            Ok((true, Ok(found))) => return found,
            Ok((true, Err(_))) => "the process that asked NVIDIA's driver gave no answer that can be read".to_owned(),
            Ok((false, _)) => "the process that asked NVIDIA's driver crashed".to_owned(),
            Err(AskError::TimedOut { seconds, .. }) => {
                let reason = format!(
                    "NVIDIA's driver gave no answer within {seconds} s and is not asked again; see `dmesg` for what it hangs on"
                );
                STUCK.get_or_init(|| reason).clone()
            }
            Err(error) => error.to_string(),
        };
        absent(reason)
    }
}

/// The host with what its devices tell: names, memory and capability that no file has, and why something is not known.
#[must_use]
pub fn with_devices(mut host: Host, found: Option<&Devices>) -> Host {
    let nvidia: Vec<&Device> =
        found.iter().flat_map(|found| &found.devices).filter(|one| one.vendor == "nvidia").collect();
    let unasked = found.and_then(|found| found.unread.get("nvml"));
    let by_files = |one: Accelerator| {
        let why = unasked.filter(|_| one.vendor == "nvidia").cloned();
        let why = why.unwrap_or_else(|| "no driver that can be asked tells it".to_owned());
        let reasons = [("memory_bytes", why.clone()), ("capability", why)];
        (one, reasons.map(|(field, why)| (field.to_owned(), why)).into())
    };
    let files = std::mem::take(&mut host.accelerators).into_iter();
    let mut all: Vec<(Accelerator, BTreeMap<String, String>)> =
        files.filter(|one| nvidia.is_empty() || one.vendor != "nvidia").map(by_files).collect();
    all.extend(nvidia.into_iter().map(|device| (accelerator(device), device.unread.clone())));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(found) = found {
        host.unread.extend(found.unread.iter().map(|(field, reason)| (format!("devices.{field}"), reason.clone())));
    }
    for (at, (one, reasons)) in all.iter().enumerate() {
        let missing =
            [("memory_bytes", one.memory_bytes.is_none()), ("capability", one.capability.is_none())].into_iter();
        for (field, _) in missing.filter(|(_, missing)| *missing) {
            let why = reasons.get(field).or_else(|| reasons.get("device")).cloned().unwrap_or_default();
            host.unread.insert(format!("accelerators.{at}.{field}"), why);
        }
    }
    host.accelerators = all.into_iter().map(|(one, _)| one).collect();
    host.class_key = super::class_key(&host);
    host
}

fn accelerator(device: &Device) -> Accelerator {
    Accelerator {
        vendor: device.vendor.clone(),
        name: device.name.clone().unwrap_or_else(|| "?".to_owned()),
        memory_bytes: device.memory_bytes,
        capability: device.capability.clone(),
        partition: device.division(),
    }
}

/// How many processes compute on a device that neither are this process nor were started by it.
pub(super) fn foreign(device: &Device) -> Option<u64> {
    let all = device.processes.as_ref()?;
    Some(all.iter().filter(|process| !is_ours(process.pid)).count() as u64)
}

fn is_ours(pid: u32) -> bool {
    let own = std::process::id();
    let mut at = pid;
    for _ in 0..GENERATIONS {
        if at == own {
            return true;
        }
        match parent(at) {
            Some(parent) if parent > 1 => at = parent,
            _ => return false,
        }
    }
    false
}

/// The parent of a process. Its name, in parentheses, may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
