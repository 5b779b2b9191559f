//! Runs ONNX models with ONNX Runtime.
//!
//! A model file is read without any runtime ([`inspect`]); the runtime is a shared library that is looked for
//! ([`find`]) and loaded only where a model is to run. What the runtime does can end a process, so the engine never
//! calls this in its own: `backsight onnx` is a process of its own for each model, and its report comes back like any
//! harness's.

mod agreement;
mod element;
mod golden;
mod inputs;
mod model;
mod placement;
mod probe;
mod proto;
mod providers;
mod runtime;
mod scenario;
#[cfg(feature = "onnx")]
mod session;
mod tensor;
mod window;

pub use agreement::{Difference, Tolerance, agree, no_number};
pub use element::Element;
pub use golden::{GoldenError, GoldenSet, sets};
pub use inputs::{Fill, InputError, Sizes, make};
pub use model::{Dim, ModelError, ModelFacts, Slot, SlotKind, inspect};
pub use placement::Placement;
pub use probe::climb;
pub use providers::{Provider, providers};
pub use runtime::{Found, OLDEST, RuntimeError, VARIABLE, find};
pub use scenario::{Clock, Effort, RealClock, Scenario, Service, Timed, WarmUp, measure, warm_up};
#[cfg(feature = "onnx")]
pub use session::{Engine, EngineError, Feed, Model, Options, Ready};
pub use tensor::{Data, Tensor, TensorError};
