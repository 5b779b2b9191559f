//! Scenarios in which several services answer at the same time, each in a thread of its own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Barrier, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::{Effort, Service, Timed};

type Failure = (&'static str, String);

/// Queries of one sample for each service; the next query when all of them are answered.
pub(super) fn multi_stream(services: &mut [Box<dyn Service>], effort: Effort) -> Result<Timed, Failure> {
    let (begin, end) = (Barrier::new(services.len() + 1), Barrier::new(services.len() + 1));
    let over = AtomicBool::new(false);
    let failure = OnceLock::new();
    let samples = services.len() as u64;
    let mut timed = Timed::default();
    std::thread::scope(|scope| {
        for service in &mut *services {
            scope.spawn(|| {
                loop {
                    begin.wait();
                    if over.load(Relaxed) {
                        return;
                    }
                    if let Err(why) = service.query() {
                        let _only_the_first = failure.set(why);
                    }
                    end.wait();
                }
            });
        }
        let began = Instant::now();
        while !over.load(Relaxed) {
            let asked = Instant::now();
            begin.wait();
            end.wait();
            timed.latencies.push(asked.elapsed().as_nanos() as f64);
            timed.wall = began.elapsed();
            over.store(effort.is_over(timed.latencies.len(), timed.wall) || failure.get().is_some(), Relaxed);
        }
        begin.wait();
    });
    timed.samples = timed.latencies.len() as u64 * samples;
    ended(timed, failure)
}

/// Every service as fast as it can.
pub(super) fn offline(services: &mut [Box<dyn Service>], effort: Effort) -> Result<Timed, Failure> {
    let (done, failure) = (AtomicUsize::new(0), OnceLock::new());
    let latencies = Mutex::new(Vec::new());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for service in &mut *services {
            scope.spawn(|| {
                let mut own = Vec::new();
                while failure.get().is_none() && !effort.is_over(done.load(Relaxed), began.elapsed()) {
                    let asked = Instant::now();
                    if let Err(why) = service.query() {
                        let _only_the_first = failure.set(why);
                        return;
                    }
                    own.push(asked.elapsed().as_nanos() as f64);
                    done.fetch_add(1, Relaxed);
                }
                latencies.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
            });
        }
    });
    let wall = began.elapsed();
    let latencies = latencies.into_inner().unwrap_or_else(PoisonError::into_inner);
    let samples = latencies.len() as u64;
    ended(Timed { latencies, wall, samples, unanswered: 0, late: None }, failure)
}

/// Queries that come at these times; the service that is free first takes the next. After `most` no query is taken any
/// more: a queue that grows would take for ever.
pub(super) fn server(
    services: &mut [Box<dyn Service>],
    clock: &dyn Clock,
    arrivals: &[Duration],
    most: Duration,
) -> Result<Timed, Failure> {
    let (next, failure) = (AtomicUsize::new(0), OnceLock::new());
    let answered = Mutex::new(vec![None; arrivals.len()]);
    // The threads are there before the first query is.
    let ready = clock.now() + Duration::from_millis(50);
    std::thread::scope(|scope| {
        for service in &mut *services {
            scope.spawn(|| {
                let own = take(service.as_mut(), clock, (arrivals, ready, most), &next, &failure);
                let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
                for (at, end) in own {
                    if let Some(place) = answered.get_mut(at) {
                        *place = Some(end);
                    }
                }
            });
        }
    });
    let answered = answered.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended(told(arrivals, &answered), failure)
}

/// The same with one service, in this thread.
#[cfg(test)]
pub(super) fn serve_alone(
    service: &mut dyn Service,
    clock: &dyn Clock,
    arrivals: &[Duration],
) -> Result<Timed, Failure> {
    let (next, failure) = (AtomicUsize::new(0), OnceLock::new());
    let own = take(service, clock, (arrivals, clock.now(), Duration::MAX), &next, &failure);
    let answered: Vec<Option<Duration>> = own.into_iter().map(|(_, end)| Some(end)).collect();
    ended(told(arrivals, &answered), failure)
}

