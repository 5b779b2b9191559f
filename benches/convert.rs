//! Reads a file of another tool and prints how many benchmarks it holds: what reading costs without the answer's JSON.
//!
//! `cargo bench --bench convert -- HARNESS FILE`. `benches/convert/measure.py` measures it against other readers;
//! `docs/measurements/convert.md` has the figures.

#![allow(clippy::print_stdout, reason = "the count shows that something was read")]

use std::error::Error;
use std::fs::File;
use std::ops::ControlFlow;

use backsight::harness::{Reading, adapter};
use backsight::results::Benchmark;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // `cargo test --benches` runs it without a file.
    let [name, path] = arguments.as_slice() else { return Ok(()) };
    let adapter = adapter(name).ok_or("there is no such format")?;
    let mut file = File::open(path)?;
    let mut count = 0_u64;
    let mut take = |_: &mut Benchmark| {
        count += 1;
        ControlFlow::Continue(())
    };
    match adapter.reading {
        Reading::Each(read) => drop(read(&mut file, &mut take)?),
        Reading::Twice(read) => drop(read(&mut file, &mut take)?),
        _ => return Err("only formats that hand out benchmarks one by one are measured".into()),
    }
    println!("{count}");
    Ok(())
}
