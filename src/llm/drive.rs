//! Sends requests at the right times: so many at once, or as they arrive at a rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::command::Command;
use super::figures::Gathered;
use super::prompts::{Given, Lengths, made};
use super::trace::Trace;
use super::validity::Demands;
use super::wire::Wire;
use crate::execute::Cancel;
use crate::results::Reason;
use crate::stats::Arrivals;

/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(50);
/// The most requests that are under way at a rate of arrivals; further ones wait, which counts as their latency.
const MOST_UNDER_WAY: usize = 512;
/// The most requests of a cell.
pub const MOST_REQUESTS: u64 = 100_000;
/// So many failures in a row end a cell.
const IN_A_ROW: u64 = 10;

/// What answers.
#[derive(Debug)]
pub enum Source {
    /// An endpoint.
    Wire(Box<Wire>),
    /// A command.
    Command(Command),
}

impl Source {
    /// One request whose answer is kept.
    pub(super) async fn complete(self: Arc<Self>, prompt: Given, seed: u64, clock: Instant) -> Trace {
        match &*self {
            Self::Wire(wire) => wire.complete(&prompt, seed, clock).await,
            Self::Command(command) => {
                let command = command.clone();
                let asked = tokio::task::spawn_blocking(move || command.complete(&prompt, seed, clock)).await;
                asked.unwrap_or_else(|error| lost(&error, clock, None))
            }
        }
    }

    async fn ask(self: Arc<Self>, prompt: Given, seed: u64, clock: Instant, due: Option<Duration>) -> Trace {
        match &*self {
            Self::Wire(wire) => wire.ask(&prompt, seed, clock, due).await,
            Self::Command(command) => {
                let command = command.clone();
                let asked = tokio::task::spawn_blocking(move || command.ask(&prompt, seed, clock, due)).await;
                asked.unwrap_or_else(|error| lost(&error, clock, due))
            }
        }
    }
}

/// What comes of a request whose thread was lost.
fn lost(error: &tokio::task::JoinError, clock: Instant, due: Option<Duration>) -> Trace {
    let at = clock.elapsed();
    let failure = Some(Reason::new("internal", error.to_string()));
    Trace { due: due.unwrap_or(at), sent: at, end: at, failure, ..Trace::default() }
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Load {
    /// So many are always under way.
    AtOnce(u32),
    /// So many a second arrive, whether the earlier ones are answered or not.
    Rate(f64),
}

/// One cell.
#[derive(Debug)]
pub(super) struct Cell<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) load: Load,
    pub(super) lengths: &'a Lengths,
    /// The words of a made prompt.
    pub(super) words: u32,
    pub(super) demands: Demands,
    pub(super) seed: u64,
    /// The cell's number, so that no two share prompts.
    pub(super) number: u64,
    pub(super) cancel: &'a Cancel,
}

/// Requests under way and what came of the others.
struct Flight {
    under_way: JoinSet<Trace>,
    clock: Instant,
    sent: u64,
    failed_in_a_row: u64,
    gathered: Gathered,
}

impl Flight {
    fn new() -> Self {
        let clock = Instant::now();
        Self { under_way: JoinSet::new(), clock, sent: 0, failed_in_a_row: 0, gathered: Gathered::default() }
    }

    /// Waits for an answer, at most so long.
    async fn wait(&mut self, most: Duration) {
        let most = most.min(TICK);
        if self.under_way.is_empty() {
            tokio::time::sleep(most).await;
        } else if let Ok(Some(Ok(trace))) = tokio::time::timeout(most, self.under_way.join_next()).await {
            self.failed_in_a_row = if trace.is_success() { 0 } else { self.failed_in_a_row + 1 };
            self.gathered.take(&trace);
        }
    }
}

impl Cell<'_> {
    /// Sends requests that are not measured; gives what came of them.
    pub(super) async fn warm_up(&self, requests: u64) -> Gathered {
        let at_once = match self.load {
            Load::AtOnce(n) => n as usize,
            Load::Rate(_) => 1,
        };
        let mut flight = Flight::new();
        loop {
            while flight.under_way.len() < at_once && flight.sent < requests && !self.is_stopped(&flight) {
                self.send(&mut flight, None, false);
            }
            if flight.under_way.is_empty() || self.cancel.is_asked() {
                return flight.gathered;
            }
            flight.wait(TICK).await;
        }
    }

    /// Measures.
    pub(super) async fn measure(&self) -> Gathered {
        match self.load {
            Load::AtOnce(at_once) => self.closed(at_once as usize).await,
            Load::Rate(rate) => self.open(rate).await,
        }
    }

    async fn closed(&self, at_once: usize) -> Gathered {
        let mut flight = Flight::new();
        // With fewer, not even all places were taken once.
        let wanted = self.demands.requests.max(at_once as u64);
        loop {
            while flight.under_way.len() < at_once && !self.is_stopped(&flight) {
                let coming = flight.gathered.succeeded + flight.under_way.len() as u64;
                if coming >= wanted && flight.clock.elapsed() >= self.demands.duration {
                    break;
                }
                self.send(&mut flight, None, true);
            }
            if flight.under_way.is_empty() || self.cancel.is_asked() {
                return flight.gathered;
            }
            flight.wait(TICK).await;
        }
    }

    async fn open(&self, rate: f64) -> Gathered {
        let mut flight = Flight::new();
        for due in Arrivals::new(rate, self.seed ^ self.number) {
            let coming = flight.gathered.succeeded + flight.under_way.len() as u64;
            let enough = coming >= self.demands.requests && due >= self.demands.duration;
            if enough || due >= self.demands.limit || self.is_stopped(&flight) {
                break;
            }
            while !self.cancel.is_asked() {
                let left = due.saturating_sub(flight.clock.elapsed());
                let is_full = flight.under_way.len() >= MOST_UNDER_WAY;
                if left.is_zero() && !is_full {
                    break;
                }
                flight.wait(if is_full { TICK } else { left }).await;
            }
            self.send(&mut flight, Some(due), true);
        }
        while !flight.under_way.is_empty() && !self.cancel.is_asked() {
            flight.wait(TICK).await;
        }
        flight.gathered
    }

    /// Whether nothing more is sent, whatever is missing.
    fn is_stopped(&self, flight: &Flight) -> bool {
        let at_once = match self.load {
            Load::AtOnce(n) => u64::from(n),
            Load::Rate(_) => 0,
        };
        self.cancel.is_asked()
            || flight.sent >= MOST_REQUESTS
            || flight.failed_in_a_row >= IN_A_ROW.max(at_once * 2)
            || flight.clock.elapsed() >= self.demands.limit
    }

    fn send(&self, flight: &mut Flight, due: Option<Duration>, measured: bool) {
        // Prompts that are not measured are numbered from the far end: no measured one is like them.
        let number = if measured { flight.sent } else { u64::MAX - flight.sent };
        let prompt = match self.lengths {
            Lengths::Words(_) => made(self.words, self.seed, self.number, number),
            Lengths::File(_, prompts) => {
                let at = flight.sent as usize % prompts.len().max(1);
                prompts.get(at).cloned().unwrap_or_else(|| Given::Text(String::new()))
            }
        };
        flight.sent += 1;
        flight.under_way.spawn(Arc::clone(self.source).ask(prompt, self.seed, flight.clock, due));
    }
}
