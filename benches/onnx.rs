//! What our loop adds to the runtime's own: the same model with the same inputs, in blocks of queries that take turns,
//! once through a scenario and once in the barest loop around `ort`. And whether the latencies of queries that come by
//! themselves are those of the queue that theory knows.
//!
//! `cargo bench --bench onnx -- MODEL [--dimension NAME=N]...` with `BACKSIGHT_ONNXRUNTIME`; the figures stand in
//! `docs/measurements/onnx.md`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark that cannot run has failed"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backsight::onnx::{Effort, Engine, Options, Ready, Scenario, Service, Sizes, Tensor, find, inspect, make, measure};
use backsight::stats::{Arrivals, median, percentile};

const BLOCKS: usize = 200;
/// Queries of a new session before its block.
const WARM_UP: usize = 500;
const QUERIES: usize = 2000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(path) = arguments.next().map(PathBuf::from) else {
        println!("no model was named: cargo bench --bench onnx -- MODEL [NAME=N]...");
        return;
    };
    let sizes: Sizes = arguments
        .filter_map(|argument| argument.split_once('=').map(|(name, size)| (name.to_owned(), size.parse().unwrap())))
        .collect();
    let found = find(None, &|name| std::env::var(name).ok(), Path::new(".")).unwrap();
    let engine = Engine::load(&found).unwrap();
    let inputs = make(&inspect(&path).unwrap(), &sizes, &BTreeMap::new(), 1).unwrap();
    overhead(&engine, &path, &inputs);
    queue(&engine, &path, &inputs);
}

fn ready(engine: &Engine, path: &Path, inputs: &[(String, Tensor)]) -> Ready {
    let model = engine.open(path, &Options { threads: 1, ..Options::default() }).unwrap();
    let feed = model.feed(inputs).unwrap();
    Ready { model, feed }
}

