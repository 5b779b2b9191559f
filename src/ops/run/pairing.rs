//! What a run is measured against in pairs, and what the base holds it to.

use std::collections::BTreeMap;

use crate::execute::{Arms, Cancel};
use crate::host::{self, Revision};
use crate::ops::against::{self, AgainstError, BaseGate, Paired, Request};
use crate::ops::load::Loaded;
use crate::pipeline::Gate;
use crate::plan::{Item, Plan};
use crate::results::{Change, Kind};

/// What the benchmarks are measured against in pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pairing {
    /// On a change request against the commit that it starts from; otherwise nothing.
    #[default]
    ChangeRequests,
    /// Against this revision, as `--against` names it.
    With(String),
    /// Nothing.
    Never,
    /// Working copies that somebody else has made.
    Given(Arms),
}

/// The arms, and the gate that holds.
pub(super) struct Held {
    pub arms: Option<Arms>,
    pub paired: Option<Paired>,
    pub gate: Gate,
}

/// Whether a plan measures anything.
pub(super) fn measures(plan: &Plan) -> bool {
    plan.items.iter().any(|item: &Item| item.skip.is_none() && item.kind == Kind::Benchmark)
}

/// What the arms are made of.
pub(super) struct Wish<'a> {
    pub pairing: &'a Pairing,
    pub loaded: &'a Loaded,
    pub change: &'a Change,
    pub env: &'a BTreeMap<String, String>,
    pub cancel: &'a Cancel,
}

/// Makes the arms that are asked for, and puts the base's limits into the plan.
pub(super) fn hold(wish: &Wish<'_>, plan: &mut Plan, remarks: &mut Vec<String>) -> Result<Held, AgainstError> {
    let Wish { pairing, loaded, change, env, cancel } = *wish;
    let own = loaded.pipeline().gate.clone();
    let measured = measures(plan);
    let base = match pairing {
        Pairing::Given(arms) => return Ok(Held { arms: Some(arms.clone()), paired: None, gate: own }),
        Pairing::With(revision) if measured => Some((Revision::parse(revision), true)),
        Pairing::ChangeRequests if measured => host::start(&loaded.workspace, change).map(|base| (base, false)),
        Pairing::With(_) | Pairing::ChangeRequests | Pairing::Never => None,
    };
    let Some((base, asked_for)) = base else { return Ok(Held { arms: None, paired: None, gate: own }) };
    let carry = &loaded.pipeline().baseline.carry;
    let paired = match against::prepare(&Request { workspace: &loaded.workspace, base, carry, env, cancel }) {
        Ok(paired) => paired,
        Err(error) if asked_for || cancel.is_asked() => return Err(error),
        Err(error) => {
            remarks.push(format!("the benchmarks are not measured against the change's base: {error}"));
            return Ok(Held { arms: None, paired: None, gate: own });
        }
    };
    if !asked_for && paired.is_one_commit() {
        remarks.push("what is checked out is the change's base itself: its benchmarks are measured alone".to_owned());
        return Ok(Held { arms: None, paired: None, gate: own });
    }
    remarks.extend(paired.remarks.iter().cloned());
    let gate = BaseGate::read(&paired.arms.base.workspace, &loaded.path, remarks);
    if let Some(gate) = &gate {
        gate.hold(loaded.pipeline(), plan, remarks);
    }
    Ok(Held { arms: Some(paired.arms.clone()), paired: Some(paired), gate: gate.map_or(own, |gate| gate.gate) })
}
