//! A model made ready by the runtime. The only place that talks to ONNX Runtime.
#![allow(unsafe_code, reason = "the bytes of a tensor of any type are only to be had through its pointer")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ort::environment::Environment;
use ort::ep;
use ort::ep::ExecutionProvider as _;
use ort::memory::Allocator;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynTensor, DynValue, TensorElementType, ValueType};

use super::element::Element;
use super::placement::Placement;
use super::providers::Provider;
use super::runtime::{Found, RuntimeError};
use super::scenario::Service;
use super::tensor::{Data, Tensor};

/// What went wrong in the runtime, and of which kind that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct EngineError {
    /// The reason code of documents: `unsupported_op`, `ep_unavailable`, `runtime_error`, ...
    pub code: &'static str,
    /// The runtime's words.
    pub text: String,
}

/// The runtime, loaded.
#[derive(Debug)]
pub struct Engine {
    environment: Environment,
    /// `onnxruntime 1.32.0`.
    pub version: String,
}

/// How a model is made ready.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where it runs, first choice first; the CPU is always the last.
    pub providers: Vec<Provider>,
    /// The number of the device.
    pub device: i32,
    /// Threads inside an operator; 0 for the runtime's own choice.
    pub threads: usize,
    /// Where to keep a profile, as the beginning of a file name.
    pub profile: Option<PathBuf>,
}

/// A model ready to run.
pub struct Model {
    session: Session,
    /// From the wish to the model being ready.
    pub loading: Duration,
}

/// A model with its inputs, answering queries.
pub struct Ready {
    /// The model.
    pub model: Model,
    /// Its inputs.
    pub feed: Feed,
}

impl Service for Ready {
    fn query(&mut self) -> Result<(), (&'static str, String)> {
        self.model.run(&self.feed).map_err(|error| (error.code, error.text))
    }
}

/// Inputs that the runtime holds, to be given to it again and again.
pub struct Feed {
    values: Vec<SessionInputValue<'static>>,
}

impl Engine {
    /// Loads the library.
    ///
    /// # Errors
    /// If it is too old or cannot be loaded.
    pub fn load(found: &Found) -> Result<Self, RuntimeError> {
        if crate::host::LOADS_NO_LIBRARY {
            return Err(RuntimeError::Static);
        }
        let path = found.path.clone();
        let builder = ort::init_from(&path).map_err(|error| match error {
            ort::LoadDynamicError::BadVersion { version_str, path } => RuntimeError::Old { path, version: version_str },
            other => RuntimeError::Broken { path: path.clone(), text: other.to_string() },
        })?;
        let broken = |error: ort::Error| RuntimeError::Broken { path: path.clone(), text: error.to_string() };
        let environment = builder.with_name("backsight").with_telemetry(false).build().map_err(broken)?;
        // What fails comes back as an error, which we tell once.
        environment.set_log_level(ort::logging::LogLevel::Fatal);
        Ok(Self { environment, version: version(ort::info(), &found.path) })
    }

    /// The runtime's own environment, of which a process has one.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Whether the library was built with this provider.
    fn has(&self, provider: Provider) -> bool {
        let there = match provider {
            Provider::Cpu => Ok(true),
            Provider::Cuda => ep::CUDA::is_available(),
            Provider::Tensorrt => ep::TensorRT::is_available(),
            Provider::Rocm => ep::ROCm::is_available(),
            Provider::Migraphx => ep::MIGraphX::is_available(),
            Provider::Openvino(_) => ep::OpenVINO::is_available(),
            Provider::Coreml => ep::CoreML::is_available(),
            Provider::Directml => ep::DirectML::is_available(),
            Provider::Qnn => ep::QNN::is_available(),
        };
        there.unwrap_or(false)
    }

    /// Whether the library can run models on these providers at all: it has the first of them.
    ///
    /// # Errors
    /// If not, with the package that has it.
    pub fn serves(&self, providers: &[Provider]) -> Result<(), EngineError> {
        let Some(provider) = providers.first().filter(|provider| !self.has(**provider)) else { return Ok(()) };
        let (name, package) = (provider.name(), provider.package());
        let text = format!("{} has no {name}; `pip install {package}` has it", self.version);
        Err(EngineError { code: "ep_unavailable", text })
    }

    /// Makes a model ready.
    ///
    /// # Errors
    /// If a provider is not there, or the runtime cannot use the model.
    pub fn open(&self, model: &Path, options: &Options) -> Result<Model, EngineError> {
        let began = Instant::now();
        let mut builder = Session::builder(&self.environment).map_err(EngineError::of)?;
        if options.threads > 0 {
            builder = builder.with_intra_threads(options.threads).map_err(|error| EngineError::of(error.into()))?;
        }
        if let Some(profile) = &options.profile {
            builder = builder.with_profiling(profile).map_err(|error| EngineError::of(error.into()))?;
        }
        let providers: Vec<_> = options.providers.iter().filter_map(|it| dispatch(*it, options.device)).collect();
        if !providers.is_empty() {
            builder = builder
                .with_execution_providers(providers)
                .map_err(|error| EngineError { code: "ep_unavailable", text: first_line(&error.to_string()) })?;
        }
        let session = builder.commit_from_file(model).map_err(EngineError::of)?;
        Ok(Model { session, loading: began.elapsed() })
    }
}

