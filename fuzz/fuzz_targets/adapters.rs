//! Each input goes to one reader, which its first byte chooses, and to the search for the format. Nothing may panic or
//! hang, whatever the bytes are.
//!
//! Behind the readers of files come those of folders: for them, zero bytes part the paths and contents of the files.
#![no_main]

use std::ops::ControlFlow;

use backsight::harness::{ADAPTERS, HEAD, Head, Reading, TREES, TreeFile, detect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, mut text)) = bytes.split_first() else { return };
    let choice = usize::from(*choice) % (ADAPTERS.len() + TREES.len());
    let Some(adapter) = ADAPTERS.get(choice) else {
        let _ = (TREES[choice - ADAPTERS.len()].read)(&files(text));
        return;
    };
    let _ = detect(&Head::new(&text[..text.len().min(HEAD)]));
    match adapter.reading {
        Reading::Cases(read) => drop(read(&mut text, &mut |_| ControlFlow::Continue(()))),
        _ => drop(adapter.parse(text)),
    }
});

fn files(text: &[u8]) -> Vec<TreeFile> {
    let mut parts = text.split(|byte| *byte == 0);
    let mut files = Vec::new();
    while let (Some(path), Some(content)) = (parts.next(), parts.next()) {
        files.push((String::from_utf8_lossy(path).into_owned(), content.to_vec()));
    }
    files.sort();
    files
}
