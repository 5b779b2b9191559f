//! Many machines, written after the kernel's and the drivers' documentation: what parts their classes and what does not.

use std::fs;
use std::path::Path;

use super::{class_key, probe, with_software};
use crate::results::Host;

type Files = Vec<(String, String)>;

fn file(path: impl Into<String>, text: impl Into<String>) -> (String, String) {
    (path.into(), text.into())
}

/// A server with one processor of this model and stepping, and this many of its processors.
fn server(model: u32, stepping: u32, processors: u32) -> Files {
    let entry = format!(
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: {model}\nmodel name\t: Intel(R) Xeon(R) Platinum\n\
         stepping\t: {stepping}\nflags\t\t: fpu sse4_2 avx avx2 fma avx512f avx512_vnni amx_tile hypervisor\n\n"
    );
    vec![
        file("proc/cpuinfo", entry),
        file("proc/meminfo", "MemTotal:       263906048 kB\n"),
        file("sys/devices/system/cpu/online", format!("0-{}\n", processors - 1)),
        file("sys/devices/system/cpu/smt/active", "1\n"),
        file("sys/devices/system/cpu/cpu0/cache/index2/level", "2\n"),
        file("sys/devices/system/cpu/cpu0/cache/index2/size", "2048K\n"),
        file("sys/devices/system/cpu/cpu0/cache/index3/level", "3\n"),
        file("sys/devices/system/cpu/cpu0/cache/index3/size", "105M\n"),
        file("proc/self/status", format!("Cpus_allowed_list:\t0-{}\n", processors - 1)),
        file("etc/os-release", "NAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\n"),
        file("proc/sys/kernel/osrelease", "6.8.0-45-generic\n"),
        file("proc/sys/kernel/arch", "x86_64\n"),
    ]
}

/// A server of 64 arm64 processors: implementer, part, variant and instruction sets.
fn arm(implementer: &str, part: &str, variant: &str, features: &str) -> Files {
    let entry = format!(
        "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd evtstrm aes {features}\nCPU implementer\t: {implementer}\n\
         CPU architecture: 8\nCPU variant\t: {variant}\nCPU part\t: {part}\nCPU revision\t: 1\n\n"
    );
    other("aarch64", entry)
}

/// A server of 64 processors of another architecture.
fn other(arch: &str, entry: impl Into<String>) -> Files {
    vec![
        file("proc/cpuinfo", entry),
        file("proc/meminfo", "MemTotal:       131072000 kB\n"),
        file("sys/devices/system/cpu/online", "0-63\n"),
        file("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0\n"),
        file("proc/self/status", "Cpus_allowed_list:\t0-63\n"),
        file("etc/os-release", "NAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\n"),
        file("proc/sys/kernel/osrelease", "6.8.0-45-generic\n"),
        file("proc/sys/kernel/arch", format!("{arch}\n")),
    ]
}

/// What the kernel found out about who runs it.
fn hypervisor(clocks: &str, vendor: &str) -> Files {
    vec![
        file("sys/devices/system/clocksource/clocksource0/available_clocksource", format!("{clocks}\n")),
        file("sys/class/dmi/id/sys_vendor", format!("{vendor}\n")),
    ]
}

/// NVIDIA's driver with these devices; `parts` of the first are cut off by MIG.
fn nvidia(models: &[&str], parts: u32) -> Files {
    let mut files = vec![file(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n",
    )];
    for (index, model) in models.iter().enumerate() {
        let text =
            format!("Model: \t\t {model}\nIRQ:   \t\t {}\nGPU UUID: \t GPU-{index}\nBus Type: \t PCIe\n", 100 + index);
        files.push(file(format!("proc/driver/nvidia/gpus/0000:{index:02x}:00.0/information"), text));
        files.push(file(format!("sys/bus/pci/devices/0000:{index:02x}:00.0/vendor"), "0x10de\n"));
        files.push(file(format!("sys/bus/pci/devices/0000:{index:02x}:00.0/class"), "0x030200\n"));
        files.push(file(format!("sys/bus/pci/devices/0000:{index:02x}:00.0/device"), "0x2330\n"));
    }
    for part in 0..parts {
        files.push(file(format!("proc/driver/nvidia/capabilities/gpu0/mig/gi{part}/access"), "DeviceFileMinor: 3\n"));
    }
    files
}

/// A device on the bus that no driver speaks for.
fn on_bus(place: &str, vendor: &str, device: &str, class: &str) -> Files {
    let path = |name: &str| format!("sys/bus/pci/devices/{place}/{name}");
    vec![
        file(path("vendor"), format!("{vendor}\n")),
        file(path("device"), format!("{device}\n")),
        file(path("class"), format!("{class}\n")),
    ]
}

