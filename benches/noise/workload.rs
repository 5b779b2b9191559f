//! Programs whose work is counted in units, to be measured: `workload cpu|memory|alloc|fork UNITS`, and the load that
//! runs beside them: `workload load SECONDS SEED [PROCESSES]`.
//!
//! A unit is the same work whatever the clock says, so 1010 units are exactly one per cent more than 1000. One unit is
//! of the order of 40 microseconds of processor time. The load is a set of processes that are busy and idle in turns of
//! drawn length, each busy turn with a drawn kind of work, so that both clocks and caches of the machine are disputed.

use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    match (words.first().map(String::as_str), number(1)) {
        (Some("cpu"), Some(units)) => (0..units).for_each(|unit| drop(black_box(cpu(unit)))),
        (Some("memory"), Some(units)) => memory(units),
        (Some("alloc"), Some(units)) => (0..units).for_each(alloc),
        (Some("fork"), Some(units)) => (0..units).for_each(fork),
        (Some("load"), Some(seconds)) => load(seconds, number(2).unwrap_or(1), number(3).unwrap_or(6)),
        (Some("busy"), Some(seed)) => busy(number(2).unwrap_or(1), seed),
        _ => {
            eprintln!("usage: workload cpu|memory|alloc|fork UNITS | load SECONDS SEED [PROCESSES]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Arithmetic in registers.
fn cpu(seed: u64) -> u64 {
    let mut state = seed | 1;
    for _ in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

/// Dependent reads over 16 MiB in an order that no prefetcher foresees.
fn memory(units: u64) {
    const SLOTS: usize = 4 << 20;
    // A full cycle through all slots (a linear congruence with full period), so that every read waits for the last.
    let next: Vec<u32> = (0..SLOTS as u64).map(|at| ((at * 1_664_525 + 1_013_904_223) % SLOTS as u64) as u32).collect();
    let mut at = 0_u32;
    for _ in 0..units {
        for _ in 0..400 {
            at = next[at as usize];
        }
    }
    black_box(at);
}

/// Vectors of drawn sizes, written and dropped in another order.
fn alloc(unit: u64) {
    let mut state = unit.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(64);
    for step in 0..256_usize {
        state = cpu_step(state);
        let block = vec![step as u8; 16 + (state % 4096) as usize];
        if kept.len() == 64 {
            kept.swap_remove((state >> 32) as usize % 64);
        }
        kept.push(block);
    }
    black_box(&kept);
}

fn cpu_step(state: u64) -> u64 {
    let state = state ^ (state << 13);
    let state = state ^ (state >> 7);
    state ^ (state << 17)
}

/// A file written, read back and removed, and every eighth unit a process.
fn fork(unit: u64) {
    let path = std::env::temp_dir().join(format!("workload-{}", std::process::id()));
    let text = vec![unit as u8; 8 << 10];
    let read = std::fs::write(&path, &text).and_then(|()| std::fs::read(&path));
    black_box(read.map(|read| read.len()).unwrap_or_default());
    let _ = std::fs::remove_file(&path);
    if unit.is_multiple_of(8) {
        let _ = Command::new("true").status();
    }
}

/// Keeps `processes` processes busy and idle in turns.
fn load(seconds: u64, seed: u64, processes: u64) {
    let me = std::env::current_exe().unwrap_or_else(|_| "workload".into());
    let start = |number: u64| {
        let words = ["busy".to_owned(), (seed * 1000 + number).to_string(), seconds.to_string()];
        Command::new(&me).args(words).spawn()
    };
    let children: Vec<_> = (0..processes).filter_map(|number| start(number).ok()).collect();
    for mut child in children {
        let _ = child.wait();
    }
}

fn busy(seconds: u64, seed: u64) {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let buffer = vec![1_u8; 8 << 20];
    while Instant::now() < end {
        state = cpu_step(cpu_step(state));
        // Busy for 5 to 400 ms, then idle for up to 300 ms.
        let until = Instant::now() + Duration::from_millis(5 + state % 396);
        while Instant::now() < until {
            match (state >> 16) % 4 {
                0 => drop(black_box(cpu(state))),
                1 => drop(black_box(buffer.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>())),
                2 => alloc(state),
                _ => fork(state),
            }
        }
        std::thread::sleep(Duration::from_millis((state >> 32) % 301));
    }
}
