//! Do the steps need what there is, and not each other in a circle?

use super::steps::{self, Step};
use crate::pipeline::diagnostic::{Diagnostic, nearest};
use crate::pipeline::grammar::Pipeline;
use crate::pipeline::tree::Node;

/// Checks the `needs` of all steps.
pub(super) fn check(pipeline: &Pipeline, root: &Node, found: &mut Vec<Diagnostic>) {
    let steps = steps::all(pipeline, root);
    let mut edges: Vec<Vec<usize>> = Vec::new();
    for step in &steps {
        let mut towards = Vec::new();
        for (at, need) in step.common.needs.iter().enumerate() {
            let place = step
                .node
                .get("needs")
                .and_then(|list| list.item(at))
                .map_or(step.node.span.clone(), |node| node.span.clone());
            match resolve(&steps, need) {
                Ok(target) => towards.push(target),
                Err(told) => found.push(Diagnostic { span: place, ..told }),
            }
        }
        edges.push(towards);
    }
    if let Some(circle) = circle(&edges) {
        let names: Vec<String> = circle.iter().filter_map(|at| steps.get(*at)).map(Step::id).collect();
        let place = circle.first().and_then(|at| steps.get(*at)).and_then(|step| step.node.get("needs"));
        let place = place.map_or(root.span.clone(), |node| node.span.clone());
        found.push(Diagnostic::error(
            "circle",
            format!("the steps need each other in a circle: {}", names.join(" → ")),
            place,
        ));
    }
}

impl Step<'_> {
    fn id(&self) -> String {
        format!("{}/{}", self.section, self.common.name)
    }
}

fn resolve(steps: &[Step<'_>], need: &str) -> Result<usize, Diagnostic> {
    let by_id = steps.iter().position(|step| step.id() == need);
    let by_name: Vec<usize> =
        steps.iter().enumerate().filter(|(_, step)| step.common.name == need).map(|(at, _)| at).collect();
    match (by_id, by_name.as_slice()) {
        (Some(one), _) => Ok(one),
        (None, [one]) => Ok(*one),
        (None, []) => {
            let names: Vec<&str> = steps.iter().map(|step| step.common.name.as_str()).collect();
            let hint = nearest(need, names.iter().copied())
                .map(|near| format!(", did you mean `{near}`?"))
                .unwrap_or_default();
            let told = Diagnostic::error("unknown-step", format!("there is no step `{need}`{hint}"), 0..0);
            Err(told.help(format!("steps: {}", names.join(", "))))
        }
        (None, several) => {
            let ids: Vec<String> = several.iter().filter_map(|at| steps.get(*at)).map(Step::id).collect();
            let told = Diagnostic::error("ambiguous-step", format!("`{need}` names several steps"), 0..0);
            Err(told.help(format!("write one of: {}", ids.join(", "))))
        }
    }
}

/// A circle of the graph, its first entry repeated at the end.
fn circle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    // 0 not seen, 1 on the way, 2 done.
    let mut state = vec![0_u8; edges.len()];
    for start in 0..edges.len() {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if state.get(start) == Some(&0) {
            path.push((start, 0));
        }
        while let Some((at, next)) = path.pop() {
            if let Some(mark) = state.get_mut(at).filter(|_| next == 0) {
                *mark = 1;
            }
            let Some(towards) = edges.get(at).and_then(|list| list.get(next)).copied() else {
                if let Some(mark) = state.get_mut(at) {
                    *mark = 2;
                }
                continue;
            };
            path.push((at, next + 1));
            match state.get(towards) {
                Some(1) => {
                    let from = path.iter().position(|(on_the_way, _)| *on_the_way == towards)?;
                    return Some(path.get(from..)?.iter().map(|(at, _)| *at).chain([towards]).collect());
                }
                Some(0) => path.push((towards, 0)),
                _ => {}
            }
        }
    }
    None
}
