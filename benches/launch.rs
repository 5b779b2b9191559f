//! What launching costs: our measuring loop against a bare `posix_spawn` + `wait4` loop on `true`, in one process and in
//! turns, so that both meet the same machine.
//!
//!     cargo bench --bench launch
//!
//! Prints a Markdown table: CPU time of the parent per run, median wall time per run, and the smallest sample.
#![allow(unsafe_code, reason = "the bare loop is the point of comparison")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and stops where it cannot go on")]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;
use std::time::{Duration, Instant};

use backsight::execute::{Cancel, Launcher, Watch};

const BLOCKS: usize = 60;
const RUNS: usize = 50;

fn main() {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
    let env = BTreeMap::from([("PATH".to_owned(), path.clone())]);
    let program = path.split(':').map(|folder| Path::new(folder).join("true")).find(|file| file.is_file()).unwrap();
    let watch = Watch::start(Cancel::new()).unwrap();
    let launcher = Launcher::new(&["true".to_owned()], &env, Path::new("/"), None).unwrap();
    let bare = Bare::new(&program, &path);
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for block in 0..BLOCKS {
        let mut measure_ours = || {
            ours.block(|| {
                let usage = launcher.run(&watch, Duration::from_secs(10)).unwrap();
                (usage.wall, usage.user + usage.system)
            });
        };
        if block % 2 == 0 {
            measure_ours();
            theirs.block(|| bare.run());
        } else {
            theirs.block(|| bare.run());
            measure_ours();
        }
    }
    print(&ours, &theirs);
}

/// The figures of one side.
#[derive(Default)]
struct Side {
    parent_us: Vec<f64>,
    walls: Vec<f64>,
    children: Vec<f64>,
}

impl Side {
    fn block(&mut self, mut run: impl FnMut() -> (Duration, Duration)) {
        let before = own_cpu();
        for _ in 0..RUNS {
            let (wall, child) = run();
            self.walls.push(wall.as_secs_f64() * 1e6);
            self.children.push(child.as_secs_f64() * 1e6);
        }
        self.parent_us.push((own_cpu() - before).as_secs_f64() * 1e6 / RUNS as f64);
    }
}

fn print(ours: &Side, theirs: &Side) {
    let n = ours.walls.len();
    println!("{n} runs of `true` a side, in {BLOCKS} alternating blocks of {RUNS}\n");
    println!("| figure | backsight | bare loop | ratio |\n|---|---|---|---|");
    let row = |name: &str, a: f64, b: f64| println!("| {name} | {a:.1} µs | {b:.1} µs | {:.3} |", a / b);
    row("parent CPU per run, median of blocks", median(&ours.parent_us), median(&theirs.parent_us));
    row("wall time, median", median(&ours.walls), median(&theirs.walls));
    row("wall time, smallest", smallest(&ours.walls), smallest(&theirs.walls));
    row("CPU time of the child, median", median(&ours.children), median(&theirs.children));
    let zeros = ours.walls.iter().filter(|wall| **wall <= 0.0).count();
    println!("\nzero or negative wall times: {zeros} of {n}");
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn own_cpu() -> Duration {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn time(value: libc::timeval) -> Duration {
    Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1000)
}

/// The least that starts a program and learns what it used.
struct Bare {
    program: CString,
    env: CString,
}

impl Bare {
    fn new(program: &Path, path: &str) -> Self {
        let program = CString::new(program.to_str().unwrap()).unwrap();
        Self { program, env: CString::new(format!("PATH={path}")).unwrap() }
    }

    fn run(&self) -> (Duration, Duration) {
        let argv = [self.program.as_ptr().cast_mut(), std::ptr::null_mut()];
        let envp = [self.env.as_ptr().cast_mut(), std::ptr::null_mut()];
        let (mut pid, mut status) = (0, 0);
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        let started = Instant::now();
        unsafe {
            let code = libc::posix_spawn(
                &raw mut pid,
                self.program.as_ptr(),
                std::ptr::null(),
                std::ptr::null(),
                argv.as_ptr(),
                envp.as_ptr(),
            );
            assert_eq!(code, 0, "posix_spawn");
            assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid, "wait4");
        }
        (started.elapsed(), time(usage.ru_utime) + time(usage.ru_stime))
    }
}
