//! NVIDIA's management library as far as it can be had without a GPU: a library that is built here from C answers as the
//! real one does, in the process in which the real one is asked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use backsight::results::{Document, Host, Validity};
use serde_json::Value;

use crate::sandbox::Sandbox;

/// The library, with the functions that the driver has since 510, or before.
pub(crate) fn library(folder: &Path, old: bool) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nvml/nvml.c");
    let library = folder.join(if old { "libnvidia-ml.so.470" } else { "libnvidia-ml.so.1" });
    let mut build = Command::new("cc");
    build.args(["-shared", "-fPIC", "-o"]).arg(&library).args(old.then_some("-DOLD")).arg(source);
    assert!(build.status().unwrap().success());
    library
}

/// A workspace whose driver answers like this.
fn with_driver(kind: &str, old: bool, pipeline: &str) -> Sandbox {
    let sandbox = Sandbox::with(pipeline);
    let library = library(&sandbox.work(), old).display().to_string();
    sandbox.env("BACKSIGHT_NVML", &library).env("FAKE_NVML", kind)
}

fn hardware(sandbox: &Sandbox) -> (Host, Value) {
    let outcome = sandbox.run(&["hardware", "--format", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    (serde_json::from_value(found["host"].clone()).unwrap(), found["devices"].clone())
}

fn fact(host: &Host, wanted: &str) -> String {
    host.class_facts().into_iter().find(|(name, _)| *name == wanted).unwrap().1
}

#[test]
fn what_the_driver_tells_is_in_the_class() {
    let sandbox = with_driver("h200", false, "version: 1\ntests: [{ run: 'true' }]\n");
    let (host, devices) = hardware(&sandbox);
    assert_eq!(fact(&host, "accelerators"), "nvidia NVIDIA H200 140 GiB 9.0 whole");
    assert_eq!((host.software["nvidia_driver"].as_str(), host.software["cuda_driver"].as_str()), ("550.90.07", "12.4"));
    let device = &devices["devices"][0];
    assert_eq!((device["temperature"].as_f64(), device["clock"].as_f64()), (Some(31.0), Some(1.98e9)));
    assert_eq!((device["power"].as_f64(), device["divided"].as_bool()), (Some(118.25), Some(false)));
    assert_eq!(device["memory_bytes"].as_u64(), Some(143_771 << 20));
    assert!(device["energy"].as_f64().is_some_and(|joules| joules > 0.0) && device.get("unread").is_none(), "{device}");
    let table = sandbox.run(&["hardware"]).stdout;
    assert!(table.contains("NVIDIA H200: 31 °C, 1980 MHz, 118 W, 4.0 of 140.4 GiB used, 1 process"), "{table}");
    // What a run finds, and what it finds the next time, is the same class.
    assert_eq!(sandbox.run(&["run"]).code, 0);
    assert_eq!(sandbox.document().host.class_key, host.class_key);
    let plain = Sandbox::new();
    assert_ne!(hardware(&plain).0.class_key, host.class_key);
}

#[test]
fn parts_of_a_device_are_a_class_of_their_own() {
    let (whole, _) = hardware(&with_driver("h200", false, ""));
    let (parts, devices) = hardware(&with_driver("mig", false, ""));
    assert_eq!(fact(&parts, "accelerators"), "nvidia NVIDIA H200 140 GiB 9.0 MIG 2 × 1g.18gb + 1 × 3g.71gb");
    assert_ne!(parts.class_key, whole.class_key);
    assert_eq!(devices["devices"][0]["partitions"][2]["profile"], "3g.71gb");
}

#[test]
fn what_cannot_be_read_has_its_reason() {
    let denied = "the current user does not have permission to perform this operation";
    let lost = "device fell off the bus or has otherwise become inacessible";
    let old = "this driver's NVML does not have it; drivers since 510 do";
    for (kind, is_old, field, reason) in [
        ("denied", false, "accelerators.0.memory_bytes", denied),
        ("denied", false, "accelerators.0.capability", denied),
        ("lost", false, "accelerators.0.capability", lost),
        ("h200", true, "accelerators.0.memory_bytes", old),
        ("none", false, "devices.nvml", "NVIDIA's management library does not start: NVIDIA driver is not loaded"),
        ("crash", false, "devices.nvml", "the process that asked NVIDIA's driver crashed"),
    ] {
        let sandbox = with_driver(kind, is_old, "");
        let (host, devices) = hardware(&sandbox);
        assert_eq!(host.unread.get(field).map(String::as_str), Some(reason), "{kind}: {:?}", host.unread);
        if kind == "denied" {
            let device = &devices["devices"][0];
            assert_eq!((&device["name"], &device["unread"]["energy"]), (&"NVIDIA H200".into(), &denied.into()));
            assert!(device["temperature"].is_null() && device["throttle"].is_null());
            let table = sandbox.run(&["hardware"]).stdout;
            assert!(table.contains("nvidia 0.temperature") && table.contains("nothing can be read of it"), "{table}");
        }
    }
    let old = with_driver("h200", true, "");
    assert_eq!(hardware(&old).1["devices"][0]["capability"], "9.0", "what it has is read");
}

/// A driver that is stuck is cut off, and asked once only.
#[test]
fn a_stuck_driver_is_cut_off() {
    let sandbox = with_driver("stuck", false, "version: 1\nbenchmarks: [{ run: 'true', samples: 3 }]\n");
    let began = Instant::now();
    assert_eq!(sandbox.run(&["run"]).code, 0);
    let document = sandbox.document();
    let reason = &document.host.unread["devices.nvml"];
    assert!(reason.contains("gave no answer within 10 s and is not asked again"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(19), "{:?}: one limit, not several", began.elapsed());
    assert_eq!(&document.benchmarks[0].conditions.as_ref().unwrap().unread["devices.nvml"], reason);
}

/// On a host without NVIDIA's driver nobody is asked; who asks all the same is told what is missing.
#[test]
fn without_a_driver_it_is_refused_plainly() {
    if Path::new("/proc/driver/nvidia/version").exists() {
        return;
    }
    let sandbox = Sandbox::new();
    let (host, devices) = hardware(&sandbox);
    assert!(devices.is_null() && !host.unread.contains_key("devices.nvml"), "{devices}");
    let asked = sandbox.env("BACKSIGHT_NVML", "/nowhere/libnvidia-ml.so.1");
    let reason = &hardware(&asked).0.unread["devices.nvml"];
    assert!(reason.contains("cannot be loaded") && reason.contains("/nowhere/libnvidia-ml.so.1"), "{reason}");
}

fn measured(kind: &str) -> (Sandbox, Document) {
    let pipeline = "version: 1\nbenchmarks: [{ name: sleep, run: [sleep, '0.02'], samples: 5 }]\n";
    let sandbox = with_driver(kind, false, pipeline);
    let asked = sandbox.path("asked").display().to_string();
    let sandbox = sandbox.env("FAKE_NVML_ASKED", &asked);
    let outcome = sandbox.run(&["run"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let document = sandbox.document();
    (sandbox, document)
}

/// The doubts about the only benchmark.
fn doubts(document: &Document) -> String {
    match &document.benchmarks[0].validity {
        Validity::Noisy { reason } => reason.text.clone(),
        _ => String::new(),
    }
}

/// Throttling and other people's processes put a measurement in doubt; the host itself may be noisy, too.
#[test]
fn a_disturbed_device_puts_measurements_in_doubt() {
    let (_, quiet) = measured("h200");
    let device = &quiet.benchmarks[0].conditions.as_ref().unwrap().devices[0];
    assert_eq!((device.foreign, device.thermal, device.power_capped), (Some(0), Some(0.0), Some(0.0)), "{device:?}");
    assert!(device.energy.is_some_and(|joules| joules > 1.0 && joules < 1e4), "100 W for some time: {device:?}");
    assert!(!doubts(&quiet).contains("H200"), "{}", doubts(&quiet));
    let (_, hot) = measured("hot");
    let found = doubts(&hot);
    assert!(found.contains("the heat or the board of NVIDIA H200 (0) held it back "), "{found}");
    assert!(found.contains("the power limit of NVIDIA H200 (0) held it back "), "{found}");
    let device = &hot.benchmarks[0].conditions.as_ref().unwrap().devices[0];
    assert_eq!(device.throttle, ["hw_thermal_slowdown", "sw_power_cap"]);
    let near =
        |share: Option<f64>, wanted: f64| share.is_some_and(|share| (wanted / 2.0..wanted * 2.0).contains(&share));
    assert!(near(device.thermal, 0.1) && near(device.power_capped, 0.5), "{device:?}");
    let (_, shared) = measured("shared");
    assert!(doubts(&shared).contains("1 process that is not ours computes on NVIDIA H200 (0)"), "{}", doubts(&shared));
}

/// A device that is there when the measurement begins, and not when it ends.
#[test]
fn a_device_that_disappears_is_told() {
    for (kind, why) in [("gone", "its driver knows of it no more"), ("fallen", "device fell off the bus")] {
        let (_, document) = measured(kind);
        assert_eq!(fact(&document.host, "accelerators"), "nvidia NVIDIA H200 140 GiB 9.0 whole");
        let doubts = doubts(&document);
        let told = format!("NVIDIA H200 (0) was there before and not after ({why}");
        assert!(doubts.contains(&told), "{doubts:?}: {:?}", document.benchmarks[0].conditions);
    }
}
