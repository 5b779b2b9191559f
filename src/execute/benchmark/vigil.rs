//! Looks at the host before the first benchmark and after the last, and learns once what a run costs by itself.

use std::path::Path;
use std::sync::OnceLock;

use super::rig::calibrate;
use super::subject::{FIRST, first_is_permitted};
use crate::execute::{Emitter, Workshop};
use crate::host::{DeviceAsker, State};
use crate::results::{Conditions, Event, Measuring};

/// Runs of `true` that the own overhead is the median of: about 15 ms.
const RUNS: u64 = 20;

/// The watch over the host while a run measures.
#[derive(Debug, Default)]
pub(in crate::execute) struct Vigil(OnceLock<(State, Measuring)>);

impl Vigil {
    /// Begins, unless it has begun.
    pub(in crate::execute) fn begin(&self, workshop: &Workshop, emitter: &Emitter) {
        self.0.get_or_init(|| {
            let overhead_ns = calibrate(RUNS, &workshop.environment.whole(&[], &[])).ok();
            let overhead_runs = if overhead_ns.is_some() { RUNS } else { 0 };
            let measuring = Measuring {
                overhead_ns,
                overhead_runs,
                priority: first_is_permitted().then_some(FIRST),
                conditions: None,
            };
            emitter.emit(Event::Measuring { measuring: measuring.clone() });
            (state(workshop.devices.as_ref()), measuring)
        });
    }

    /// Ends, if it has begun.
    pub(in crate::execute) fn end(&self, workshop: &Workshop, emitter: &Emitter) {
        if let Some((before, measuring)) = self.0.get() {
            let conditions = Some(before.until(&state(workshop.devices.as_ref())));
            emitter.emit(Event::Measuring { measuring: Measuring { conditions, ..measuring.clone() } });
        }
    }
}

/// The state of the host now, with that of its devices where somebody tells it.
fn state(devices: Option<&DeviceAsker>) -> State {
    let state = State::read(Path::new("/"));
    match devices {
        Some(asker) => state.with_devices(asker.ask()),
        None => state,
    }
}

/// The state of the host when the measuring of one benchmark began.
#[derive(Debug)]
pub(super) struct Since<'a>(State, Option<&'a DeviceAsker>);

impl<'a> Since<'a> {
    pub(super) fn now(devices: Option<&'a DeviceAsker>) -> Self {
        Self(state(devices), devices)
    }

    /// The conditions from then to now.
    pub(super) fn conditions(&self) -> Conditions {
        self.0.until(&state(self.1))
    }
}