/// `onnxruntime` and its version, from what it says of its build or the name of its file.
fn version(info: &str, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let in_name = name.split_once(".so.").map(|(_, version)| version.to_owned());
    let in_info =
        info.split("git-branch=rel-").nth(1).and_then(|rest| rest.split([',', ' ']).next()).map(str::to_owned);
    match in_name.or(in_info) {
        Some(version) => format!("onnxruntime {version}"),
        None => "onnxruntime".to_owned(),
    }
}

fn dispatch(provider: Provider, device: i32) -> Option<ep::ExecutionProviderDispatch> {
    let built = match provider {
        Provider::Cpu => return None,
        Provider::Cuda => ep::CUDA::default().with_device_id(device).build(),
        Provider::Tensorrt => ep::TensorRT::default().with_device_id(device).build(),
        Provider::Rocm => ep::ROCm::default().with_device_id(device).build(),
        Provider::Migraphx => ep::MIGraphX::default().with_device_id(device).build(),
        Provider::Openvino(kind) => ep::OpenVINO::default().with_device_type(kind).build(),
        Provider::Coreml => ep::CoreML::default().build(),
        Provider::Directml => ep::DirectML::default().with_device_id(device).build(),
        Provider::Qnn => ep::QNN::default().build(),
    };
    Some(built.error_on_failure())
}

/// What the providers of GPUs say where the device, not the model, fails.
const DEVICE: [&str; 6] =
    ["cuda failure", "cudnn failure", "cublas failure", "hip failure", "miopen failure", "device was lost"];

impl EngineError {
    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
    fn of(error: ort::Error) -> Self {
        use ort::ErrorCode::{InvalidGraph, InvalidProtobuf, NoModel, NoSuchFile, NotImplemented};
        let text = first_line(&error.to_string());
        let lower = text.to_lowercase();
        let unsupported = [
            "not implemented",
            "is not a registered function",
            "no op registered",
            "could not find an implementation",
            "not a registered function/op",
            "unsupported model ir version",
            "is till opset",
            "is under development",
            // A kernel that refuses to be made here, such as one for a locale that the system does not have.
            "exception during initialization",
        ];
        let code = match error.code() {
            NotImplemented => "unsupported_op",
            _ if unsupported.iter().any(|words| lower.contains(words)) => "unsupported_op",
            _ if lower.contains("failed to allocate memory") || lower.contains("out of memory") => {
                "insufficient_memory"
            }
            _ if DEVICE.iter().any(|words| lower.contains(words)) => "device_failed",
            InvalidGraph | InvalidProtobuf | NoModel | NoSuchFile => "invalid_model",
            _ => "runtime_error",
        };
        Self { code, text }
    }
}

/// What the runtime says, without the places in its own sources and without the nodes around the node that failed.
fn first_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.starts_with("Stacktrace")).collect();
    let line = lines.join(" ");
    let line = line.trim();
    let told = line.rsplit("Status Message: ").next().unwrap_or(line);
    let node = line.rsplit("while running ").next().and_then(|rest| rest.split(" node").next());
    let node = node.filter(|node| told != line && node.len() < 80).map_or_else(String::new, |node| format!("{node}: "));
    let told = format!("{node}{told}");
    let count = told.chars().count();
    if count <= LONGEST {
        return told;
    }
    // Names of C++ functions stand in between; what happened stands at the end.
    let begin: String = told.chars().take(BEGIN).collect();
    let end: String = told.chars().skip(count - (LONGEST - BEGIN)).collect();
    format!("{begin} … {end}")
}

/// How much of the beginning of a long message is kept, in characters.
const BEGIN: usize = 60;

/// The most characters of what the runtime says that are kept.
const LONGEST: usize = 360;

impl Model {
    /// Hands inputs to the runtime, in the order of the model's inputs.
    ///
    /// # Errors
    /// If one is missing, or of a type that the runtime does not know.
    pub fn feed(&self, inputs: &[(String, Tensor)]) -> Result<Feed, EngineError> {
        let find = |name: &str| inputs.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor);
        let one = |outlet: &ort::value::Outlet| {
            let missing =
                || EngineError { code: "invalid_input", text: format!("there is no input `{}`", outlet.name()) };
            value(find(outlet.name()).ok_or_else(missing)?).map(SessionInputValue::Owned)
        };
        Ok(Feed { values: self.session.inputs().iter().map(one).collect::<Result<_, _>>()? })
    }

    /// The names of its inputs, in order.
    pub fn inputs(&self) -> Vec<String> {
        self.session.inputs().iter().map(|outlet| outlet.name().to_owned()).collect()
    }

    /// Runs it once: from handing in to the answer being there, and dropped.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn run(&mut self, feed: &Feed) -> Result<(), EngineError> {
        self.session.run(feed.values.as_slice()).map(drop).map_err(EngineError::of)
    }

    /// Runs it once and gives its answers by name; what is no tensor is left out.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn answer(&mut self, feed: &Feed) -> Result<Vec<(String, Option<Tensor>)>, EngineError> {
        let outputs = self.session.run(feed.values.as_slice()).map_err(EngineError::of)?;
        outputs.iter().map(|(name, value)| Ok((name.to_owned(), tensor(&value)?))).collect()
    }

    /// Ends the profile and reads from it where the nodes ran.
    ///
    /// # Errors
    /// If there is no profile, or it cannot be read.
    pub fn placement(&mut self) -> Result<Placement, EngineError> {
        let broken = |text: String| EngineError { code: "no_profile", text };
        let path = self.session.end_profiling().map_err(EngineError::of)?;
        let text = std::fs::read_to_string(&path).map_err(|error| broken(format!("{path}: {error}")))?;
        // It may be gone already; then there is nothing to tidy.
        let _gone = std::fs::remove_file(&path);
        Placement::of_profile(&text).map_err(|error| broken(format!("{path}: {error}")))
    }
}

