//! On what the nodes of a model really ran, from the runtime's own profile.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Which nodes ran where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placement {
    /// Per provider (`CPUExecutionProvider`) how many nodes it executed.
    pub nodes: BTreeMap<String, u64>,
    /// Per provider the operators it executed, each once.
    pub operators: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Args,
}

#[derive(Default, Deserialize)]
struct Args {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    op_name: String,
    #[serde(default)]
    node_index: String,
}

impl Placement {
    /// Reads a profile. Nodes that only move data between devices do not count.
    ///
    /// # Errors
    /// Where it is no profile of ONNX Runtime.
    pub fn of_profile(text: &str) -> Result<Self, serde_json::Error> {
        let entries: Vec<Entry> = serde_json::from_str(text)?;
        let mut seen = BTreeSet::new();
        let mut placement = Self::default();
        for Entry { cat, name, args } in entries {
            let moves = args.op_name.starts_with("Memcpy");
            if cat != "Node" || args.provider.is_empty() || moves || !name.ends_with("_kernel_time") {
                continue;
            }
            // A node in a loop is there as often as it ran.
            if seen.insert((args.node_index, name)) {
                *placement.nodes.entry(args.provider.clone()).or_default() += 1;
                placement.operators.entry(args.provider).or_default().insert(args.op_name);
            }
        }
        Ok(placement)
    }

    /// The share of the nodes that these providers executed; `None` where no node ran.
    pub fn share(&self, providers: &[&str]) -> Option<f64> {
        let all: u64 = self.nodes.values().sum();
        let theirs: u64 =
            self.nodes.iter().filter(|(name, _)| providers.contains(&name.as_str())).map(|(_, n)| n).sum();
        (all > 0).then(|| theirs as f64 / all as f64)
    }

    /// The operators that ran elsewhere than on these providers, each once.
    pub fn elsewhere(&self, providers: &[&str]) -> Vec<&str> {
        let others = self.operators.iter().filter(|(name, _)| !providers.contains(&name.as_str()));
        let mut names: Vec<&str> = others.flat_map(|(_, names)| names.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::Placement;

    #[test]
    fn nodes_are_counted_once_and_copies_not_at_all() {
        let node = |name: &str, op: &str, provider: &str, index: u32| {
            format!(
                r#"{{"cat":"Node","ts":1,"dur":2,"name":"{name}","args":{{"op_name":"{op}","provider":"{provider}","node_index":"{index}"}}}}"#
            )
        };
        let (cuda, cpu) = ("CUDAExecutionProvider", "CPUExecutionProvider");
        let profile = [
            r#"{"cat":"Session","name":"model_run","args":{}}"#.to_owned(),
            node("a_fence_before", "Conv", "", 1),
            node("a_kernel_time", "Conv", cuda, 1),
            node("a_kernel_time", "Conv", cuda, 1),
            node("b_kernel_time", "Relu", cuda, 2),
            node("c_kernel_time", "NonZero", cpu, 3),
            node("m_kernel_time", "MemcpyToHost", cuda, 4),
        ];
        let placement = Placement::of_profile(&format!("[{}]", profile.join(","))).unwrap();
        assert_eq!(placement.nodes[cuda], 2);
        assert_eq!(placement.share(&[cuda]), Some(2.0 / 3.0));
        assert_eq!(placement.elsewhere(&[cuda]), ["NonZero"]);
        assert_eq!(Placement::default().share(&[cuda]), None);
        assert!(Placement::of_profile("{").is_err());
    }
}
