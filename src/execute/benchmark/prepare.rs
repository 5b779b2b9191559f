//! What a benchmark needs before it can be run in a place: files of the generations that it needs, and its build.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::execute::log::Log;
use crate::execute::process::{Job, Streams, supervise};
use crate::execute::{Place, Workshop, generate};
use crate::plan::{Invocation, Item, Measure, Plan, Work};
use crate::results::{Arm, ExitStatus, Kind, Reason};

/// The longest that a build may take.
const BUILD: Duration = Duration::from_secs(3600);

/// Prepares places. Each generation is made once in each arm, whatever needs it.
#[derive(Debug)]
pub(in crate::execute) struct Preparation<'a> {
    plan: &'a Plan,
    workshop: &'a Workshop,
    generated: BTreeMap<(usize, bool), Result<(), String>>,
}

/// Why a place is not ready.
#[derive(Debug, Clone)]
pub(super) struct Unready {
    pub reason: Reason,
    /// How the build ended.
    pub exit: Option<ExitStatus>,
    /// The run was to stop.
    pub cancelled: bool,
}

impl<'a> Preparation<'a> {
    pub(in crate::execute) fn new(plan: &'a Plan, workshop: &'a Workshop) -> Self {
        Self { plan, workshop, generated: BTreeMap::new() }
    }

    /// Makes a place ready. Without arms the generations have been made already: they are steps of their own.
    pub(super) fn ready(
        &mut self,
        (item, measure): (&Item, &Measure),
        arm: Option<Arm>,
        place: &Place,
        log: &mut Log<'_>,
    ) -> Result<(), Unready> {
        if let Some(arm) = arm.filter(|_| place.workspace != self.workshop.workspace) {
            self.generate(item, arm, place, log)?;
        }
        measure.build.as_ref().map_or(Ok(()), |build| self.build(item, build, place, log))
    }

    fn generate(&mut self, item: &Item, arm: Arm, place: &Place, log: &mut Log<'_>) -> Result<(), Unready> {
        for at in needed(self.plan, item) {
            let Some(step) = self.plan.items.get(at) else { continue };
            let Work::Generate(batch) = &step.work else { continue };
            let workshop = self.workshop;
            let made = self
                .generated
                .entry((at, arm == Arm::Base))
                .or_insert_with(|| generate::into_arm((step, batch), self.plan, place, workshop, log));
            if let Err(text) = made {
                let reason = Reason::new("generation_failed", format!("{}: {text}", step.id));
                return Err(Unready { reason, exit: None, cancelled: workshop.cancel.is_asked() });
            }
        }
        Ok(())
    }

    fn build(&self, item: &Item, build: &Invocation, place: &Place, log: &mut Log<'_>) -> Result<(), Unready> {
        log.say(&format!("build in {}: {}", place.workspace.display(), build.display()));
        let (argv, cwd) = (build.argv(), place.folder(item));
        let env = place.step_env(item, 1, &[]);
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets: &item.secrets, timeout: BUILD };
        let unready = |code, text, exit| Unready { reason: Reason::new(code, text), exit, cancelled: false };
        match supervise(&job, &self.workshop.environment, Streams::Merged(log), &self.workshop.cancel) {
            Err(error) => Err(unready("build_failed", format!("build: {error}"), None)),
            Ok(ended) if ended.cancelled => {
                Err(Unready { cancelled: true, ..unready("cancelled", "the run was stopped".into(), None) })
            }
            Ok(ended) if !ended.success() => {
                let tail = log.tail();
                let last = tail.lines().rfind(|line| !line.trim().is_empty() && !line.starts_with("[backsight]"));
                let said = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
                let text = format!("the build ended with {}{said}", ended.status);
                Err(unready("build_failed", text, Some(ended.status)))
            }
            Ok(_) => Ok(()),
        }
    }
}

/// The generations that an entry needs, and that these need, in the order of the plan.
fn needed(plan: &Plan, item: &Item) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = item.needs.clone();
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        let Some(step) = plan.items.get(at).filter(|_| seen.insert(at)) else { continue };
        if step.kind == Kind::Generation {
            found.insert(at);
        }
        open.extend(&step.needs);
    }
    found
}
