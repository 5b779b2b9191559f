//! The upper rungs of a target's ladder: the runtime, its provider, and one operation on the device.

use std::path::Path;

use super::providers::providers;
use super::runtime::Found;
#[cfg(feature = "onnx")]
use super::session::{Engine, Options};
use crate::results::TargetProbe;

/// A model of one addition.
#[cfg(feature = "onnx")]
const ONE_ADD: &[u8] = include_bytes!("one_add.onnx");

/// Climbs on where device and driver are there: loads the runtime, makes a session on the target's provider, and adds
/// 1 to 1 there. In this process: what hangs or crashes here takes it along.
#[cfg(feature = "onnx")]
pub fn climb(ladder: TargetProbe, found: &Found, scratch: &Path) -> TargetProbe {
    use super::element::Element;
    use super::tensor::{Data, Tensor};
    let target = ladder.target.clone();
    let Some(providers) = providers(&target) else {
        return ladder.lacks(
            "provider",
            "ep_unavailable",
            format!("ONNX Runtime does not serve the target `{target}`"),
        );
    };
    let engine = match Engine::load(found) {
        Ok(engine) => engine,
        Err(error) => return ladder.lacks("library", error.code(), error.to_string()),
    };
    let ladder = ladder.climbed("library", format!("{} of {}", engine.version, found.by));
    if let Err(error) = engine.serves(providers) {
        return ladder.lacks("provider", error.code, error.text);
    }
    let names: Vec<&str> = providers.iter().map(|provider| provider.name()).collect();
    let ladder = ladder.climbed("provider", names.join(", "));
    let model = scratch.join("one_add.onnx");
    if let Err(error) = std::fs::write(&model, ONE_ADD) {
        return ladder.breaks("operation", "no_place", format!("a small model cannot be written: {error}"));
    }
    let options = Options {
        providers: providers.to_vec(),
        profile: Some(scratch.join("profile")),
        threads: 1,
        ..Options::default()
    };
    let tried = engine.open(&model, &options).and_then(|mut model| {
        let data = Data::Bytes([1_f32; 4].iter().flat_map(|one| one.to_le_bytes()).collect());
        let feed = model.feed(&[("x".to_owned(), Tensor { element: Element::Float32, dims: vec![4], data })])?;
        let answers = model.answer(&feed)?;
        Ok((answers, model.placement()?))
    });
    match tried {
        Err(error) => ladder.breaks("operation", error.code, error.text),
        Ok((answers, placement)) => {
            let sum = answers.into_iter().next().and_then(|(_, answer)| answer?.numbers());
            if sum.as_deref() != Some(&[2.0; 4]) {
                return ladder.breaks("operation", "wrong_answer", format!("1 + 1 is {sum:?} there"));
            }
            if placement.share(&names) == Some(1.0) {
                ladder.climbed("operation", "1 + 1 = 2")
            } else {
                ladder.breaks("operation", "cpu_fallback", "an addition was left to the processor in silence")
            }
        }
    }
}

/// Climbs no further: this build cannot.
#[cfg(not(feature = "onnx"))]
pub fn climb(ladder: TargetProbe, _found: &Found, _scratch: &Path) -> TargetProbe {
    let _served = providers(&ladder.target);
    let error = super::RuntimeError::NotBuilt;
    ladder.lacks("library", error.code(), error.to_string())
}