/// The barest loop: nothing but the runtime and a clock.
fn bare(session: &mut ort::session::Session, values: &[ort::session::SessionInputValue<'_>], queries: usize) -> f64 {
    let mut times = Vec::with_capacity(queries);
    for _ in 0..queries {
        let began = Instant::now();
        drop(session.run(values).unwrap());
        times.push(began.elapsed().as_nanos() as f64);
    }
    median(&times).unwrap()
}

/// A session of its own without anything of ours, and its inputs.
fn plain(
    engine: &Engine,
    path: &Path,
    inputs: &[(String, Tensor)],
) -> (ort::session::Session, Vec<ort::session::SessionInputValue<'static>>) {
    let builder = ort::session::Session::builder(engine.environment()).unwrap();
    let session = builder.with_intra_threads(1).unwrap().commit_from_file(path).unwrap();
    let value = |(_, tensor): &(String, Tensor)| {
        let numbers: Vec<f32> = tensor.numbers().unwrap().iter().map(|number| *number as f32).collect();
        ort::value::Tensor::from_array((tensor.dims.clone(), numbers)).unwrap().into()
    };
    (session, inputs.iter().map(value).collect())
}

/// Each pair of blocks has sessions of its own: where in memory one happens to lie makes as much of a difference as our
/// loop.
fn overhead(engine: &Engine, path: &Path, inputs: &[(String, Tensor)]) {
    let effort = |queries| Effort { queries, time: Duration::ZERO, most: Duration::from_secs(60), seed: 1 };
    let run_ours = |services: &mut [Box<dyn Service>], queries| {
        median(&measure(Scenario::SingleStream, services, effort(queries)).unwrap().latencies).unwrap()
    };
    let mut ratios = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for block in 0..BLOCKS {
        let mut services: Vec<Box<dyn Service>>;
        let (mut session, values);
        if block % 4 < 2 {
            services = vec![Box::new(ready(engine, path, inputs))];
            (session, values) = plain(engine, path, inputs);
        } else {
            (session, values) = plain(engine, path, inputs);
            services = vec![Box::new(ready(engine, path, inputs))];
        }
        run_ours(&mut services, WARM_UP);
        bare(&mut session, &values, WARM_UP);
        let (own, other) = if block % 2 == 0 {
            let own = run_ours(&mut services, QUERIES);
            (own, bare(&mut session, &values, QUERIES))
        } else {
            let other = bare(&mut session, &values, QUERIES);
            (run_ours(&mut services, QUERIES), other)
        };
        ratios.push(own / other);
        ours.push(own);
        theirs.push(other);
    }
    ratios.sort_by(f64::total_cmp);
    let share = |p| (percentile(&ratios, p).unwrap() - 1.0) * 100.0;
    println!(
        "overhead: ours {:.0} ns, bare {:.0} ns; ratio {:+.2} % (25 % to 75 % of {} pairs of blocks of {QUERIES}: {:+.2} to {:+.2} %)",
        median(&ours).unwrap(),
        median(&theirs).unwrap(),
        share(0.5),
        ratios.len(),
        share(0.25),
        share(0.75)
    );
}

/// Queries that come by themselves, their latencies held against the recursion of Lindley over the same arrivals and
/// the same time of service.
fn queue(engine: &Engine, path: &Path, inputs: &[(String, Tensor)]) {
    let mut one = ready(engine, path, inputs);
    let times: Vec<f64> = (0..2000)
        .map(|_| {
            let began = Instant::now();
            one.query().unwrap();
            began.elapsed().as_secs_f64()
        })
        .collect();
    let service = median(&times).unwrap();
    // A fixed time of service, longer than the model takes, so that the answer is known.
    let fixed = Duration::from_secs_f64((service * 2.0).max(2e-3));
    struct Fixed(Ready, Duration, Arc<Mutex<Vec<Duration>>>);
    impl Service for Fixed {
        fn query(&mut self) -> Result<(), (&'static str, String)> {
            let began = Instant::now();
            self.0.query()?;
            while began.elapsed() < self.1 {
                std::hint::spin_loop();
            }
            self.2.lock().unwrap().push(began.elapsed());
            Ok(())
        }
    }
    let rate = 0.7 / fixed.as_secs_f64();
    let (queries, seed) = (4000, 5);
    let effort =
        Effort { queries, time: Duration::from_secs_f64(queries as f64 / rate), most: Duration::from_secs(300), seed };
    let took = Arc::new(Mutex::new(Vec::with_capacity(queries)));
    let service = Fixed(one, fixed, Arc::clone(&took));
    let timed = measure(Scenario::Server { rate }, &mut [Box::new(service)], effort).unwrap();
    let took = took.lock().unwrap().clone();
    let lindley = |took: &dyn Fn(usize) -> Duration| {
        let mut free = Duration::ZERO;
        let arrivals = Arrivals::new(rate, seed).take(timed.latencies.len()).enumerate();
        let mut latencies: Vec<f64> = arrivals
            .map(|(at, arrival)| {
                free = free.max(arrival) + took(at);
                (free - arrival).as_nanos() as f64
            })
            .collect();
        latencies.sort_by(f64::total_cmp);
        latencies
    };
    // What was to be: each service takes the same. And what the same queue makes of the times that they really took, as
    // other programs took the processor meanwhile: what is left is our loop.
    let (wanted, real) = (lindley(&|_| fixed), lindley(&|at| took[at]));
    let mut found = timed.latencies.clone();
    found.sort_by(f64::total_cmp);
    for p in [0.5, 0.9, 0.99] {
        let of = |all: &[f64]| percentile(all, p).unwrap();
        println!(
            "server, {rate:.0} queries/s of {:.2} ms: p{:.0} {:.3} ms; reference {:.3} ms, {:+.2} %; with the real times of service {:.3} ms, {:+.2} %",
            fixed.as_secs_f64() * 1e3,
            p * 100.0,
            of(&found) / 1e6,
            of(&wanted) / 1e6,
            (of(&found) / of(&wanted) - 1.0) * 100.0,
            of(&real) / 1e6,
            (of(&found) / of(&real) - 1.0) * 100.0
        );
    }
}