/// Takes queries until there are none; gives which it answered and when, from the beginning of the arrivals.
fn take(
    service: &mut dyn Service,
    clock: &dyn Clock,
    (arrivals, zero, most): (&[Duration], Duration, Duration),
    next: &AtomicUsize,
    failure: &OnceLock<Failure>,
) -> Vec<(usize, Duration)> {
    let mut own = Vec::new();
    loop {
        let at = next.fetch_add(1, Relaxed);
        let Some(arrival) = arrivals.get(at).filter(|_| failure.get().is_none()) else { return own };
        if clock.now().saturating_sub(zero) > most {
            return own;
        }
        clock.wait_until(zero + *arrival);
        if let Err(why) = service.query() {
            let _only_the_first = failure.set(why);
            return own;
        }
        own.push((at, clock.now().saturating_sub(zero)));
    }
}

fn told(arrivals: &[Duration], answered: &[Option<Duration>]) -> Timed {
    let pairs = || arrivals.iter().zip(answered).filter_map(|(at, end)| Some((*at, (*end)?)));
    let latencies: Vec<f64> = pairs().map(|(at, end)| end.saturating_sub(at).as_nanos() as f64).collect();
    let end = pairs().map(|(_, end)| end).max().unwrap_or_default();
    let (first, last) = (arrivals.first().copied().unwrap_or_default(), arrivals.last().copied().unwrap_or_default());
    let samples = latencies.len() as u64;
    let unanswered = arrivals.len() as u64 - samples;
    Timed { latencies, wall: end.saturating_sub(first), samples, unanswered, late: Some(end.saturating_sub(last)) }
}

fn ended(timed: Timed, failure: OnceLock<Failure>) -> Result<Timed, Failure> {
    failure.into_inner().map_or(Ok(timed), Err)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::onnx::scenario::{Effort, Scenario, Service, measure};

    struct Sleeps(Duration, Option<usize>);

    impl Service for Sleeps {
        fn query(&mut self) -> Result<(), (&'static str, String)> {
            std::thread::sleep(self.0);
            match &mut self.1 {
                Some(0) => Err(("broken", "it broke".to_owned())),
                Some(left) => {
                    *left -= 1;
                    Ok(())
                }
                None => Ok(()),
            }
        }
    }

    fn services(count: usize, breaks: Option<usize>) -> Vec<Box<dyn Service>> {
        (0..count).map(|_| Box::new(Sleeps(Duration::from_millis(5), breaks)) as Box<dyn Service>).collect()
    }

    fn effort() -> Effort {
        Effort { queries: 20, time: Duration::from_millis(50), most: Duration::from_secs(20), seed: 5 }
    }

    #[test]
    fn services_work_at_the_same_time() {
        let several = measure(Scenario::MultiStream, &mut services(4, None), effort()).unwrap();
        assert_eq!((several.latencies.len() >= 20, several.samples % 4), (true, 0));
        let one = several.latencies.iter().copied().fold(f64::INFINITY, f64::min);
        assert!((5e6..20e6).contains(&one), "four at once take hardly longer than one: {one}");
        let offline = measure(Scenario::Offline, &mut services(4, None), effort()).unwrap();
        assert!(offline.samples >= 20 && offline.latencies.len() as u64 == offline.samples);
    }

    #[test]
    fn queries_that_come_by_themselves_are_all_answered() {
        let server = Scenario::Server { rate: 200.0 };
        let timed = measure(server, &mut services(2, None), effort()).unwrap();
        assert_eq!(timed.latencies.len(), 20);
        assert!(timed.latencies.iter().all(|latency| *latency >= 5e6));
        assert!(timed.late.is_some_and(|late| late >= Duration::from_millis(4)));
    }

    #[test]
    fn a_service_that_breaks_ends_it() {
        for scenario in
            [Scenario::MultiStream, Scenario::Offline, Scenario::Server { rate: 500.0 }, Scenario::SingleStream]
        {
            let error = measure(scenario, &mut services(2, Some(3)), effort()).unwrap_err();
            assert_eq!(error.0, "broken", "{scenario:?}");
        }
    }
}
