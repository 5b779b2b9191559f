//! The probe on captured trees, and on the machine the tests run on.

use std::path::{Path, PathBuf};

use super::{count_ranges, probe};
use crate::results::Host;

fn captured(name: &str) -> Host {
    probe(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host").join(name))
}

#[test]
fn x86_with_version_1_groups() {
    let host = captured("x86-cgroup-v1");
    assert_eq!(host.arch, "x86_64");
    assert_eq!(host.cpu.brand.as_deref(), Some("AMD EPYC"));
    assert_eq!((host.cpu.family, host.cpu.model, host.cpu.stepping), (Some(25), Some(17), Some(1)));
    assert_eq!((host.cpu.logical, host.cpu.allotted_millicores), (Some(2), Some(2000)));
    assert_eq!(host.memory_bytes, Some(8 << 30), "the limit of the middle group holds");
    assert_eq!(host.os.name.as_deref(), Some("Debian GNU/Linux"));
    assert_eq!(host.container.as_deref(), Some("docker"));
    assert_eq!(host.hypervisor.as_deref(), Some("kvm"));
    assert_eq!(host.unread.len(), 0, "{:?}", host.unread);
    assert_eq!(host.class_key, "833675ce557fd82a");
}

/// A tree that `scripts/capture-host` made has the class of the machine that it was made on.
#[test]
fn a_captured_xeon() {
    let host = captured("x86-xeon");
    assert_eq!((host.cpu.family, host.cpu.model, host.cpu.stepping), (Some(6), Some(207), Some(2)));
    assert_eq!((host.cpu.smt, host.cpu.l3_bytes), (Some(false), Some(260 << 20)));
    assert!(host.cpu.features.iter().any(|feature| feature == "avx512_fp16"), "{:?}", host.cpu.features);
    assert_eq!((host.hypervisor.as_deref(), host.container.as_deref()), (Some("kvm"), Some("docker")));
    assert_eq!(host.unread.len(), 0, "{:?}", host.unread);
    assert_eq!(host.class_key, "bbc3cfb36e655d90", "as `backsight hardware` said there");
}

#[test]
fn x86_with_a_version_2_quota() {
    let host = captured("x86-cgroup-v2");
    assert_eq!((host.cpu.logical, host.cpu.allotted_millicores), (Some(16), Some(1500)), "affinity 8, quota 1.5");
    assert_eq!(host.memory_bytes, Some(4 << 30));
    assert_eq!(host.container.as_deref(), Some("kubernetes"));
    assert_eq!(host.hypervisor.as_deref(), Some("kvm"));
    assert_eq!(host.os.version.as_deref(), Some("24.04"));
}

#[test]
fn arm_names_no_processor() {
    let host = captured("arm-no-brand");
    assert_eq!(host.arch, "aarch64");
    assert_eq!(host.cpu.brand, None);
    assert_eq!(host.unread.get("cpu.brand").map(String::as_str), Some("/proc/cpuinfo does not say"));
    assert_eq!(host.cpu.vendor.as_deref(), Some("ARM"));
    assert_eq!((host.cpu.family, host.cpu.model, host.cpu.stepping), (Some(8), Some(0xd0c), Some(0x31)));
    assert_eq!(
        (host.cpu.logical, host.cpu.allotted_millicores),
        (Some(2), Some(2000)),
        "the mask is wider than the host"
    );
    assert_eq!(host.hypervisor.as_deref(), Some("kvm"));
    assert_eq!(host.container, None);
    assert_eq!(host.os.name.as_deref(), Some("Alpine Linux"));
    assert!(host.unread.contains_key("os.version"));
}

#[test]
fn an_empty_tree_gives_reasons_not_errors() {
    let empty = tempfile::tempdir().unwrap();
    let host = probe(empty.path());
    assert_eq!(host.unread.get("cpu").map(String::as_str), Some("/proc/cpuinfo does not exist"));
    for field in ["cpu.logical", "cpu.allotted_millicores", "memory_bytes", "os.name", "os.kernel", "hypervisor"] {
        assert!(host.unread.contains_key(field), "{field}");
    }
    assert_eq!(host.targets, ["cpu"]);
    assert_eq!(host.class_key.len(), 16);
}

#[test]
fn hosts_of_a_kind_share_the_key_and_others_do_not() {
    let first = captured("x86-cgroup-v2");
    let mut other = first.clone();
    other.os.kernel = Some("another".to_owned());
    other.container = None;
    other.memory_bytes = first.memory_bytes.map(|bytes| bytes - 200_000_000);
    assert_eq!(super::class_key(&other), first.class_key);
    other.cpu.allotted_millicores = Some(2000);
    assert_ne!(super::class_key(&other), first.class_key);
}

#[test]
fn garbage_in_every_file_does_no_harm() {
    let tree = tempfile::tempdir().unwrap();
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host/x86-cgroup-v1");
    scramble(&source, tree.path());
    let host = probe(tree.path());
    assert_eq!(host.cpu.brand, None);
    assert_eq!(host.class_key.len(), 16);
}

fn scramble(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            scramble(&entry.path(), &target);
        } else {
            std::fs::write(&target, b"\xff\x00::- - \n18446744073709551616 0\n0::/../\x1b[31m\n".repeat(50)).unwrap();
        }
    }
}

#[test]
fn the_machine_of_the_tests_has_the_basic_facts() {
    let host = probe(Path::new("/"));
    assert_eq!(host.arch, std::env::consts::ARCH);
    assert!(host.cpu.allotted_millicores.unwrap() > 0);
    assert!(host.memory_bytes.unwrap() > 0);
    assert_eq!(host.class_key, probe(Path::new("/")).class_key);
}

#[test]
fn lists_of_processors() {
    assert_eq!(count_ranges("0-3,8-11"), Some(8));
    assert_eq!(count_ranges("\t7\n"), Some(1));
    for odd in ["", "3-1", "a", "0-4294967295", "0-,1"] {
        assert_eq!(count_ranges(odd), None, "{odd}");
    }
}
