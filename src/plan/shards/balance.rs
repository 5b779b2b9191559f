//! How many shards each kind of runner gets, and which of its units goes where.

use std::collections::{BTreeMap, BTreeSet};

use super::units::{Unit, Units};
use super::{MOST_SHARDS, Wanted};

/// Exchanges that are tried to shorten the longest shard.
const EXCHANGES: usize = 2000;

/// How many shards each group gets: never more than it has units, and at least one.
pub(super) fn sizes(units: &Units, wanted: Wanted) -> Vec<usize> {
    let loads: Vec<(f64, f64, usize)> = units
        .groups
        .iter()
        .map(|group| {
            let whole = |unit: &Unit| unit.seconds + generating(&unit.generations, &units.generations);
            let longest = group.units.iter().map(whole).fold(0.0, f64::max);
            (group.units.iter().map(|unit| unit.seconds).sum::<f64>(), longest, group.units.len())
        })
        .collect();
    let mut sizes = vec![1_usize; loads.len()];
    let most = match wanted {
        Wanted::Exactly(n) => n.min(MOST_SHARDS),
        Wanted::Auto { most, .. } => most.min(MOST_SHARDS),
    };
    while sizes.iter().sum::<usize>() < most {
        // The next one goes to where a shard has the most to do.
        let per_shard =
            |at: usize| loads.get(at).map_or(0.0, |load| load.0) / sizes.get(at).copied().unwrap_or(1) as f64;
        let wants = |at: &usize| {
            let Some((_, longest, units)) = loads.get(*at) else { return false };
            let may = sizes.get(*at).is_some_and(|size| size < units);
            may && match wanted {
                Wanted::Exactly(_) => true,
                // More than bring it down to the longest single one are of no use.
                Wanted::Auto { each, .. } => per_shard(*at) > each.max(*longest),
            }
        };
        let next = (0..sizes.len()).filter(wants).max_by(|a, b| per_shard(*a).total_cmp(&per_shard(*b)));
        let Some(size) = next.and_then(|at| sizes.get_mut(at)) else { break };
        *size += 1;
    }
    sizes
}

fn generating(which: &BTreeSet<usize>, times: &BTreeMap<usize, f64>) -> f64 {
    which.iter().filter_map(|at| times.get(at)).sum()
}

/// The units of one group, shared out.
#[derive(Debug)]
pub(super) struct Shares {
    pub(super) all: Vec<Share>,
    /// No way of sharing them out takes less, in seconds.
    pub(super) bound: f64,
}

/// The other shard, the place of the unit to give and, for a swap, that of the unit to take.
type Exchange = (usize, usize, Option<usize>);

/// What one shard got.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    /// Places in the group's units.
    pub(super) units: Vec<usize>,
    /// The expected time, generations included.
    pub(super) seconds: f64,
    generations: BTreeSet<usize>,
}

impl Shares {
    pub(super) fn of(units: &[Unit], generations: &BTreeMap<usize, f64>, size: usize) -> Self {
        let mut order: Vec<usize> = (0..units.len()).collect();
        let time = |at: &usize| units.get(*at).map_or(0.0, |unit| unit.seconds);
        // Stable, so that equal ones stay in the order of the plan.
        order.sort_by(|a, b| time(b).total_cmp(&time(a)));
        let mut all = vec![Share::default(); size.max(1)];
        for at in order {
            let Some(unit) = units.get(at) else { continue };
            let with = |share: &Share| share.seconds + unit.seconds + share.more(unit, generations);
            let least = (0..all.len()).min_by(|a, b| with(&all[*a]).total_cmp(&with(&all[*b])));
            if let Some(share) = least.and_then(|least| all.get_mut(least)) {
                share.seconds = with(share);
                share.generations.extend(&unit.generations);
                share.units.push(at);
            }
        }
        let whole: BTreeSet<usize> = units.iter().flat_map(|unit| &unit.generations).copied().collect();
        let sum = units.iter().map(|unit| unit.seconds).sum::<f64>() + generating(&whole, generations);
        let longest = units.iter().map(|unit| unit.seconds + generating(&unit.generations, generations));
        let bound = (sum / all.len() as f64).max(longest.fold(0.0, f64::max));
        let mut shares = Self { all, bound };
        shares.exchange(units, generations);
        shares
    }

    /// Moves and swaps units between the longest shard and others while that shortens the longer of the two.
    fn exchange(&mut self, units: &[Unit], generations: &BTreeMap<usize, f64>) {
        for _ in 0..EXCHANGES {
            let longest = (0..self.all.len()).max_by(|a, b| self.all[*a].seconds.total_cmp(&self.all[*b].seconds));
            let Some(longest) = longest.filter(|at| self.all[*at].seconds > self.bound * 1.001) else { return };
            let Some((other, mine, theirs)) = self.better(longest, units) else { return };
            let unit = self.all[longest].units.swap_remove(mine);
            match theirs {
                Some(theirs) => {
                    let back = std::mem::replace(&mut self.all[other].units[theirs], unit);
                    self.all[longest].units.push(back);
                }
                None => self.all[other].units.push(unit),
            }
            let before = self.all[longest].seconds.max(self.all[other].seconds);
            for at in [longest, other] {
                self.all[at].count(units, generations);
            }
            if self.all[longest].seconds.max(self.all[other].seconds) >= before {
                return;
            }
        }
    }

    /// The exchange that evens out the longest and another shard best. Generations are left out of account.
    fn better(&self, longest: usize, units: &[Unit]) -> Option<Exchange> {
        let time = |at: &usize| units.get(*at).map_or(0.0, |unit| unit.seconds);
        let own = self.all.get(longest)?;
        let mut best: Option<(f64, Exchange)> = None;
        let mut offer = |gain: f64, exchange| {
            if gain > 1e-9 && best.as_ref().is_none_or(|(known, _)| gain > *known) {
                best = Some((gain, exchange));
            }
        };
        for (at, other) in self.all.iter().enumerate().filter(|(at, _)| *at != longest) {
            let gap = own.seconds - other.seconds;
            for (mine, unit) in own.units.iter().enumerate().filter(|_| own.units.len() > 1) {
                let moved = time(unit);
                offer(moved.min(gap - moved), (at, mine, None));
            }
            // All pairs of a large shard would be too many, and a large shard is even without them.
            if own.units.len() * other.units.len() <= 10_000 {
                for (mine, unit) in own.units.iter().enumerate() {
                    for (theirs, back) in other.units.iter().enumerate() {
                        let moved = time(unit) - time(back);
                        offer(moved.min(gap - moved), (at, mine, Some(theirs)));
                    }
                }
            }
        }
        best.map(|(_, exchange)| exchange)
    }
}

impl Share {
    /// The time of the generations that this unit would add.
    fn more(&self, unit: &Unit, generations: &BTreeMap<usize, f64>) -> f64 {
        unit.generations.difference(&self.generations).filter_map(|at| generations.get(at)).sum()
    }

    fn count(&mut self, units: &[Unit], generations: &BTreeMap<usize, f64>) {
        let own = || self.units.iter().filter_map(|at| units.get(*at));
        self.generations = own().flat_map(|unit| unit.generations.clone()).collect();
        self.seconds = own().map(|unit| unit.seconds).sum::<f64>() + generating(&self.generations, generations);
    }
}
