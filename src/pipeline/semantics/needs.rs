//! `needs`: references lead to steps that run before, and never in a circle.

use std::collections::HashMap;

use super::{File, Step};
use crate::pipeline::diagnostic::{Diagnostic, Findings, nearest, quote};
use crate::pipeline::tree::Part;

/// An edge to a step, with the index of the reference in `needs`.
#[derive(Clone, Copy)]
struct Edge {
    to: usize,
    item: usize,
}

pub(super) fn check(steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, step) in steps.iter().enumerate() {
        by_name.entry(&step.common.name).or_default().push(position);
    }
    let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); steps.len()];
    for (position, step) in steps.iter().enumerate() {
        for (item, name) in step.common.needs.iter().enumerate() {
            match resolve(name, steps, &by_name) {
                Ok(to) if steps[to].kind > step.kind => later(steps, position, Edge { to, item }, file, findings),
                Ok(to) => edges[position].push(Edge { to, item }),
                Err(_) if findings.is_full() => return,
                Err(several) => {
                    let span = file.at(&step.way_to("needs", Part::Index(item)));
                    findings.push(unresolved(name, &several, steps).at(span));
                }
            }
        }
    }
    cycles(steps, &edges, file, findings);
}

/// The step of a reference: `name`, or `section/name`. The error lists the steps among which it cannot choose.
fn resolve(name: &str, steps: &[Step<'_>], by_name: &HashMap<&str, Vec<usize>>) -> Result<usize, Vec<usize>> {
    if let Some(found) = by_name.get(name) {
        // Steps of one section with one name are reported as such; which of them is meant does not matter then.
        let one_section = found.iter().all(|position| steps[*position].kind == steps[found[0]].kind);
        return if one_section { Ok(found[0]) } else { Err(found.clone()) };
    }
    let (section, rest) = name.split_once('/').ok_or_else(Vec::new)?;
    let in_section = |position: &&usize| steps[**position].kind.section() == section;
    by_name.get(rest).and_then(|found| found.iter().find(in_section)).copied().ok_or_else(Vec::new)
}

fn unresolved(name: &str, several: &[usize], steps: &[Step<'_>]) -> Diagnostic {
    if !several.is_empty() {
        let message = format!("{} could be any of several steps", quote(name));
        let ids: Vec<_> = several.iter().map(|position| steps[*position].id()).collect();
        return Diagnostic::error("ambiguous-need", Default::default(), message)
            .help(format!("write {}", ids.join(" or ")));
    }
    let mut names: Vec<_> = steps.iter().map(|step| step.common.name.as_str()).collect();
    names.dedup();
    let bare = name.split_once('/').map_or(name, |(_, rest)| rest);
    let near = nearest(name, names.iter().copied()).or_else(|| nearest(bare, names.iter().copied()));
    let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    let message = format!("there is no step {}{near}", quote(name));
    let mut listed: Vec<_> = steps.iter().take(12).map(|step| step.common.name.as_str()).collect();
    if steps.len() > listed.len() {
        listed.push("...");
    }
    Diagnostic::error("unknown-need", Default::default(), message).help(format!("steps: {}", listed.join(", ")))
}

fn later(steps: &[Step<'_>], from: usize, edge: Edge, file: File<'_>, findings: &mut Findings) {
    let (step, needed) = (&steps[from], &steps[edge.to]);
    let message = format!("{} cannot need {}, which runs after it", quote(&step.id()), quote(&needed.id()));
    let span = file.at(&step.way_to("needs", Part::Index(edge.item)));
    let help = "generations run first, then tests, then benchmarks";
    findings.push(Diagnostic::error("need-runs-later", span, message).help(help));
}

fn cycles(steps: &[Step<'_>], edges: &[Vec<Edge>], file: File<'_>, findings: &mut Findings) {
    let remaining = on_or_before_cycles(edges);
    let mut visited = vec![false; steps.len()];
    for start in 0..steps.len() {
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut at: HashMap<usize, usize> = HashMap::new();
        let mut here = start;
        // Each step that remains needs another that remains, so the walk ends in a circle or on known ground.
        while remaining[here] && !visited[here] {
            visited[here] = true;
            let Some(edge) = edges[here].iter().find(|edge| remaining[edge.to]) else { break };
            at.insert(here, path.len());
            path.push((here, edge.item));
            here = edge.to;
        }
        if let Some(circle) = at.get(&here).and_then(|first| path.get(*first..)) {
            findings.push(circle_found(steps, circle, file));
        }
    }
}

/// Takes away steps whose needs are all met, again and again; what is left is on a circle or needs one.
fn on_or_before_cycles(edges: &[Vec<Edge>]) -> Vec<bool> {
    let mut unmet: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (from, needs) in edges.iter().enumerate() {
        for edge in needs {
            needed_by[edge.to].push(from);
        }
    }
    let mut ready: Vec<usize> = (0..edges.len()).filter(|position| unmet[*position] == 0).collect();
    while let Some(met) = ready.pop() {
        for &user in &needed_by[met] {
            unmet[user] -= 1;
            if unmet[user] == 0 {
                ready.push(user);
            }
        }
    }
    unmet.into_iter().map(|count| count > 0).collect()
}

fn circle_found(steps: &[Step<'_>], circle: &[(usize, usize)], file: File<'_>) -> Diagnostic {
    let names: Vec<_> = circle.iter().take(10).map(|(position, _)| steps[*position].common.name.as_str()).collect();
    let (first, item) = circle.first().copied().unwrap_or_default();
    let more = if circle.len() > names.len() { " -> ..." } else { "" };
    let message = if circle.len() == 1 {
        format!("{} needs itself", quote(&steps[first].id()))
    } else {
        let back = names.first().copied().unwrap_or_default();
        format!("these steps need each other in a circle: {}{more} -> {back}", names.join(" -> "))
    };
    let span = file.at(&steps[first].way_to("needs", Part::Index(item)));
    let mut found = Diagnostic::error("needs-cycle", span, message).help("remove one of these needs");
    for (position, item) in circle.iter().skip(1).take(9) {
        found = found.also(file.at(&steps[*position].way_to("needs", Part::Index(*item))), "and this");
    }
    found
}
