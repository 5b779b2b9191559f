//! Each input goes to one adapter, which its first byte chooses, and to the search for the format. Nothing may panic or
//! hang, whatever the bytes are.
#![no_main]

use std::ops::ControlFlow;

use backsight::harness::{ADAPTERS, HEAD, Head, Reading, detect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, mut text)) = bytes.split_first() else { return };
    let _ = detect(&Head::new(&text[..text.len().min(HEAD)]));
    match ADAPTERS[usize::from(*choice) % ADAPTERS.len()].reading {
        Reading::Benchmarks(parse) => drop(parse(text)),
        Reading::Lines(read) => drop(read(&mut text)),
        Reading::Cases(read) => drop(read(&mut text, &mut |_| ControlFlow::Continue(()))),
    }
});
