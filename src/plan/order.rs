//! The order of the plan: file order, what is needed first, and what the selection pulls in.

use std::collections::BTreeMap;

use super::{Item, PlanError, Selection};
use crate::results::Reason;

/// Sorts so that every entry stands after what it needs, otherwise in the given order, and keeps only what the
/// selection wants together with what that needs. `needs` gives, per entry, the section/name pairs it needs.
pub(super) fn arrange(items: Vec<Item>, needs: &[Vec<usize>], selection: &Selection) -> Result<Vec<Item>, PlanError> {
    let order = sorted(&items, needs)?;
    let wanted = wanted(&items, needs, selection);
    let mut places = BTreeMap::new();
    let mut arranged: Vec<Item> = Vec::new();
    let mut slots: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    for old in order {
        let keep = wanted.get(old).copied().unwrap_or(false);
        let Some(mut item) = slots.get_mut(old).and_then(Option::take).filter(|_| keep) else { continue };
        let before = needs.get(old).map(Vec::as_slice).unwrap_or_default();
        item.needs = before.iter().filter_map(|need| places.get(need).copied()).collect();
        if item.skip.is_none() && item.needs.len() < before.len() {
            item.skip = Some(Reason::new("needs_skipped", "a step that it needs is left out by --skip"));
        }
        places.insert(old, arranged.len());
        arranged.push(item);
    }
    Ok(arranged)
}

fn wanted(items: &[Item], needs: &[Vec<usize>], selection: &Selection) -> Vec<bool> {
    let mut wanted = vec![false; items.len()];
    let asked = |item: &Item| selection.wants(item.kind, &item.name, &item.id);
    let mut open: Vec<usize> = items.iter().enumerate().filter(|(_, item)| asked(item)).map(|(at, _)| at).collect();
    while let Some(at) = open.pop() {
        let Some(mark) = wanted.get_mut(at).filter(|mark| !**mark) else { continue };
        *mark = true;
        let pulled = needs.get(at).into_iter().flatten().copied();
        open.extend(
            pulled.filter(|need| items.get(*need).is_some_and(|item| !selection.refuses(&item.name, &item.id))),
        );
    }
    wanted
}

/// Depth first in the given order; `Circle` names the ids on the way round.
fn sorted(items: &[Item], needs: &[Vec<usize>]) -> Result<Vec<usize>, PlanError> {
    let mut order = Vec::with_capacity(items.len());
    let mut state = vec![Visit::Not; items.len()];
    for start in 0..items.len() {
        let mut path = vec![(start, 0)];
        while let Some((at, next)) = path.pop() {
            if next == 0 {
                match state[at] {
                    Visit::Done => continue,
                    Visit::Open => return Err(circle(items, &path, at)),
                    Visit::Not => state[at] = Visit::Open,
                }
            }
            match needs.get(at).and_then(|list| list.get(next)) {
                Some(need) => path.extend([(at, next + 1), (*need, 0)]),
                None => {
                    state[at] = Visit::Done;
                    order.push(at);
                }
            }
        }
    }
    Ok(order)
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Open,
    Done,
}

fn circle(items: &[Item], path: &[(usize, usize)], again: usize) -> PlanError {
    let from = path.iter().position(|(at, _)| *at == again).unwrap_or(0);
    let ids = path[from..].iter().map(|(at, _)| *at).chain([again]);
    PlanError::Circle { path: ids.filter_map(|at| items.get(at)).map(|item| item.id.clone()).collect() }
}
