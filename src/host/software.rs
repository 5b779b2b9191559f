//! Versions of what is under the measured programs, read from files: nothing is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::accelerators::nvidia_driver;
use super::machine::short_hash;
use super::tree::{Tree, fact};
use crate::results::{Devices, Host};

/// Packages of a virtual environment that models are run with.
const PACKAGES: [&str; 12] = [
    "jax",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-directml",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "openvino",
    "tensorflow",
    "torch",
    "transformers",
];

/// Adds the software of a host and its key. `homes` are virtual environments, the active one first; `devices` tell the
/// versions of their driver.
pub fn with_software(host: Host, root: &Path, homes: &[PathBuf], devices: Option<&Devices>) -> Host {
    let tree = Tree::new(root);
    let mut software = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            software.insert(name.to_owned(), value);
        }
    };
    let system = [host.os.name.as_deref(), host.os.version.as_deref()];
    add("system", fact(&system.into_iter().flatten().collect::<Vec<_>>().join(" ")));
    add("kernel", host.os.kernel.clone());
    add("nvidia_driver", nvidia_driver(&tree).ok().flatten());
    add("amdgpu", tree.line("sys/module/amdgpu/version").ok());
    add("cuda", tree.text("usr/local/cuda/version.json", 64 * 1024).ok().and_then(|text| cuda(&text)));
    add("rocm", tree.line("opt/rocm/.info/version").ok());
    // Its library has the driver's version again.
    let told = devices.iter().flat_map(|devices| &devices.versions).filter(|(name, _)| *name != "nvml");
    software.extend(told.map(|(name, version)| (name.clone(), version.clone())));
    for home in homes {
        for (name, version) in packages(home) {
            software.entry(name).or_insert(version);
        }
    }
    let key = short_hash(software.iter().map(|(name, value)| format!("{name}={value}\n")));
    Host { software_key: Some(key), software, ..host }
}

fn cuda(text: &str) -> Option<String> {
    let version: serde_json::Value = serde_json::from_str(text).ok()?;
    fact(version.get("cuda")?.get("version")?.as_str()?)
}

/// The virtual environments that programs here may use, the active one first: `VIRTUAL_ENV`, `CONDA_PREFIX`, then `.venv` and
/// `venv` in `folder`.
pub fn virtual_environments(env: &dyn Fn(&str) -> Option<String>, folder: &Path) -> Vec<PathBuf> {
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env).filter(|home| !home.is_empty());
    active.map(PathBuf::from).chain([".venv", "venv"].map(|name| folder.join(name))).collect()
}

/// The folders in which a virtual environment keeps its packages.
pub fn site_packages(home: &Path) -> Vec<PathBuf> {
    let versions = std::fs::read_dir(home.join("lib")).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .map(|entry| entry.path().join("site-packages"))
        .collect();
    versions.sort();
    versions.insert(0, home.join("Lib/site-packages"));
    versions
}

/// Packages by the names of their folders: `onnxruntime-1.32.0.dist-info`.
fn packages(home: &Path) -> Vec<(String, String)> {
    let folders = site_packages(home).into_iter();
    let entries = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten().take(10_000));
    let named = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (package, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
        let package = package.to_lowercase().replace('_', "-");
        PACKAGES.contains(&package.as_str()).then(|| Some((package, fact(version)?)))?
    };
    entries.filter_map(named).collect()
}

/// What stands at this moment, for people: governor, frequency, load, pressure, heat. What cannot be read is left out.
pub fn standing(root: &Path) -> BTreeMap<String, String> {
    let tree = Tree::new(root);
    let mut found = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            found.insert(name.to_owned(), value);
        }
    };
    let cpu = |file: &str| tree.line(&format!("sys/devices/system/cpu/cpu0/cpufreq/{file}")).ok();
    add("governor", cpu("scaling_governor"));
    let mhz = |text: String| Some(format!("{} MHz", text.parse::<u64>().ok()? / 1000));
    add("frequency", cpu("scaling_cur_freq").and_then(mhz));
    add("load", tree.line("proc/loadavg").ok().map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ")));
    for of in ["cpu", "memory", "io"] {
        let average = |line: String| line.split(' ').find_map(|word| word.strip_prefix("avg10=").map(str::to_owned));
        let pressure = tree.line(&format!("proc/pressure/{of}")).ok().and_then(average);
        add(&format!("{of}_pressure"), pressure.map(|share| format!("{share} % of the last 10 s")));
    }
    let zones = (0..32).filter_map(|zone| tree.line(&format!("sys/class/thermal/thermal_zone{zone}/temp")).ok());
    let hottest = zones.filter_map(|text| text.parse::<i64>().ok()).max();
    add("temperature", hottest.map(|milli| format!("{} °C", milli / 1000)));
    found
}