fn element_of(element: Element) -> TensorElementType {
    match element {
        Element::Float32 => TensorElementType::Float32,
        Element::Float64 => TensorElementType::Float64,
        Element::Float16 => TensorElementType::Float16,
        Element::Bfloat16 => TensorElementType::Bfloat16,
        Element::SmallFloat(17) => TensorElementType::Float8E4M3FN,
        Element::SmallFloat(18) => TensorElementType::Float8E4M3FNUZ,
        Element::SmallFloat(19) => TensorElementType::Float8E5M2,
        Element::SmallFloat(20) => TensorElementType::Float8E5M2FNUZ,
        Element::SmallFloat(24) => TensorElementType::Float8E8M0,
        Element::SmallFloat(_) => TensorElementType::Float4E2M1,
        Element::Int8 => TensorElementType::Int8,
        Element::Int16 => TensorElementType::Int16,
        Element::Int32 => TensorElementType::Int32,
        Element::Int64 => TensorElementType::Int64,
        Element::Uint8 => TensorElementType::Uint8,
        Element::Uint16 => TensorElementType::Uint16,
        Element::Uint32 => TensorElementType::Uint32,
        Element::Uint64 => TensorElementType::Uint64,
        Element::SmallInt(21) => TensorElementType::Uint4,
        Element::SmallInt(22) => TensorElementType::Int4,
        Element::SmallInt(25) => TensorElementType::Uint2,
        Element::SmallInt(_) => TensorElementType::Int2,
        Element::Bool => TensorElementType::Bool,
        Element::Text => TensorElementType::String,
        Element::Complex(14) => TensorElementType::Complex64,
        Element::Complex(_) => TensorElementType::Complex128,
    }
}

/// A tensor as the runtime's own, which keeps a copy of its bytes.
fn value(tensor: &Tensor) -> Result<DynValue, EngineError> {
    let bytes = match &tensor.data {
        Data::Text(text) => {
            let made = ort::value::Tensor::from_string_array((tensor.dims.clone(), text.as_slice()));
            return made.map(ort::value::Value::into_dyn).map_err(EngineError::of);
        }
        Data::Bytes(bytes) => bytes,
    };
    let made = DynTensor::new(&Allocator::default(), element_of(tensor.element), tensor.dims.clone());
    let mut made = made.map_err(EngineError::of)?;
    if !bytes.is_empty() {
        let there = made.size().unwrap_or(0);
        if there != bytes.len() {
            let text = format!("the runtime holds {there} bytes for {} of {}", bytes.len(), tensor.element.name());
            return Err(EngineError { code: "invalid_input", text });
        }
        // SAFETY: the tensor was just made in the processor's memory, and has exactly so many bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), made.data_ptr_mut().cast::<u8>(), bytes.len()) };
    }
    Ok(made.into_dyn())
}

/// The runtime's tensor as ours; `None` for what is no tensor.
fn tensor(value: &DynValue) -> Result<Option<Tensor>, EngineError> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return Ok(None) };
    let dims: Vec<i64> = shape.iter().copied().collect();
    let known = (1..=26).filter_map(Element::of_code).find(|element| element_of(*element) == *ty);
    let Some(element) = known else { return Ok(None) };
    if element == Element::Text {
        let (_, text) = value.try_extract_strings().map_err(EngineError::of)?;
        return Ok(Some(Tensor { element, dims, data: Data::Text(text) }));
    }
    let count = Tensor::count(&dims).and_then(|count| element.bytes(count)).unwrap_or(0);
    let mut bytes = vec![0; count];
    let view = value.view();
    let Ok(view) = view.downcast::<ort::value::DynTensorValueType>() else { return Ok(None) };
    if !view.memory_info().is_cpu_accessible() {
        return Err(EngineError { code: "runtime_error", text: "an answer was left on the device".to_owned() });
    }
    if count > 0 {
        // SAFETY: the processor can read it, and its type and dimensions say that it has so many bytes.
        unsafe { std::ptr::copy_nonoverlapping(view.data_ptr().cast::<u8>(), bytes.as_mut_ptr(), count) };
    }
    Ok(Some(Tensor { element, dims, data: Data::Bytes(bytes) }))
}
