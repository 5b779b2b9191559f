//! How queries are put to a model, after MLPerf Inference (Reddi et al. 2020): one after the other, several at once, as
//! many as possible, or at times that do not wait for the answers.

mod clock;
mod several;
mod warm_up;

use std::time::Duration;

use crate::stats::Arrivals;

pub use clock::{Clock, RealClock};
pub use warm_up::{WarmUp, warm_up};

/// Something that answers queries: a model with its inputs.
pub trait Service: Send {
    /// Answers one query.
    ///
    /// # Errors
    /// A reason code and why it cannot.
    fn query(&mut self) -> Result<(), (&'static str, String)>;
}

/// How queries come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scenario {
    /// The next query when the last is answered: latency as one user sees it.
    SingleStream,
    /// Queries of one sample for each of the services; the next when all of them are answered.
    MultiStream,
    /// All services as fast as they can: throughput.
    Offline,
    /// At random times (a Poisson process of this many queries a second) that do not wait for the answers. A latency
    /// counts from the time at which the query was to come, so that a stall is not hidden by queries that waited for it.
    Server {
        /// Queries a second.
        rate: f64,
    },
}

impl Scenario {
    /// The word in pipeline files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleStream => "single_stream",
            Self::MultiStream => "multi_stream",
            Self::Offline => "offline",
            Self::Server { .. } => "server",
        }
    }
}

/// How long it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// At least so many queries...
    pub queries: usize,
    /// ... and so much time...
    pub time: Duration,
    /// ... but no longer than this.
    pub most: Duration,
    /// Where arrivals are drawn from.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timed {
    /// Of each query in the order in which it was put, in nanoseconds.
    pub latencies: Vec<f64>,
    /// From the first query to the last answer.
    pub wall: Duration,
    /// How many samples were answered: of a query to several services, one each.
    pub samples: u64,
    /// How many queries came that were not answered in time.
    pub unanswered: u64,
    /// How long after the last arrival the last answer came, for queries that come by themselves.
    pub late: Option<Duration>,
}

/// The most latencies that are kept.
pub(super) const MOST: usize = 2_000_000;

/// Puts queries to the services, one thread for each, and measures.
///
/// # Errors
/// The first failure of a service.
pub fn measure(
    scenario: Scenario,
    services: &mut [Box<dyn Service>],
    effort: Effort,
) -> Result<Timed, (&'static str, String)> {
    let clock = RealClock::start();
    match (scenario, services) {
        (_, []) => Err(("no_service", "there is nothing to put queries to".to_owned())),
        (Scenario::SingleStream, [service, ..]) => single_stream(service.as_mut(), &clock, effort),
        (Scenario::MultiStream, services) => several::multi_stream(services, effort),
        (Scenario::Offline, services) => several::offline(services, effort),
        (Scenario::Server { rate }, services) => {
            let time = effort.time.as_secs_f64().max(effort.queries as f64 / rate).min(effort.most.as_secs_f64());
            let count = ((rate * time).round() as usize).clamp(1, MOST);
            let arrivals: Vec<Duration> = Arrivals::new(rate, effort.seed).take(count).collect();
            several::server(services, &clock, &arrivals, effort.most)
        }
    }
}

/// One query after the other.
pub(super) fn single_stream<C: Clock>(
    service: &mut dyn Service,
    clock: &C,
    effort: Effort,
) -> Result<Timed, (&'static str, String)> {
    let began = clock.now();
    let mut timed = Timed { latencies: Vec::with_capacity(effort.queries.min(MOST)), ..Timed::default() };
    loop {
        let asked = clock.now();
        service.query()?;
        let answered = clock.now();
        timed.latencies.push(nanos(answered - asked));
        timed.wall = answered - began;
        if effort.is_over(timed.latencies.len(), timed.wall) {
            break;
        }
    }
    timed.samples = timed.latencies.len() as u64;
    Ok(timed)
}

/// As a number, without the wide integers of the standard library, which take longer than reading the clock.
fn nanos(time: Duration) -> f64 {
    (time.as_secs() as f64).mul_add(1e9, f64::from(time.subsec_nanos()))
}

impl Effort {
    /// Whether it is enough, or as much as there may be.
    pub(super) fn is_over(self, queries: usize, spent: Duration) -> bool {
        (queries >= self.queries && spent >= self.time) || spent >= self.most || queries >= MOST
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::clock::testing::{Simulated, Slow};
    use super::{Effort, measure, several, single_stream};
    use crate::stats::Arrivals;

    fn poisson(rate: f64, count: usize, seed: u64) -> Vec<Duration> {
        Arrivals::new(rate, seed).take(count).collect()
    }

    const fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn effort(queries: usize, time: Duration, most: Duration) -> Effort {
        Effort { queries, time, most, seed: 1 }
    }

    #[test]
    fn one_stream_goes_on_for_both_the_number_and_the_time() {
        let run = |effort| {
            let clock = Simulated::default();
            single_stream(&mut Slow::of(&clock, millis(10)), &clock, effort).unwrap()
        };
        assert_eq!(run(effort(50, millis(100), millis(9999))).latencies, vec![1e7; 50]);
        assert_eq!(run(effort(5, millis(995), millis(9999))).latencies.len(), 100);
        assert_eq!(run(effort(50, millis(100), millis(200))).latencies.len(), 20, "no longer than it may");
        assert_eq!(run(effort(5, millis(995), millis(9999))).wall, millis(1000));
    }

    /// Latencies of queries that come by themselves, by the recursion of Lindley (1952) for one server.
    fn lindley(arrivals: &[Duration], service: Duration) -> Vec<f64> {
        let mut free = Duration::ZERO;
        let mut latency = |at: &Duration| {
            free = free.max(*at) + service;
            (free - *at).as_nanos() as f64
        };
        arrivals.iter().map(&mut latency).collect()
    }

    #[test]
    fn a_queue_is_that_of_theory() {
        let arrivals = poisson(80.0, 5000, 7);
        let clock = Simulated::default();
        let timed = several::serve_alone(&mut Slow::of(&clock, millis(10)), &clock, &arrivals).unwrap();
        assert_eq!(timed.latencies, lindley(&arrivals, millis(10)));
        // Pollaczek-Khinchine: at a load of 0.8 a query waits 0.8 / (2 × 0.2) service times in the mean.
        let mean = timed.latencies.iter().sum::<f64>() / 5000.0;
        assert!((25e6..35e6).contains(&mean), "{mean}");
    }

    /// The stall of one second must show in all queries that came meanwhile, not in one.
    #[test]
    fn a_stall_is_not_hidden() {
        let arrivals = poisson(100.0, 1000, 3);
        let clock = Simulated::default();
        let mut service = Slow::of(&clock, millis(1)).stalls_at(500, millis(1000));
        let timed = several::serve_alone(&mut service, &clock, &arrivals).unwrap();
        let slow = timed.latencies.iter().filter(|latency| **latency > 100e6).count();
        assert!((70..=110).contains(&slow), "{slow}");
        let clock = Simulated::default();
        let mut service = Slow::of(&clock, millis(1)).stalls_at(500, millis(1000));
        let closed = single_stream(&mut service, &clock, effort(1000, millis(0), millis(99_999))).unwrap();
        assert_eq!(closed.latencies.iter().filter(|latency| **latency > 100e6).count(), 1, "a closed loop hides it");
    }

    #[test]
    fn nothing_to_ask_is_an_error() {
        let error = measure(super::Scenario::Offline, &mut [], effort(1, millis(1), millis(1))).unwrap_err();
        assert_eq!(error.0, "no_service");
    }
}
