//! How fast a model is: each combination of sizes and threads, after its answers were found right.

#[cfg(not(feature = "onnx"))]
use super::{Problem, Request};
use crate::onnx::{Timed, WarmUp};
#[cfg(not(feature = "onnx"))]
use crate::results::Execution;

/// One combination that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// `batch`, `sequence`, `threads`, ...
    pub parameters: Vec<(String, String)>,
    /// Samples in one query.
    pub batch: u64,
    /// From the wish to the model being ready, in nanoseconds.
    pub loading_ns: f64,
    /// What warming up came to.
    pub warm_up: WarmUp,
    /// The queries.
    pub timed: Timed,
    /// The most memory that was held, in bytes.
    pub peak_memory: Option<u64>,
    /// What the processor packages used meanwhile, in joules.
    pub energy: Option<f64>,
    /// The most memory that was held on the device, in bytes.
    pub device_memory: Option<u64>,
    /// What the device used meanwhile, in joules.
    pub device_energy: Option<f64>,
    /// Why figures of the device are missing.
    pub device_unread: Option<String>,
    /// Why the result does not count.
    pub invalid: Option<crate::results::Reason>,
}

/// Checks the answers, then measures each combination.
///
/// # Errors
/// If the answers are wrong, or a combination cannot be measured.
#[cfg(not(feature = "onnx"))]
pub fn measure(request: &Request) -> Result<(Vec<Measured>, Execution), Problem> {
    request.facts()?;
    Err(crate::onnx::RuntimeError::NotBuilt.into())
}

#[cfg(feature = "onnx")]
pub use engine::measure;

#[cfg(feature = "onnx")]
mod engine {
    use super::Measured;
    use crate::onnx::{
        Effort, Engine, ModelFacts, Options, Ready, RealClock, Scenario, Service, Sizes, Timed, make, warm_up,
    };
    use crate::ops::onnx::answers::engine::try_all;
    use crate::ops::onnx::device::DeviceWatch;
    use crate::ops::onnx::{Problem, Request, memory, processors};
    use crate::results::{Execution, Reason};
    use crate::stats::upper_bound;

    /// Checks the answers, then measures each combination.
    ///
    /// # Errors
    /// If the answers are wrong, or a combination cannot be measured.
    pub fn measure(request: &Request) -> Result<(Vec<Measured>, Execution), Problem> {
        let facts = request.facts()?;
        let engine = Engine::load(&request.library()?)?;
        let (checked, execution) = try_all(&engine, request, &facts)?;
        if let Some(problem) = checked.into_iter().find_map(|checked| checked.problem) {
            return Err(problem);
        }
        let threads = if request.threads.is_empty() { vec![processors()] } else { request.threads.clone() };
        let mut measured = Vec::new();
        for sizes in request.shapes() {
            for threads in &threads {
                measured.push(one(&engine, request, (&facts, &sizes), *threads)?);
            }
        }
        Ok((measured, execution))
    }