/// AMD's compute driver: a node for the processor, and such devices.
fn kfd(count: u32, target: u32, gib: u64) -> Files {
    let nodes = "sys/class/kfd/kfd/topology/nodes";
    let mut files = vec![file(format!("{nodes}/0/properties"), "cpu_cores_count 64\nsimd_count 0\n")];
    for node in 1..=count {
        let text = format!(
            "cpu_cores_count 0\nsimd_count 416\ngfx_target_version {target}\ndevice_id 29704\nvendor_id 4098\n"
        );
        files.push(file(format!("{nodes}/{node}/properties"), text));
        let bank = format!("heap_type 1\nsize_in_bytes {}\n", gib << 30);
        files.push(file(format!("{nodes}/{node}/mem_banks/0/properties"), bank));
    }
    files
}

fn host(files: &[Files]) -> Host {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files.iter().flatten() {
        write(root.path(), path, text);
    }
    let found = probe(root.path());
    with_software(found, root.path(), &[], None)
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const H100: &str = "NVIDIA H100 80GB HBM3";
const A100: &str = "NVIDIA A100-SXM4-80GB";

fn machines() -> Vec<(&'static str, Host)> {
    let names = file(
        "usr/share/misc/pci.ids",
        "# list\n8086  Intel\n\t56a0  DG2 [Arc A770]\n\t\t1234 5678  Board\n1002  AMD\n\t740c  Aldebaran [MI250X]\n",
    );
    vec![
        ("server", host(&[server(143, 8, 96)])),
        ("another stepping", host(&[server(143, 7, 96)])),
        ("another model", host(&[server(106, 8, 96)])),
        ("fewer processors", host(&[server(143, 8, 8)])),
        ("one H100", host(&[server(143, 8, 96), nvidia(&[H100], 0)])),
        ("an H100 in three parts", host(&[server(143, 8, 96), nvidia(&[H100], 3)])),
        ("eight A100", host(&[server(143, 8, 96), nvidia(&[A100; 8], 0)])),
        ("four A100", host(&[server(143, 8, 96), nvidia(&[A100; 4], 0)])),
        ("MI250", host(&[server(143, 8, 96), kfd(2, 90010, 64), vec![names.clone()]])),
        ("MI300", host(&[server(143, 8, 96), kfd(8, 90402, 192)])),
        ("Arc", host(&[server(143, 8, 96), on_bus("0000:03:00.0", "0x8086", "0x56a0", "0x030000"), vec![names]])),
        ("Gaudi", host(&[server(143, 8, 96), on_bus("0000:19:00.0", "0x1da3", "0x1020", "0x120000")])),
    ]
}

/// Other architectures, other hypervisors, cards of workstations, GPUs that are divided or part of the processor.
fn more_machines() -> Vec<(&'static str, Host)> {
    let xeon = || server(143, 8, 96);
    let divided = |parts: u32| kfd(parts, 90402, 24);
    vec![
        ("Graviton 3", host(&[arm("0x41", "0xd40", "0x1", "asimdhp sve bf16 i8mm")])),
        ("Graviton 4", host(&[arm("0x41", "0xd4f", "0x0", "asimdhp sve sve2 bf16 i8mm")])),
        ("Altra", host(&[arm("0x41", "0xd0c", "0x3", "asimdhp asimddp")])),
        ("M2 in a virtual machine", host(&[arm("0x61", "0x032", "0x1", "asimdhp asimddp bf16 i8mm")])),
        (
            "Grace Hopper",
            host(&[arm("0x41", "0xd4f", "0x0", "asimdhp sve sve2 bf16 i8mm"), nvidia(&["NVIDIA GH200 480GB"], 0)]),
        ),
        ("POWER10", host(&[other("ppc64le", "processor\t: 0\ncpu\t\t: POWER10 (architected), altivec supported\n")])),
        (
            "RISC-V",
            host(&[other(
                "riscv64",
                "processor\t: 0\nisa\t\t: rv64imafdcv\nuarch\t\t: thead,c910\nmvendorid\t: 0x5b7\n",
            )]),
        ),
        ("under Hyper-V", host(&[xeon(), hypervisor("hyperv_clocksource_tsc_page acpi_pm", "Microsoft Corporation")])),
        ("under Xen", host(&[xeon(), hypervisor("xen tsc", "Xen")])),
        ("under KVM", host(&[xeon(), hypervisor("kvm-clock tsc acpi_pm", "Amazon EC2")])),
        ("RTX 4090", host(&[xeon(), nvidia(&["NVIDIA GeForce RTX 4090"], 0)])),
        ("T4", host(&[xeon(), nvidia(&["Tesla T4"], 0)])),
        ("RTX 4090 and T4", host(&[xeon(), nvidia(&["NVIDIA GeForce RTX 4090", "Tesla T4"], 0)])),
        ("eight parts of an MI300X", host(&[xeon(), divided(8)])),
        ("two parts of an MI300X", host(&[xeon(), divided(2)])),
        ("Radeon", host(&[xeon(), kfd(1, 110_000, 24)])),
        ("MI300A", host(&[server(17, 1, 96), kfd(4, 90402, 128)])),
        ("Data Center GPU Max", host(&[xeon(), on_bus("0000:29:00.0", "0x8086", "0x0bd5", "0x038000")])),
        ("NPU on the bus", host(&[xeon(), on_bus("0000:00:0b.0", "0x8086", "0x7d1d", "0x120000")])),
        ("AMD's card without its driver", host(&[xeon(), on_bus("0000:03:00.0", "0x1002", "0x744c", "0x030000")])),
        ("an accelerator of Google's", host(&[xeon(), on_bus("0000:00:04.0", "0x1ae0", "0x0063", "0x120000")])),
    ]
}

#[test]
fn other_architectures_are_told() {
    let of = |wanted: &str| more_machines().into_iter().find(|(name, _)| *name == wanted).unwrap().1;
    let graviton = of("Graviton 3");
    assert_eq!((graviton.arch.as_str(), graviton.cpu.vendor.as_deref()), ("aarch64", Some("ARM")));
    assert_eq!((graviton.cpu.model, graviton.cpu.stepping), (Some(0xd40), Some(0x11)));
    assert_eq!(graviton.cpu.features.join(" "), "asimd asimdhp bf16 i8mm sve");
    assert_eq!(graviton.cpu.smt, Some(false));
    assert_eq!(of("POWER10").cpu.brand.as_deref(), Some("POWER10 (architected), altivec supported"));
    assert_eq!(of("RISC-V").cpu.brand.as_deref(), Some("thead,c910"));
    let hypervisors = ["under Hyper-V", "under Xen", "under KVM"].map(|name| of(name).hypervisor.unwrap());
    assert_eq!(hypervisors, ["hyperv", "xen", "kvm"]);
    let accelerators =
        |name: &str| of(name).class_facts().into_iter().find(|(name, _)| *name == "accelerators").unwrap().1;
    assert_eq!(accelerators("eight parts of an MI300X").matches("24 GiB gfx942").count(), 8);
    assert!(accelerators("Radeon").contains("24 GiB gfx1100"), "{}", accelerators("Radeon"));
    assert_eq!(accelerators("AMD's card without its driver"), "amd 1002:744c ? GiB ? whole");
}

#[test]
fn each_machine_is_a_class_of_its_own() {
    let machines: Vec<_> = machines().into_iter().chain(more_machines()).collect();
    for (at, (name, host)) in machines.iter().enumerate() {
        for (other, known) in machines.iter().take(at) {
            assert_ne!(host.class_key, known.class_key, "{name} and {other}");
        }
    }
}

#[test]
fn accelerators_are_named() {
    let titles = |wanted: &str| {
        let (_, host) = machines().into_iter().find(|(name, _)| *name == wanted).unwrap();
        host.class_facts().into_iter().find(|(name, _)| *name == "accelerators").unwrap().1
    };
    assert_eq!(titles("server"), "none");
    assert_eq!(titles("one H100"), "nvidia NVIDIA H100 80GB HBM3 ? GiB ? whole");
    assert_eq!(titles("an H100 in three parts"), "nvidia NVIDIA H100 80GB HBM3 ? GiB ? 3 MIG instances");
    assert_eq!(titles("eight A100").matches("A100").count(), 8);
    assert!(titles("MI250").starts_with("amd 1002:7408 64 GiB gfx90a whole"), "{}", titles("MI250"));
    assert_eq!(titles("MI300").matches("192 GiB gfx942").count(), 8);
    assert_eq!(titles("Arc"), "intel DG2 [Arc A770] ? GiB ? whole");
    assert_eq!(titles("Gaudi"), "1da3 1da3:1020 ? GiB ? whole");
}

/// The screens of virtual machines and the consoles of servers come and go, and compute nothing.
#[test]
fn screens_are_no_accelerators() {
    let bare = host(&[server(143, 8, 96)]);
    for (vendor, device) in [("0x1234", "0x1111"), ("0x1af4", "0x1050"), ("0x1a03", "0x2000"), ("0x15ad", "0x0405")] {
        let with = host(&[server(143, 8, 96), on_bus("0000:00:02.0", vendor, device, "0x030000")]);
        assert_eq!(with.class_key, bare.class_key, "{vendor}");
    }
    let sound = host(&[server(143, 8, 96), on_bus("0000:01:00.1", "0x10de", "0x22a3", "0x040300")]);
    assert_eq!(sound.class_key, bare.class_key);
}

/// What a reboot, another runner of the same kind, a new container or a new kernel change.
#[test]
fn what_comes_and_goes_does_not_part_a_host_from_itself() {
    let machine = || vec![server(143, 8, 96), nvidia(&[H100], 0)];
    let first = host(&machine());
    let irrelevant: [Files; 8] = [
        vec![file("proc/sys/kernel/hostname", "runner-7f3a\n"), file("etc/hostname", "runner-7f3a\n")],
        vec![file("etc/machine-id", "0123456789abcdef0123456789abcdef\n")],
        vec![file("proc/sys/kernel/random/boot_id", "9d5f\n"), file("proc/uptime", "17.03 30.1\n")],
        vec![file("proc/sys/kernel/osrelease", "6.11.0-12-generic\n")],
        vec![file("proc/self/cgroup", "0::/docker/0f1e2d3c4b5a\n"), file(".dockerenv", "")],
        vec![file("sys/class/net/eth0/address", "02:42:ac:11:00:02\n")],
        vec![file("proc/meminfo", "MemTotal:       263741212 kB\n")],
        vec![file("etc/os-release", "NAME=\"Ubuntu\"\nVERSION_ID=\"24.10\"\n")],
    ];
    for more in irrelevant {
        let mut files = machine();
        let what = more[0].0.clone();
        files.push(more);
        assert_eq!(host(&files).class_key, first.class_key, "{what}");
    }
    // Cards in another order on the bus are the same cards.
    let two = |models: &[&str]| host(&[server(143, 8, 96), nvidia(models, 0)]).class_key;
    assert_eq!(two(&[H100, A100]), two(&[A100, H100]));
}

#[test]
fn software_has_a_key_of_its_own() {
    let first = host(&[server(143, 8, 96), nvidia(&[H100], 0)]);
    assert_eq!(first.software["nvidia_driver"], "550.90.07");
    assert_eq!(first.software["kernel"], "6.8.0-45-generic");
    let cuda = vec![file("usr/local/cuda/version.json", r#"{"cuda":{"name":"CUDA SDK","version":"12.4.1"}}"#)];
    let newer = host(&[server(143, 8, 96), nvidia(&[H100], 0), cuda]);
    assert_eq!(newer.software["cuda"], "12.4.1");
    assert_eq!(newer.class_key, first.class_key);
    assert_ne!(newer.software_key, first.software_key);
}

#[test]
fn packages_of_a_virtual_environment_are_software() {
    let root = tempfile::tempdir().unwrap();
    for name in ["onnxruntime_gpu-1.20.1", "torch-2.5.1", "requests-2.32.0"] {
        let folder = root.path().join(format!("venv/lib/python3.12/site-packages/{name}.dist-info"));
        fs::create_dir_all(folder).unwrap();
    }
    let found = with_software(Host::default(), root.path(), &[root.path().join("venv")], None);
    let names: Vec<(&str, &str)> = found.software.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(names, [("onnxruntime-gpu", "1.20.1"), ("torch", "2.5.1")]);
}

#[test]
fn odd_trees_do_no_harm() {
    let mut odd = server(143, 8, 96);
    odd.extend(kfd(1, u32::MAX, u64::MAX >> 31));
    odd.push(file("sys/devices/system/cpu/cpu0/cache/index3/size", "99999999999999999999M\n"));
    odd.push(file("proc/driver/nvidia/gpus/x/information", "\u{1b}[31mModel:\n".repeat(5000)));
    odd.push(file("usr/local/cuda/version.json", "[".repeat(10_000)));
    odd.push(file("usr/share/misc/pci.ids", "1002".repeat(100)));
    let found = host(&[odd]);
    assert_eq!(found.cpu.l3_bytes, None);
    assert_eq!(found.unread["cpu.l3_bytes"], "the size of the last cache is odd");
    assert_eq!(class_key(&found), found.class_key);
}
