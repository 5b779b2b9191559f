//! `backsight hardware`: what this host is, what it can execute, and whether two hosts are comparable.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::devices::host_with_devices;
use super::targets::{Height, LIMIT, Place, probe, program};
use crate::host;
use crate::pipeline::TARGETS;
use crate::results::{Devices, ExitCode, Host};

/// The version of the published form.
const SCHEMA: &str = "backsight/hardware/1";
/// The largest file of a host or run that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// What a host is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hardware {
    /// `backsight/hardware/1`.
    pub schema: String,
    /// What stays: identity, software, targets.
    pub host: Host,
    /// The devices beside the processor at this moment, where a driver tells of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Devices>,
    /// What stands at this moment: governor, frequency, load, pressure, heat. What cannot be read is absent.
    pub state: BTreeMap<String, String>,
}

/// Why a host's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {text}", path.display())]
pub struct HardwareError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub text: String,
}

impl HardwareError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// A fact that is not the same on two hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unlike {
    /// Its name.
    pub fact: String,
    /// On the first.
    pub first: String,
    /// On the second.
    pub second: String,
}

/// Whether two hosts are comparable, and what differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Whether they are of one class.
    pub comparable: bool,
    /// Facts of the class that differ.
    pub class: Vec<Unlike>,
    /// Software that differs; it does not part them.
    pub software: Vec<Unlike>,
}

/// Looks at the host below `root`. All targets are tried, up to `height`.
pub fn hardware(root: &Path, folder: &Path, height: Height) -> Hardware {
    let homes = host::virtual_environments(&|name| std::env::var(name).ok(), folder);
    let program = program();
    let place = Place { root, folder, program: &program, limit: LIMIT };
    let probes = TARGETS.into_iter().map(|target| probe(target, height, place)).collect();
    let (host, devices) = host_with_devices(root, &homes);
    Hardware { schema: SCHEMA.to_owned(), host: host.with_probes(probes), devices, state: host::standing(root) }
}

/// The host of a file: what `hardware --format json` wrote, or a results document.
///
/// # Errors
/// If it cannot be read, or has no host.
pub fn host_of(path: &Path) -> Result<Host, HardwareError> {
    let error = |text: String| HardwareError { path: path.to_owned(), text };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|source| error(source.to_string()))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|source| error(source.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(error(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    #[derive(Deserialize)]
    struct WithHost {
        host: Host,
    }
    let found: WithHost = serde_json::from_slice(&bytes).map_err(|source| {
        error(format!(
            "it has no host in it ({source}); give what `backsight hardware --format json` writes, or a results.json"
        ))
    })?;
    Ok(found.host)
}

/// Why two hosts are or are not comparable.
pub fn explain(first: &Host, second: &Host) -> Explained {
    let unlike = |fact: &str, first: &str, second: &str| Unlike {
        fact: fact.to_owned(),
        first: first.to_owned(),
        second: second.to_owned(),
    };
    let facts = first.class_facts().into_iter().zip(second.class_facts());
    let class: Vec<Unlike> = facts
        .filter(|((_, first), (_, second))| first != second)
        .map(|((name, first), (_, second))| unlike(name, &first, &second))
        .collect();
    let mut names: Vec<&String> = first.software.keys().chain(second.software.keys()).collect();
    names.sort();
    names.dedup();
    let version = |host: &Host, name: &str| host.software.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    let software = names
        .into_iter()
        .map(|name| unlike(name, &version(first, name), &version(second, name)))
        .filter(|unlike| unlike.first != unlike.second)
        .collect();
    Explained { comparable: host::class_key(first) == host::class_key(second), class, software }
}