    fn one(
        engine: &Engine,
        request: &Request,
        (facts, sizes): (&ModelFacts, &Sizes),
        threads: usize,
    ) -> Result<Measured, Problem> {
        let options =
            Options { providers: request.providers()?.to_vec(), device: request.device, threads, profile: None };
        let mut device = DeviceWatch::begin(&request.target);
        memory::forget_peak();
        let mut services = Vec::new();
        let mut loading_ns = 0.0;
        for stream in 0..request.streams.max(1) {
            let model = engine.open(&request.model, &options)?;
            if stream == 0 {
                loading_ns = model.loading.as_nanos() as f64;
            }
            let inputs = make(facts, sizes, &request.fills, request.seed.wrapping_add(stream as u64))?;
            let feed = model.feed(&inputs)?;
            services.push(Box::new(Ready { model, feed }) as Box<dyn Service>);
        }
        let effort = Effort { queries: request.queries, time: request.time, most: request.most, seed: request.seed };
        let failed = |(code, text): (&'static str, String)| Problem::from(crate::onnx::EngineError { code, text });
        let clock = RealClock::start();
        let mut warm = None;
        for service in &mut services {
            let known = warm_up(service.as_mut(), &clock, effort).map_err(failed)?;
            warm.get_or_insert(known);
        }
        let mark = device.as_mut().map(DeviceWatch::look);
        let energy = memory::energy();
        let timed = crate::onnx::measure(request.scenario, &mut services, effort).map_err(failed)?;
        let energy =
            energy.zip(memory::energy()).and_then(|(before, after)| Some(after.checked_sub(before)? as f64 / 1e6));
        let device_energy = device.as_mut().zip(mark).and_then(|(device, mark)| device.energy_since(&mark));
        let Some(warm_up) = warm else { return Err(failed(("no_service", "nothing was made ready".to_owned()))) };
        let invalid = invalid(request, &timed);
        let batch = sizes.get("batch").or_else(|| sizes.get("batch_size")).copied().unwrap_or(1);
        let batch = u64::try_from(batch).unwrap_or(1);
        Ok(Measured {
            parameters: parameters(request, sizes, threads),
            batch,
            loading_ns,
            warm_up,
            timed,
            peak_memory: memory::peak(),
            energy,
            device_memory: device.as_ref().and_then(DeviceWatch::peak),
            device_energy,
            device_unread: device.as_ref().and_then(DeviceWatch::why).map(str::to_owned),
            invalid,
        })
    }

    /// What tells a combination apart.
    fn parameters(request: &Request, sizes: &Sizes, threads: usize) -> Vec<(String, String)> {
        let told = request.dimensions.keys().filter(|name| !request.fixed.contains(*name));
        let mut parameters: Vec<(String, String)> =
            told.filter_map(|name| Some((name.clone(), sizes.get(name)?.to_string()))).collect();
        parameters.extend(request.precision.clone().map(|precision| ("precision".to_owned(), precision)));
        // The usual number of threads is part of the class of the host.
        if !request.threads.is_empty() {
            parameters.push(("threads".to_owned(), threads.to_string()));
        }
        parameters
    }

    /// The rules of MLPerf Inference: enough queries, enough time, and a percentile that is known to hold.
    fn invalid(request: &Request, timed: &Timed) -> Option<Reason> {
        let n = timed.latencies.len();
        if n < request.least && timed.unanswered == 0 {
            let (wanted, most) = (request.least, request.most.as_secs_f64());
            let text = format!("{n} of at least {wanted} queries in {most:.1} s; raise the budget, or lower `queries`");
            return Some(Reason::new("too_few_queries", text));
        }
        if timed.wall < request.time.mul_f64(0.9) && !matches!(request.scenario, Scenario::Server { .. }) {
            let text =
                format!("it lasted {:.1} of at least {:.1} s", timed.wall.as_secs_f64(), request.time.as_secs_f64());
            return Some(Reason::new("too_short", text));
        }
        if let (Scenario::Server { rate }, Some(late)) = (request.scenario, timed.late) {
            if timed.unanswered > 0 {
                let most = request.most.as_secs_f64();
                let text = format!(
                    "it cannot answer {rate} queries a second: {} of {} were not answered within {most:.1} s; the latencies \
                     only say how long the run was",
                    timed.unanswered,
                    timed.unanswered + timed.samples
                );
                return Some(Reason::new("overloaded", text));
            }
            // Where answers keep up, the last comes soon after the last query.
            let (late, wall) = (late.as_secs_f64(), timed.wall.as_secs_f64());
            if late > 0.1 * wall && late > 10.0 / rate {
                let text = format!(
                    "it cannot answer {rate} queries a second: after the last one the queue took another {late:.1} s; the \
                     latencies only say how long the run was"
                );
                return Some(Reason::new("overloaded", text));
            }
        }
        let limit = request.latency_limit?.as_nanos() as f64;
        let mut sorted = timed.latencies.clone();
        sorted.sort_by(f64::total_cmp);
        match upper_bound(&sorted, 0.99, 0.99) {
            Some(bound) if bound <= limit => None,
            Some(bound) => {
                let text = format!(
                    "the 99th percentile of latency is below {:.3} ms with 99 % confidence, not below the limit of {:.3} ms",
                    bound / 1e6,
                    limit / 1e6
                );
                Some(Reason::new("latency_limit", text))
            }
            None => Some(Reason::new(
                "too_few_queries",
                format!("{n} queries say nothing sure of the 99th percentile; 459 do at best"),
            )),
        }
    }
}
