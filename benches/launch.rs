//! What launching costs: our launcher, and a whole subject with its account of memory, against a bare `posix_spawn` + `wait4` loop on `true`, in one process and in
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

use backsight::execute::{Cancel, Launcher, Rig, Setup, Subject, Watch};
use backsight::plan::{Invocation, Manner};

const BLOCKS: usize = 60;
const RUNS: usize = 50;
/// The time limit of one run.
const LONG: Duration = Duration::from_secs(10);

fn main() {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
    let env = BTreeMap::from([("PATH".to_owned(), path.clone())]);
    let program = path.split(':').map(|folder| Path::new(folder).join("true")).find(|file| file.is_file()).unwrap();
    let watch = Watch::start(Cancel::new()).unwrap();
    let launcher = Launcher::new(&["true".to_owned()], &env, Path::new("/"), None).unwrap();
    let bare = Bare::new(&program, &path);
    let (rig, mut subject) = subject(&env);
    let mut sides: [Side; 3] = Default::default();
    for block in 0..BLOCKS {
        // Each is first, second and third equally often.
        for turn in 0..sides.len() {
            let at = (block + turn) % sides.len();
            sides[at].block(|| match at {
                0 => {
                    let usage = launcher.run(&watch, LONG).unwrap();
                    (usage.wall, usage.user + usage.system)
                }
                1 => {
                    let reading = subject.once(&rig, LONG).unwrap();
                    let cpu = reading.values.iter().find(|(name, _)| name == "cpu_time").unwrap().1;
                    (reading.wall, Duration::from_nanos(cpu as u64))
                }
                _ => bare.run(),
            });
        }
    }
    let [launcher, subject, bare] = &sides;
    print(launcher, subject, bare);
}

fn subject(env: &BTreeMap<String, String>) -> (Rig, Subject) {
    let rig = Rig::open(Cancel::new()).unwrap();
    let setup = Setup {
        run: &Invocation::Args(vec!["true".into()]),
        manner: &Manner::default(),
        metrics: &[],
        workspace: "/".into(),
        folder: "/".into(),
        env: env.clone(),
    };
    let subject = Subject::open(&setup, &rig).unwrap();
    (rig, subject)
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

fn print(launcher: &Side, subject: &Side, bare: &Side) {
    let n = launcher.walls.len();
    println!("{n} runs of `true` a side, in {BLOCKS} alternating blocks of {RUNS}\n");
    println!("| figure | launcher | subject | bare loop | launcher | subject |\n|---|---|---|---|---|---|");
    let row = |name: &str, figure: &dyn Fn(&Side) -> f64| {
        let (a, b, c) = (figure(launcher), figure(subject), figure(bare));
        println!("| {name} | {a:.1} µs | {b:.1} µs | {c:.1} µs | {:.3} | {:.3} |", a / c, b / c);
    };
    row("parent CPU per run, median of blocks", &|side| median(&side.parent_us));
    row("wall time, median", &|side| median(&side.walls));
    row("wall time, smallest", &|side| smallest(&side.walls));
    row("CPU time of the child, median", &|side| median(&side.children));
    for (name, side) in [("launcher", launcher), ("subject", subject)] {
        let zeros = side.walls.iter().filter(|wall| **wall <= 0.0).count();
        println!("\nzero or negative wall times, {name}: {zeros} of {n}");
    }
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
