//! The lower rungs of the ladder of each target: is the device there, and its driver? Read from files, nothing is
//! loaded or started.

use std::path::Path;

use super::accelerators::{AMD, INTEL, NVIDIA, OnBus, kfd, nvidia_driver, on_bus};
use super::tree::Tree;
use crate::results::TargetProbe;

/// Looks below `root` (`/` in life) for the device and the driver of a target.
pub fn device(root: &Path, target: &str) -> TargetProbe {
    let tree = Tree::new(root);
    let ladder = TargetProbe::begin(target);
    match target {
        "cpu" | "openvino" => ladder.climbed("device", "the processor"),
        "cuda" | "tensorrt" => nvidia(&tree, root, ladder),
        "rocm" | "migraphx" => amd(&tree, root, ladder),
        "openvino-gpu" => intel_gpu(&tree, root, ladder),
        "openvino-npu" => intel_npu(&tree, ladder),
        "coreml" => only_on(ladder, "macos", "macOS"),
        "directml" => only_on(ladder, "windows", "Windows"),
        "qnn" if std::env::consts::ARCH == "aarch64" && cfg!(windows) => ladder.climbed("device", "a Windows on ARM"),
        "qnn" => ladder.lacks("device", "no_device", "Qualcomm's QNN needs Windows on ARM or Android"),
        // Whether a browser has an adapter is only known by asking it.
        "webgpu" | "webnn" | "wasm" => ladder,
        other => ladder.lacks("device", "no_device", format!("nothing is known of a target `{other}`")),
    }
}

fn only_on(ladder: TargetProbe, family: &str, name: &str) -> TargetProbe {
    if std::env::consts::OS == family {
        ladder.climbed("device", name)
    } else {
        ladder.lacks("device", "no_device", format!("it only exists on {name}"))
    }
}

fn nvidia(tree: &Tree, root: &Path, ladder: TargetProbe) -> TargetProbe {
    let on_bus = on_bus(tree, root).iter().filter(|one| one.vendor == NVIDIA).count();
    // In a container the bus may be hidden while the driver's own files are there.
    let known = std::fs::read_dir(root.join("proc/driver/nvidia/gpus")).map_or(0, |entries| entries.flatten().count());
    let node = tree.exists("dev/nvidia0");
    if on_bus + known == 0 && !node {
        return ladder.lacks("device", "no_device", "there is no NVIDIA GPU on this host");
    }
    let ladder = ladder.climbed("device", format!("{} NVIDIA GPU(s)", on_bus.max(known).max(1)));
    match nvidia_driver(tree) {
        Ok(version) => {
            let ladder = ladder.climbed("driver", format!("NVIDIA {}", version.unwrap_or_else(|| "?".to_owned())));
            if node || tree.exists("dev/nvidiactl") || tree.exists("dev/dxg") {
                return ladder;
            }
            let text = "its device files (/dev/nvidia0) are not here; start the container with `--gpus all`";
            ladder.lacks("driver", "no_driver", text)
        }
        Err(reason) => ladder.lacks(
            "driver",
            "no_driver",
            format!("a GPU is there, and NVIDIA's driver is not loaded ({reason}); in a container, start it with `--gpus all`"),
        ),
    }
}

fn amd(tree: &Tree, root: &Path, ladder: TargetProbe) -> TargetProbe {
    let gpus = kfd(tree, root).len();
    let on_bus = on_bus(tree, root).iter().filter(|one| one.vendor == AMD).count();
    if gpus + on_bus == 0 {
        return ladder.lacks("device", "no_device", "there is no AMD GPU on this host");
    }
    let ladder = ladder.climbed("device", format!("{} AMD GPU(s)", gpus.max(on_bus)));
    if gpus == 0 || !tree.exists("dev/kfd") {
        let text = "a GPU is there, and /dev/kfd or its topology is not; load amdgpu, or give the container /dev/kfd and /dev/dri";
        return ladder.lacks("driver", "no_driver", text);
    }
    let version = tree.line("sys/module/amdgpu/version").unwrap_or_else(|_| "of the kernel".to_owned());
    ladder.climbed("driver", format!("amdgpu {version}"))
}

fn intel_gpu(tree: &Tree, root: &Path, ladder: TargetProbe) -> TargetProbe {
    let is_gpu = |one: &&OnBus| one.vendor == INTEL && one.class.starts_with("0x03");
    match on_bus(tree, root).iter().filter(is_gpu).count() {
        count if count > 0 => {
            let ladder = ladder.climbed("device", format!("{count} Intel GPU(s)"));
            match ["i915", "xe"].iter().find(|module| tree.exists(&format!("sys/module/{module}"))) {
                Some(module) if tree.exists("dev/dri/renderD128") => ladder.climbed("driver", *module),
                Some(_) => {
                    ladder.lacks("driver", "no_driver", "/dev/dri/renderD128 is not here; give it to the container")
                }
                None => ladder.lacks("driver", "no_driver", "neither i915 nor xe is loaded"),
            }
        }
        _ => ladder.lacks("device", "no_device", "there is no Intel GPU on this host"),
    }
}

fn intel_npu(tree: &Tree, ladder: TargetProbe) -> TargetProbe {
    if tree.exists("dev/accel/accel0") && tree.exists("sys/module/intel_vpu") {
        return ladder.climbed("device", "an Intel NPU").climbed("driver", "intel_vpu");
    }
    if tree.exists("sys/module/intel_vpu") {
        return ladder.lacks("driver", "no_driver", "/dev/accel/accel0 is not here; give it to the container");
    }
    ladder.lacks("device", "no_device", "there is no Intel NPU on this host, or its driver intel_vpu is not loaded")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::device;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn code(root: &Path, target: &str) -> String {
        device(root, target).reason.map_or_else(|| "available".to_owned(), |reason| reason.code)
    }

    #[test]
    fn an_empty_host_has_a_processor_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for target in ["cuda", "tensorrt", "rocm", "migraphx", "openvino-gpu", "openvino-npu", "nonsense"] {
            assert_eq!(code(root.path(), target), "no_device", "{target}");
        }
        assert_eq!(code(root.path(), "cpu"), "available");
        assert_eq!(code(root.path(), "openvino"), "available");
    }

    #[test]
    fn nvidia_needs_device_driver_and_device_files() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
        write(root, "sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
        assert_eq!(code(root, "cuda"), "no_driver");
        let version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n";
        write(root, "proc/driver/nvidia/version", version);
        assert_eq!(code(root, "cuda"), "no_driver");
        write(root, "dev/nvidia0", "");
        let found = device(root, "tensorrt");
        assert!(found.is_available());
        let rungs: Vec<&str> = found.rungs.iter().map(|rung| rung.found.as_str()).collect();
        assert_eq!(rungs, ["1 NVIDIA GPU(s)", "NVIDIA 550.54.15"]);
        assert_eq!(code(root, "rocm"), "no_device");
    }

    #[test]
    fn amd_counts_only_nodes_with_compute_units() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 64\nsimd_count 0\n");
        assert_eq!(code(root, "rocm"), "no_device");
        write(root, "sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count 416\ngfx_target_version 90010\n");
        assert_eq!(code(root, "rocm"), "no_driver");
        write(root, "dev/kfd", "");
        assert_eq!(code(root, "migraphx"), "available");
    }

    #[test]
    fn a_sound_card_is_no_gpu() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n");
        write(root.path(), "sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n");
        assert_eq!(code(root.path(), "cuda"), "no_device");
    }
}
