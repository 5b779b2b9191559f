//! The table, and finding a format from content: each fixture of each format is its own, and nobody else's.

use std::fs;
use std::path::Path;

use super::{HEAD, Head, Reading, Undecided, detect};
use crate::harness::{ADAPTERS, adapter};
use crate::pipeline::{Harness, TestHarness};

/// All fixtures of the formats, with the names of their formats.
fn fixtures() -> Vec<(String, String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut folders = vec![("junit".to_owned(), root.join("junit"))];
    for entry in fs::read_dir(root.join("harness")).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        folders.push((entry.file_name().into_string().unwrap(), entry.path()));
    }
    let mut all = Vec::new();
    for (name, folder) in folders {
        for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            let file = entry.file_name().into_string().unwrap();
            if file != "README.md" {
                all.push((name.clone(), file, fs::read(entry.path()).unwrap()));
            }
        }
    }
    assert!(all.len() > 80, "the fixtures were not found");
    all
}

#[test]
fn each_fixture_is_found_to_be_its_own_format() {
    for (name, file, bytes) in fixtures() {
        match detect(&Head::new(&bytes)) {
            Ok(found) => assert_eq!(found.name, name, "{file}"),
            Err(error) => panic!("{name}/{file}: {error}"),
        }
    }
}

#[test]
fn what_is_none_lists_what_was_tried_and_why() {
    for text in ["", "hello\n", "{\"a\": 1}", "<html></html>", "a,b\n1,2\n"] {
        let Err(Undecided::Unknown(refused)) = detect(&Head::new(text.as_bytes())) else { panic!("{text}") };
        assert_eq!(refused.len(), ADAPTERS.len());
        assert!(refused.iter().all(|(_, why)| !why.is_empty()));
    }
    let both = "{\"fio version\": \"fio-3.33\", \"jobs\": []}\nMLPerf Results Summary\n";
    assert_eq!(detect(&Head::new(both.as_bytes())).unwrap_err(), Undecided::Ambiguous(vec!["fio", "mlperf-loadgen"]));
}

#[test]
fn names_are_in_order_and_found_again() {
    let names: Vec<&str> = ADAPTERS.iter().map(|adapter| adapter.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    for name in names {
        assert_eq!(adapter(name).map(|adapter| adapter.name), Some(name));
    }
    assert!(adapter("cobol").is_none());
}

/// The pipeline stands on a lower floor and has the names of its own.
#[test]
fn a_pipeline_knows_each_format() {
    let of_benchmarks = ADAPTERS.iter().filter(|adapter| adapter.has_benchmarks());
    let expected: Vec<&str> = of_benchmarks.map(|adapter| adapter.name).collect();
    let known: Vec<&str> = Harness::ALL.iter().map(|harness| harness.as_str()).filter(|name| *name != "auto").collect();
    assert_eq!(known, expected);
    let of_cases = ADAPTERS.iter().filter(|adapter| !adapter.has_benchmarks());
    let expected: Vec<&str> = of_cases.map(|adapter| adapter.name).collect();
    let known: Vec<&str> =
        TestHarness::ALL.iter().map(|harness| harness.as_str()).filter(|name| *name != "auto").collect();
    assert_eq!(known, expected);
}

/// The table in the documentation names each format, and each has a page.
#[test]
fn the_documentation_names_each_format() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/harness");
    let table = fs::read_to_string(root.join("README.md")).unwrap();
    for adapter in ADAPTERS {
        let row = format!("| [`{0}`]({0}.md) |", adapter.name);
        assert!(table.contains(&row), "docs/harness/README.md has no row `{row}`");
        assert!(root.join(format!("{}.md", adapter.name)).is_file(), "{} has no page", adapter.name);
    }
}

/// Whatever a test or a pull request writes: no reader panics, and none takes long.
#[test]
fn damaged_fixtures_never_panic() {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit.max(1)
    };
    let all = fixtures();
    let mut count = 0;
    for (name, _, bytes) in &all {
        let Some(own) = adapter(name) else { continue };
        let bytes = &bytes[..bytes.len().min(16 << 10)];
        for round in 0..12 {
            let mut damaged = bytes.to_vec();
            for _ in 0..=round {
                let at = next(damaged.len());
                match next(5) {
                    0 => damaged.truncate(at),
                    1 if !damaged.is_empty() => damaged[at] = next(256) as u8,
                    2 if !damaged.is_empty() => drop(damaged.drain(at..(at + next(40)).min(damaged.len()))),
                    3 => damaged
                        .splice(at..at, b"\"NaN-1e999\xff{}[]<>,;:|%".iter().copied().take(next(22)))
                        .for_each(drop),
                    _ => {
                        let other = &all[next(all.len())].2;
                        let from = next(other.len());
                        damaged.extend_from_slice(&other[from..(from + next(400)).min(other.len())]);
                    }
                }
            }
            let _ = detect(&Head::new(&damaged[..damaged.len().min(HEAD)]));
            match own.reading {
                Reading::Cases(read) => drop(read(&mut &damaged[..], &mut |_| std::ops::ControlFlow::Continue(()))),
                _ => drop(own.parse(&damaged)),
            }
            count += 1;
        }
    }
    assert!(count > 900, "{count}");
}

/// Every reader may be handed what is not its own at all: other formats' outputs, and bytes without any sense.
#[test]
fn any_bytes_never_panic_and_noise_is_no_benchmark() {
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut noise = |length: usize| -> Vec<u8> {
        let mut byte = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 24) as u8
        };
        (0..length).map(|_| byte()).collect()
    };
    let mut inputs: Vec<Vec<u8>> = (0..24).map(|round| noise(round * 37)).collect();
    let noises = inputs.len();
    inputs.extend(fixtures().into_iter().step_by(5).map(|(_, _, bytes)| bytes[..bytes.len().min(4 << 10)].to_vec()));
    for adapter in ADAPTERS {
        for (index, bytes) in inputs.iter().enumerate() {
            let result = match adapter.reading {
                Reading::Cases(read) => {
                    drop(read(&mut &bytes[..], &mut |_| std::ops::ControlFlow::Continue(())));
                    continue;
                }
                _ => adapter.parse(bytes),
            };
            assert!(index >= noises || result.is_err(), "{} reads noise {index}", adapter.name);
        }
    }
}
