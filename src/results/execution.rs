//! How a model was executed: what a green cell of a model × target matrix stands on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// On what a model really ran, as its runtime says, and whether its answers were right.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// The runtime and its version: `onnxruntime 1.32.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The device, for people: `NVIDIA H100 80GB HBM3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Per execution provider (`CUDAExecutionProvider`) the number of the model's nodes that it executed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, u64>,
    /// The SHA-256 of the model file, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_sha256: Option<String>,
    /// The seed of inputs and arrivals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What the answers were held against; absent where nothing was there to hold them against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correctness: Option<Correctness>,
}

/// That the answers were checked before anything was timed, and how near they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correctness {
    /// `golden` (stored answers) or `cpu` (what the CPU answers to the same inputs).
    pub against: String,
    /// How many sets of inputs were tried.
    pub sets: u64,
    /// The largest share of the allowed difference that was used: 1 is the limit, 0 is the same to the last bit.
    pub used: f64,
}

/// Whether this is the reason code of a model that ran and did not do what it was to: answered wrongly or with no number,
/// or ran elsewhere.
pub fn is_wrong(code: &str) -> bool {
    matches!(code, "wrong_answer" | "nan_output" | "cpu_fallback")
}

impl Execution {
    /// The share of the nodes that this provider executed, 0 to 1; `None` where nothing is known of the nodes.
    pub fn share(&self, provider: &str) -> Option<f64> {
        let all: u64 = self.nodes.values().sum();
        (all > 0).then(|| self.nodes.get(provider).copied().unwrap_or(0) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Execution;

    #[test]
    fn the_share_of_a_provider() {
        let nodes = [("CUDAExecutionProvider".to_owned(), 3), ("CPUExecutionProvider".to_owned(), 1)].into();
        let execution = Execution { nodes, ..Execution::default() };
        assert_eq!(execution.share("CUDAExecutionProvider"), Some(0.75));
        assert_eq!(execution.share("ROCMExecutionProvider"), Some(0.0));
        assert_eq!(Execution::default().share("CPUExecutionProvider"), None);
    }
}
